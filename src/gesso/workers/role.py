"""What one process does of all there is to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gesso.domain.errors import OperatorError
from gesso.domain.request import RouteChoice
from gesso.engines.engine import Engine, RunsWeights


@dataclass(frozen=True)
class Role:
    """What a process does of all there is to do. `engines` are names, None for all; without `works` it runs no jobs."""

    works: bool = True
    delivers: bool = True
    engines: tuple[str, ...] | None = None

    def chosen(self, installed: Iterable[Engine]) -> tuple[Engine, ...]:
        """Return the engines of this process.

        Raises `OperatorError` for a name that no engine has, and for one that lacks what it takes to run here.
        """
        by_name = {engine.name: engine for engine in installed}
        unknown = [name for name in self.engines or () if name not in by_name]
        if unknown:
            raise OperatorError(f"There is no engine {', '.join(unknown)}. Known: {', '.join(by_name)}.")
        for name in self.engines or ():
            if isinstance(engine := by_name[name], RunsWeights) and not engine.installed:
                reason = by_name[name].readiness(RouteChoice(engine=name, fidelity="exact", runs=name)).reason
                raise OperatorError(f"The engine {name} cannot run here: {reason}.")
        names = tuple(by_name) if self.engines is None else tuple(dict.fromkeys(self.engines))
        return tuple(by_name[name] for name in names) if self.works else ()
