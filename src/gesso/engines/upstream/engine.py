"""The upstream engine: jobs at vendors, each call kept before it may cost, the pictures brought here at once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

import structlog

from gesso.catalogue.vendors import VENDORS as NAMES
from gesso.catalogue.vendors import needs_links
from gesso.domain.circuit import CircuitState
from gesso.domain.clock import Clock, now_microseconds
from gesso.domain.credits import MICRO
from gesso.domain.events import Event, Note, Task
from gesso.domain.request import SEED_LIMIT, RouteChoice
from gesso.domain.spending import ReadSpent
from gesso.domain.upstream import CallEnded, CallLeft, standing_of
from gesso.engines.engine import Readiness
from gesso.engines.upstream.aside import aside
from gesso.engines.upstream.attempt import attempt_note, ended_call
from gesso.engines.upstream.errors import LOST, error_of, failure_of
from gesso.engines.upstream.gate import Gate
from gesso.engines.upstream.job import Desk, Ended, UpstreamJob
from gesso.engines.upstream.late import ask_once
from gesso.engines.upstream.line import Line
from gesso.engines.upstream.results import Brought, NoPicture, brought, raw
from gesso.engines.upstream.sender import Access, NotSent, Unclear
from gesso.engines.upstream.steps import Done, Failed, Inline, Link
from gesso.engines.upstream.vendor import Limits, Vendor
from gesso.engines.upstream.world import World
from gesso.imaging.budget import PixelBudget
from gesso.imaging.decode import DecodeLimits
from gesso.outgoing.fetch import Outgoing, Policy

log = structlog.get_logger(__name__)
CANCEL_SECONDS = 5.0
PIXELS_AT_ONCE = 4_000_000  # decoded and not yet encoded, from all vendors together


@dataclass(frozen=True)
class VendorSettings:
    """What an operator says of one vendor. `base` and `limits` None: the vendor's own; `key` None: there is none.

    `targets` are names there instead of the catalogue's. `prices` are US dollars by a unit of its own ("credit"), or by
    a target, for a picture. `dollars_a_day` is what may be spent there in a day (UTC); None: as much as it takes.
    """

    key: str | None = field(default=None, repr=False)
    base: str | None = None
    limits: Limits | None = None
    targets: Mapping[str, str] = field(default_factory=dict)
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    dollars_a_day: Decimal | None = None


class UpstreamEngine:
    """Runs jobs at vendors. `slots` bounds how many wait at all of them together; each vendor has bounds of its own.

    `policy` is for fetching the pictures behind their links. `lends`: pictures of jobs can be put behind links that
    vendors follow.
    """

    name = "upstream"

    def __init__(
        self,
        vendors: Mapping[str, Vendor],
        settings: Mapping[str, VendorSettings],
        *,
        policy: Policy,
        decode_limits: DecodeLimits,
        lends: bool = False,
        clock: Clock = now_microseconds,
        slots: int = 512,
        world: World | None = None,
    ) -> None:
        self.slots, self._world = slots, world or World()
        self._vendors, self._settings, self._policy = vendors, settings, policy
        self._clock, self._decode_limits, self._lends = clock, decode_limits, lends
        self._outgoing: Outgoing | None = None
        self._pixels = PixelBudget(PIXELS_AT_ONCE)
        self._desks: dict[str, Desk] = {}
        limits = {name: one.dollars_a_day for name, one in settings.items()}
        self._gate = Gate(
            {name: int(most * MICRO) for name, most in limits.items() if most is not None},
            {name: one.prices for name, one in settings.items()},
            clock,
        )

    def readiness(self, route: RouteChoice) -> Readiness:
        """Tell whether the route's vendor is known here and its key is there."""
        if not route.vendor:
            return Readiness(bool(self.offers), "" if self.offers else "there is no vendor's key")
        known = NAMES.get(route.vendor)
        if known is None or route.vendor not in self._vendors:
            return Readiness(False, f"this version does not speak to {known.name if known else route.vendor}")
        settings = self._settings.get(route.vendor)
        if settings is None or not settings.key:
            return Readiness(False, f"set a key of {known.name} in {' and '.join(known.variables)}")
        if route.target in self._vendors[route.vendor].unnamed and route.target not in settings.targets:
            return Readiness(False, f"name what {route.vendor}/{route.target} is in GESSO_UPSTREAM_TARGETS")
        if needs_links(route) and not self._lends:
            address = "this server's address on the internet"
            return Readiness(False, f"{known.name} fetches pictures under links: set GESSO_PUBLIC_URL to {address}")
        reason = self._gate.why_not(route)
        return Readiness(reason is None, reason or "")

    async def run(self, task: Task) -> AsyncGenerator[Event, None]:
        """Yield what comes of the task; each `Checkpoint` has to be committed before the next event is asked for.

        A job of several calls succeeds with the pictures it got. Where it got none, it raises what `failure_of` makes
        of its calls.
        """
        vendor = NAMES[task.route.vendor].name
        failures = list[Failed]()
        made = 0
        async with (
            self._gate.visit(task) as visit,
            aclosing(UpstreamJob(task, self._desk(task.route.vendor), self._clock).events()) as told,
        ):
            async for event in told:
                if not isinstance(event, Ended):
                    yield event
                    continue
                ended = self._ended(task.route, event)
                self._gate.note(visit, ended)
                yield attempt_note(task.route, event.outcome)
                yield ended
                if isinstance(event.outcome, Failed):
                    failures.append(event.outcome)
                    continue
                failures.append(LOST)  # unless one of its pictures comes
                async for picture in self._pictures(task, event.ask.index, event.outcome):
                    made += not isinstance(picture, Note)
                    yield picture
        if not made:
            raise error_of(failure_of(failures), vendor)

    def _ended(self, route: RouteChoice, ended: Ended) -> CallEnded:
        return ended_call(ended.number, route.vendor, route.target, ended.outcome, self._prices(route.vendor))

    def _prices(self, vendor: str) -> Mapping[str, Decimal]:
        return self._settings.get(vendor, VendorSettings()).prices

    async def _pictures(self, task: Task, first: int, done: Done) -> AsyncGenerator[Event, None]:
        desk = self._desk(task.route.vendor)
        for number, given in enumerate(done.pictures[: task.request.count - first]):
            index = first + number
            seed = (task.request.seed + index) % SEED_LIMIT if given.seed is None else given.seed % SEED_LIMIT
            try:
                # As many files, and as many pixels, as there is memory for, until they are encoded and stored.
                async with desk.hands, self._brought(given) as made:
                    yield await aside(made.decoded.rgb.nbytes, raw, made, index, seed)
            except NoPicture as error:
                yield Note("picture_lost", str(error), {"picture": index})
        if done.refused:
            yield Note("pictures_refused", "The vendor kept pictures back.", {"pictures": done.refused})

    def _brought(self, given: Link | Inline) -> AbstractAsyncContextManager[Brought]:
        return brought(given, self._way_out(), self._decode_limits, self._pixels, rest=self._world.rest)

    @property
    def offers(self) -> tuple[str, ...]:
        """Return the vendors there are keys of."""
        return tuple(name for name in self._vendors if (found := self._settings.get(name)) and found.key)

    def spends_from(self, read: ReadSpent) -> None:
        """Hold what is sent to the limits, by what `read` tells."""
        self._gate.spending.read = read

    @property
    def circuits(self) -> Mapping[str, CircuitState]:
        """Return how the circuits of the vendors are that there are keys of."""
        return {name: self._gate.circuits.state(name) for name in self.offers}

    @property
    def calls_ended(self) -> Mapping[tuple[str, str], int]:
        """Return how many calls ended here, by vendor and outcome."""
        return self._gate.calls

    async def withdraw(self, route: RouteChoice, token: str | None) -> None:
        """Stop at the vendor what a job had begun there and nobody will wait for; without its key that cannot be."""
        if route.vendor not in self.offers:
            return
        standing = standing_of(token, route.vendor, route.target)
        desk = self._desk(route.vendor)
        for call in standing.calls.values():
            if call.standing == "open" and (cancel := desk.vendor.cancel(call.state)) is not None:
                try:
                    await desk.sender.send(cancel, CANCEL_SECONDS)
                except (NotSent, Unclear) as error:
                    log.warning("upstream_not_cancelled", vendor=route.vendor, reason=str(error))

    async def ask_again(self, left: CallLeft) -> CallEnded | None:
        """Ask the vendor once what became of a call that ended for us."""
        outcome = await ask_once(self._desk(left.vendor), left.state)
        if outcome is None:
            return None
        return ended_call(left.number, left.vendor, left.target, outcome, self._prices(left.vendor))

    async def close(self) -> None:
        """Close the connections to all vendors."""
        for desk in self._desks.values():
            await desk.sender.aclose()
        self._desks.clear()
        if self._outgoing is not None:
            await self._outgoing.aclose()
            self._outgoing = None

    def _way_out(self) -> Outgoing:
        if self._outgoing is None:
            self._outgoing = self._world.outgoing(self._policy)
        return self._outgoing

    def _desk(self, name: str) -> Desk:
        if name not in self._desks:
            vendor, settings = self._vendors[name], self._settings.get(name, VendorSettings())
            key, limits = settings.key or "", settings.limits or vendor.limits
            access = Access(settings.base or vendor.base, key, vendor.hosts)
            sign = partial(vendor.sign, key)
            sender = self._world.sender(access, vendor.authorise(key), sign=sign, allow=self._policy.allow)
            line = Line(limits, self._world.now, self._world.rest)
            self._desks[name] = Desk(vendor, limits, line, sender, settings.targets, self._world.rest)
        return self._desks[name]
