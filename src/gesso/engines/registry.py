"""The engines of this process by name, and why a route cannot run on them."""

from __future__ import annotations

from collections.abc import Iterable

from gesso.catalogue.vendors import VENDORS
from gesso.domain.request import RouteChoice
from gesso.engines.diffusers.needed import needed_beside
from gesso.engines.engine import Engine, GoesElsewhere, HasAbilities, RunsWeights, SpendsMoney


class Engines:
    """A fixed set of engines. `names` are those jobs may be claimed for: not one that lacks what it takes to run here;
    `elsewhere` those that other processes have (and, as "engine/vendor" or "engine/weights", what theirs can use).

    `elsewhere` is None where there are no other processes. `known` are engines that run in other processes of the same
    settings: they tell what is possible there.
    """

    def __init__(self, engines: Iterable[Engine], known: Iterable[Engine] = ()) -> None:
        self._engines = {engine.name: engine for engine in engines}
        self._known = {engine.name: engine for engine in known} | self._engines
        self.elsewhere: frozenset[str] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, engine in self._engines.items() if _installed(engine))

    def __getitem__(self, name: str) -> Engine:
        return self._engines[name]

    @property
    def told(self) -> tuple[str, ...]:
        """What other processes are told that this one has: its engines, and what each can use elsewhere."""
        offered = (f"{name}/{offer}" for name in self.names for offer in _offers(self._engines[name]))
        return (*self.names, *offered)

    @property
    def only_elsewhere(self) -> tuple[str, ...]:
        """The engines that other processes have and this one has not."""
        return tuple(sorted(name for name in self.elsewhere or () if "/" not in name and name not in self.names))

    async def withdraw(self, routes: Iterable[RouteChoice], token: str | None) -> None:
        """Stop what a cancelled job had begun elsewhere, on whichever of its routes."""
        for route in routes:
            engine = self._engines.get(route.engine)
            if route.vendor and isinstance(engine, GoesElsewhere):
                await engine.withdraw(route, token)

    @property
    def reaching_out(self) -> tuple[GoesElsewhere, ...]:
        """The engines whose work is done elsewhere."""
        return tuple(one for one in self._engines.values() if isinstance(one, GoesElsewhere))

    @property
    def spending(self) -> tuple[SpendsMoney, ...]:
        """The engines that spend money elsewhere."""
        return tuple(one for one in self._engines.values() if isinstance(one, SpendsMoney))

    @property
    def on_devices(self) -> tuple[RunsWeights, ...]:
        """The engines that run weights on this machine's devices."""
        return tuple(one for one in self._engines.values() if isinstance(one, RunsWeights))

    def slots(self, name: str) -> int:
        """Return how many jobs the engine runs at once."""
        return self._engines[name].slots

    def why_not(self, route: RouteChoice) -> str | None:
        """Return None when the route could run now, else the reason in a sentence."""
        engine = self._engines.get(route.engine)
        if (engine is None or not _installed(engine)) and self.elsewhere is not None:
            if _uses(route) <= self.elsewhere:
                return None
            if engine is None and route.engine in self.elsewhere and not route.vendor:
                return f"no worker that is alive has the weights {route.target}: gesso pull {route.slug or route.runs}"
            if engine is None:
                return f"no worker with the engine {route.engine} is alive{_needs(route)}"
        if engine is None:
            return f"the engine {route.engine} is not part of this server{_needs(route)}"
        readiness = engine.readiness(route)
        return None if readiness.ready else readiness.reason

    def able(self, route: RouteChoice) -> frozenset[str]:
        """Return what the route's engine can do beyond painting (see `HasAbilities`); nothing where it says nothing."""
        engine = self._known.get(route.engine)
        return engine.able(route) if isinstance(engine, HasAbilities) else frozenset()

    async def close(self) -> None:
        """Close every engine."""
        for engine in self._engines.values():
            await engine.close()


def _installed(engine: Engine) -> bool:
    return not isinstance(engine, RunsWeights) or engine.installed


def _offers(engine: Engine) -> tuple[str, ...]:
    if isinstance(engine, RunsWeights):
        return engine.targets
    return engine.offers if isinstance(engine, GoesElsewhere) else ()


def _uses(route: RouteChoice) -> set[str]:
    """Return what another process has to tell that it has, for this route to run there."""
    if route.vendor:
        return {f"{route.engine}/{route.vendor}"}
    weights = {route.target, *needed_beside(route).values()} if route.target else set()
    return {route.engine, *(f"{route.engine}/{target}" for target in weights)}


def _needs(route: RouteChoice) -> str:
    """Return what else the route would need."""
    if route.vendor in VENDORS:
        vendor = VENDORS[route.vendor]
        return f"; with it, a key of {vendor.name} in {' and '.join(vendor.variables)}"
    return f"; with it, the weights {route.target}" if route.target else ""
