"""Values of this process that are read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from gesso import __version__
from gesso.domain.budget import Budget
from gesso.domain.circuit import CircuitState
from gesso.telemetry.described import Described
from gesso.wiring import Parts

Values = Mapping[tuple[str, ...], float]


@dataclass(frozen=True)
class Live:
    """One of them: what it is called, and how it is read."""

    name: str
    text: str
    read: Callable[[Parts], Values]
    labels: tuple[str, ...] = ()
    kind: Literal["gauge", "counter"] = "gauge"

    @property
    def described(self) -> Described:
        """What is said of it where metrics are listed."""
        name = f"{self.name}_total" if self.kind == "counter" else self.name
        return Described(name, self.kind, self.text, self.labels)


def _slots(parts: Parts, which: Literal[0, 1]) -> Values:
    return {(engine,): counts[which] for engine, counts in parts.worker.slots.items()}


def _calls(parts: Parts) -> Values:
    begun: Values = {(vendor, "done"): 0 for engine in parts.engines.spending for vendor in engine.circuits}
    return {**begun, **{named: n for engine in parts.engines.spending for named, n in engine.calls_ended.items()}}


def _circuits(parts: Parts) -> Values:
    return {
        (vendor, state): vendor_state == state
        for engine in parts.engines.spending
        for vendor, vendor_state in engine.circuits.items()
        for state in get_args(CircuitState)
    }


def _of_devices(figure: str) -> Callable[[Parts], Values]:
    def read(parts: Parts) -> Values:
        return {
            (device,): getattr(figures, figure)
            for engine in parts.engines.on_devices
            for device, figures in engine.devices.items()
        }

    return read


LIVE = (
    Live("gesso_build_info", "This process: its version.", lambda _: {(__version__,): 1}, ("version",)),
    Live("gesso_jobs_running", "Jobs running in this process.", lambda parts: {(): parts.worker.running}),
    Live("gesso_worker_slots", "Jobs an engine may run at once here.", lambda parts: _slots(parts, 0), ("engine",)),
    Live("gesso_worker_slots_busy", "Slots of an engine that are taken.", lambda parts: _slots(parts, 1), ("engine",)),
    Live("gesso_webhooks_sending", "Webhooks being sent by this process.", lambda parts: {(): parts.deliverer.sending}),
    Live(
        "gesso_webhook_attempts",
        "Attempts to deliver a webhook, by what came of them.",
        lambda parts: {(outcome,): count for outcome, count in parts.deliverer.attempts.items()},
        ("outcome",),
        "counter",
    ),
    Live(
        "gesso_upstream_calls",
        "Calls at vendors that ended here, by what came of them: done, or why there is nothing.",
        _calls,
        ("vendor", "outcome"),
        "counter",
    ),
    Live(
        "gesso_upstream_circuit",
        "Whether a vendor's circuit is in this state here: open is left alone, half_open is tried by one job.",
        _circuits,
        ("vendor", "state"),
    ),
    Live(
        "gesso_diffusers_loads",
        "Times that weights were loaded onto a device.",
        _of_devices("loads"),
        ("device",),
        "counter",
    ),
    Live(
        "gesso_diffusers_evictions",
        "Times that weights were unloaded from a device.",
        _of_devices("evictions"),
        ("device",),
        "counter",
    ),
    Live(
        "gesso_diffusers_memory_bytes",
        "Bytes of weights that a device holds.",
        _of_devices("memory_bytes"),
        ("device",),
    ),
    Live(
        "gesso_diffusers_child_restarts",
        "Times that a device's process was started again.",
        _of_devices("restarts"),
        ("device",),
        "counter",
    ),
    Live(
        "gesso_diffusers_out_of_memory",
        "Jobs that a device's memory was too small for.",
        _of_devices("out_of_memory"),
        ("device",),
        "counter",
    ),
    Live(
        "gesso_database_commits",
        "Transactions committed by this process.",
        lambda parts: {(): parts.database.commits},
        kind="counter",
    ),
    Live(
        "gesso_database_connections",
        "Connections that this process may use at once, by what they are for.",
        lambda parts: {(name,): load.threads for name, load in parts.database.loads.items()},
        ("lane",),
    ),
    Live(
        "gesso_database_connections_busy",
        "Connections with a transaction on them.",
        lambda parts: {(name,): load.busy for name, load in parts.database.loads.items()},
        ("lane",),
    ),
    Live(
        "gesso_database_waiting",
        "Transactions that wait for a connection.",
        lambda parts: {(name,): load.waiting for name, load in parts.database.loads.items()},
        ("lane",),
    ),
)


def bodies_live(budget: Budget) -> tuple[Live, ...]:
    """Return what a server tells of the bodies it receives."""
    return (
        Live("gesso_body_bytes_in_flight", "Bytes that large request bodies hold of their budget.", lambda _: {(): budget.taken}),
        Live("gesso_body_bytes_budget", "Bytes that large request bodies may hold in all.", lambda _: {(): budget.total}),
        Live("gesso_bodies_waiting", "Requests waiting to send a large body.", lambda _: {(): budget.waiting}),
    )  # fmt: skip


class LiveCollector(Collector):
    """Reads them for one assembled server."""

    def __init__(self, parts: Parts, values: Iterable[Live]) -> None:
        self._parts, self._values = parts, tuple(values)

    def describe(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Yield the names, without reading anything."""
        yield from (_family(live) for live in self._values)

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Yield the values as they are now."""
        for live in self._values:
            family = _family(live)
            for labels, value in live.read(self._parts).items():
                family.add_metric(labels, value)
            yield family


def _family(live: Live) -> CounterMetricFamily | GaugeMetricFamily:
    family = CounterMetricFamily if live.kind == "counter" else GaugeMetricFamily
    return family(live.name, live.text, labels=live.labels)
