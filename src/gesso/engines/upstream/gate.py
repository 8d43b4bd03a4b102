"""What stands before each vendor: the day's limit and the circuit; and what is counted of the calls that pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal

from gesso.domain.clock import Clock
from gesso.domain.events import Task
from gesso.domain.request import RouteChoice
from gesso.domain.upstream import CallEnded, standing_of
from gesso.engines.upstream.attempt import dollars
from gesso.engines.upstream.circuits import TROUBLE, Circuits
from gesso.engines.upstream.spending import Spending


@dataclass
class Visit:
    """What one job does at a vendor: when it came, the calls it had begun before, what it took (micro-dollars)."""

    began: int
    resumed: frozenset[int]
    tries: bool
    ended: list[CallEnded] = field(default_factory=list)

    @property
    def took(self) -> int:
        """Return what its calls took, as far as that is known."""
        return sum(call.micro_usd or 0 for call in self.ended)


class Gate:
    """Belongs to one event loop. `limits` are micro-dollars a day by vendor, `prices` the operator's (see
    `VendorSettings`)."""

    def __init__(self, limits: Mapping[str, int], prices: Mapping[str, Mapping[str, Decimal]], clock: Clock) -> None:
        self.spending, self.circuits = Spending(limits, clock), Circuits(clock)
        self.calls: Counter[tuple[str, str]] = Counter()  # that ended here, by vendor and outcome
        self._prices, self._clock = prices, clock
        self._seen: dict[tuple[str, str], int] = {}  # what a picture of a target took the last time

    def why_not(self, route: RouteChoice) -> str | None:
        """Return why nothing is sent to a route's vendor now, as far as that is known without looking."""
        spent = self.spending.why_not(route.vendor, self._price(route, 1))
        return self.circuits.why_not(route.vendor) if spent is None else spent

    @asynccontextmanager
    async def visit(self, task: Task) -> AsyncIterator[Visit]:
        """Let a job through, and note what came of it at the end; raise `UpstreamUnavailable` over the day's limit.

        A circuit that is open does not stop it: who plans, or has other routes, goes elsewhere first.
        """
        route = task.route
        before = standing_of(task.checkpoint, route.vendor, route.target).calls
        price = self._price(route, task.request.count)
        await self.spending.begin(route.vendor, task.job_id, price, begun=bool(before))
        visit = Visit(self._clock(), frozenset(before), self.circuits.begin(route.vendor))
        try:
            yield visit
        finally:
            self.circuits.end(route.vendor, tries=visit.tries)
            self.spending.end(route.vendor, task.job_id, visit.took)

    def note(self, visit: Visit, call: CallEnded) -> None:
        """Note what came of a call."""
        visit.ended.append(call)
        self.calls[call.vendor, call.outcome] += 1
        if call.pictures and call.micro_usd is not None:
            self._seen[call.vendor, call.target] = call.micro_usd // call.pictures
        if call.number in visit.resumed and call.outcome in TROUBLE:
            return  # nobody was there to ask the vendor meanwhile
        self.circuits.note(call.vendor, call.outcome, visit.began)

    def _price(self, route: RouteChoice, pictures: int) -> int:
        """Return what so many pictures take in micro-dollars: as the operator says, or as the last one did; else 0."""
        told, _ = dollars(None, route.target, pictures, self._prices.get(route.vendor, {}))
        return self._seen.get((route.vendor, route.target), 0) * pictures if told is None else told
