"""What the server counts, for `/metrics` (Prometheus text format)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The counters of one server, in a registry of their own; `live` values are read when they are asked for."""

    def __init__(
        self,
        *,
        commits: Callable[[], int],
        live: Mapping[str, tuple[str, Callable[[], int]]],
        webhooks: Callable[[], Mapping[str, int]],
    ) -> None:
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
        self._pending = Gauge(
            "gesso_webhooks_pending", "Deliveries of webhooks that wait or are being sent.", registry=self.registry
        )
        self.registry.register(_Live(commits, live, webhooks))

    def set_pending(self, webhooks: int) -> None:
        """Note how many deliveries of webhooks wait or are being sent, in all processes."""
        self._pending.set(webhooks)

    def render(self) -> bytes:
        """Return the exposition text."""
        return generate_latest(self.registry)


class _Live(Collector):
    """Values read when they are asked for."""

    def __init__(
        self,
        commits: Callable[[], int],
        live: Mapping[str, tuple[str, Callable[[], int]]],
        webhooks: Callable[[], Mapping[str, int]],
    ) -> None:
        self._commits, self._live, self._webhooks = commits, live, webhooks

    def collect(self) -> list[CounterMetricFamily | GaugeMetricFamily]:
        commits = CounterMetricFamily("gesso_database_commits", "Transactions committed.", value=self._commits())
        said = "Attempts to deliver a webhook, by what came of them."
        attempts = CounterMetricFamily("gesso_webhook_attempts", said, labels=["outcome"])
        for outcome, count in self._webhooks().items():
            attempts.add_metric([outcome], count)
        return [
            commits,
            attempts,
            *(GaugeMetricFamily(name, text, value=read()) for name, (text, read) in self._live.items()),
        ]
