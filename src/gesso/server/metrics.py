"""What the server counts, for `/metrics` (Prometheus text format)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The counters of one server, in a registry of their own; `live` values are read when they are asked for."""

    def __init__(self, *, commits: Callable[[], int], live: Mapping[str, tuple[str, Callable[[], int]]]) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "gesso_http_requests", "Requests by method, route and status.", ["method", "route", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.request_seconds = Histogram(
            "gesso_http_request_seconds",
            "Time to answer, by route.",
            ["route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.jobs_submitted = Counter(
            "gesso_jobs_submitted", "Jobs accepted, by model and mode.", ["model", "mode"], registry=self.registry
        )
        self.registry.register(_Live(commits, live))

    def render(self) -> bytes:
        """Return the exposition text."""
        return generate_latest(self.registry)


class _Live(Collector):
    """Values read when they are asked for."""

    def __init__(self, commits: Callable[[], int], live: Mapping[str, tuple[str, Callable[[], int]]]) -> None:
        self._commits, self._live = commits, live

    def collect(self) -> list[CounterMetricFamily | GaugeMetricFamily]:
        commits = CounterMetricFamily("gesso_database_commits", "Transactions committed.", value=self._commits())
        return [commits, *(GaugeMetricFamily(name, text, value=read()) for name, (text, read) in self._live.items())]
