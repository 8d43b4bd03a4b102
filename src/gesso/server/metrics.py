"""What a process tells at `/metrics` (Prometheus text format): its own values, and those of the fleet it is part of."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from gesso.domain.budget import Budget
from gesso.server.fleet_values import FleetValues
from gesso.server.live_values import LIVE, LiveCollector, bodies_live
from gesso.wiring import Parts

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The values of one process; `bodies` is the budget of large request bodies, where it receives any."""

    def __init__(self, parts: Parts, bodies: Budget | None = None) -> None:
        self.fleet = FleetValues(parts)
        self._meters, self._own = parts.meters.registry, CollectorRegistry()
        self.requests = Counter(
            "gesso_http_requests", "Requests by method, route and status.", ["method", "route", "status"],
            registry=self._own,
        )  # fmt: skip
        self.request_seconds = Histogram(
            "gesso_http_request_seconds", "Time to answer, by route.", ["route"], buckets=_BUCKETS, registry=self._own
        )
        self._own.register(LiveCollector(parts, LIVE if bodies is None else (*LIVE, *bodies_live(bodies))))
        ProcessCollector(registry=self._own)

    async def render(self) -> bytes:
        """Return the exposition text."""
        families = list(self.fleet.families(await self.fleet.look()))
        return b"".join(generate_latest(registry) for registry in (self._own, self._meters, _registry_of(families)))


def _registry_of(families: list[GaugeMetricFamily]) -> CollectorRegistry:
    class Told(Collector):
        def collect(self) -> Iterator[GaugeMetricFamily]:
            return iter(families)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Told())
    return registry
