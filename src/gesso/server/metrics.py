"""What a process tells at `/metrics` (Prometheus text format): its own values, and those of the fleet it is part of."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from gesso.domain.budget import Budget
from gesso.server.fleet_values import FLEET, FleetValues
from gesso.server.live_values import LIVE, LiveCollector, bodies_live
from gesso.telemetry.described import Described
from gesso.wiring import Parts

REQUESTS = Described(
    "gesso_http_requests_total", "counter", "Requests by method, route and status.", ("method", "route", "status")
)
SECONDS = Described("gesso_http_request_seconds", "histogram", "Time to answer, by route.", ("route",))
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The values of one process; `bodies` is the budget of large request bodies, where it receives any."""

    def __init__(self, parts: Parts, bodies: Budget | None = None) -> None:
        self.fleet = FleetValues(parts)
        self._meters, self._own = parts.meters.registry, CollectorRegistry()
        live = LIVE if bodies is None else (*LIVE, *bodies_live(bodies))
        self.described = (REQUESTS, SECONDS, *(one.described for one in live), *parts.meters.described, *FLEET)
        name, text, labels = REQUESTS.name.removesuffix("_total"), REQUESTS.text, REQUESTS.labels
        self.requests = Counter(name, text, labels, registry=self._own)
        name, text, labels = SECONDS.name, SECONDS.text, SECONDS.labels
        self.request_seconds = Histogram(name, text, labels, buckets=_BUCKETS, registry=self._own)
        self._own.register(LiveCollector(parts, live))
        ProcessCollector(registry=self._own)

    async def render(self) -> bytes:
        """Return the exposition text."""
        families = self.fleet.families(await self.fleet.look())
        return b"".join(generate_latest(registry) for registry in (self._own, self._meters, _registry_of(families)))


def _registry_of(families: list[GaugeMetricFamily]) -> CollectorRegistry:
    class Told(Collector):
        def collect(self) -> Iterator[GaugeMetricFamily]:
            return iter(families)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Told())
    return registry
