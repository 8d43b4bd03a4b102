"""Values that are the same at every process of one database, looked up seldom however often they are asked for."""

from __future__ import annotations

import asyncio
import time

import structlog
from prometheus_client.core import GaugeMetricFamily

from gesso.accounts.priority import PRIORITIES
from gesso.domain.clock import SECOND
from gesso.domain.errors import GessoError
from gesso.jobs.overview import Overview, look_over
from gesso.telemetry.described import Described
from gesso.wiring import Parts

log = structlog.get_logger(__name__)
REMEMBERED_SECONDS = 5.0
TIMES_ITS_COST = 50  # what took long is remembered longer: looking takes 2 % of one connection at most
PATIENCE_SECONDS = 2.0

ANSWERS = Described(
    "gesso_database_answers",
    "gauge",
    "Whether the database answered when values of the fleet were last looked up here (1) or not (0).",
)
JOBS = Described(
    "gesso_fleet_queue_jobs",
    "gauge",
    "Jobs that wait, by engine, priority and mode; counted up to 100,000 in all.",
    ("engine", "priority", "mode"),
)
OLDEST = Described(
    "gesso_fleet_queue_oldest_seconds", "gauge", "For how long the first job of an engine has waited.", ("engine",)
)
WORKERS = Described("gesso_fleet_workers", "gauge", "Processes alive that run jobs of an engine.", ("engine",))
PENDING = Described(
    "gesso_fleet_webhooks_pending", "gauge", "Webhooks that wait or are being sent; counted up to 100,000."
)
DUE = Described(
    "gesso_fleet_webhook_oldest_due_seconds",
    "gauge",
    "For how long the first webhook that is due has waited to be sent; those in line for their own receiver are left out.",
)
CIRCUITS = Described(
    "gesso_fleet_webhook_circuits",
    "gauge",
    "Receivers of webhooks that fail, by their circuit: open is sent nothing, half_open is tried.",
    ("state",),
)
FLEET = (ANSWERS, JOBS, OLDEST, WORKERS, PENDING, DUE, CIRCUITS)


class FleetValues:
    """Belongs to one event loop. What a database that is away would say is not said."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._one_at_a_time = parts, asyncio.Lock()
        self._known: Overview | None = None
        self._until = float("-inf")
        self._looking: asyncio.Task[tuple[Overview | None, float]] | None = None

    async def look(self) -> Overview | None:
        """Return how things stand, as of some seconds ago at most; None when the database does not say."""
        async with self._one_at_a_time:
            while time.monotonic() >= self._until:  # again only where an answer came late, and nobody asked for long
                await self._renew()
        return self._known

    async def _renew(self) -> None:
        """Look, or go on with a look that took too long before: never two of them wait for one database."""
        looking = self._looking = self._looking or asyncio.create_task(self._ask())
        await asyncio.wait({looking}, timeout=PATIENCE_SECONDS)
        if looking.done():
            self._looking = None
            self._known, self._until = looking.result()
        else:
            log.warning("fleet_not_looked_over", reason="it takes too long")
            self._known, self._until = None, time.monotonic() + REMEMBERED_SECONDS

    async def _ask(self) -> tuple[Overview | None, float]:
        """Return how things stand, and until when that is to be remembered."""
        began, now = time.monotonic(), self._parts.clock()
        known, times = None, 1  # who does not answer is asked again soon, as it is told of meanwhile
        try:
            known, times = (
                await self._parts.database.read(lambda connection: look_over(connection, now)),
                TIMES_ITS_COST,
            )
        except GessoError as error:
            log.warning("fleet_not_looked_over", reason=str(error))
        ended = time.monotonic()
        return known, ended + max(REMEMBERED_SECONDS, (ended - began) * times)

    def families(self, known: Overview | None) -> list[GaugeMetricFamily]:
        """Return the values; without an overview only that there is none."""
        families = {one.name: GaugeMetricFamily(one.name, one.text, labels=one.labels) for one in FLEET}
        families[ANSWERS.name].add_metric([], int(known is not None))
        if known is not None:
            alive = self._alive(known)
            for engine in sorted(alive.keys() | known.oldest.keys()):
                for priority in PRIORITIES:
                    for mode in ("live", "test"):
                        waiting = known.waiting.get((engine, priority, mode), 0)
                        families[JOBS.name].add_metric([engine, priority, mode], waiting)
                families[OLDEST.name].add_metric([engine], _seconds(known.oldest.get(engine), known.at))
                families[WORKERS.name].add_metric([engine], alive.get(engine, 0))
            families[PENDING.name].add_metric([], known.webhooks_pending)
            families[DUE.name].add_metric([], _seconds(known.webhook_due_at, known.at))
            for state, count in known.circuits.items():
                families[CIRCUITS.name].add_metric([state], count)
        return list(families.values())

    def nobody_runs(self, known: Overview) -> list[str]:
        """Return the engines for which jobs wait although no process alive has them."""
        alive = self._alive(known)
        return sorted(engine for engine in known.oldest if not alive.get(engine))

    def _alive(self, known: Overview) -> dict[str, int]:
        if self._parts.database.shared:
            return dict.fromkeys(self._parts.engines.names, 0) | dict(known.workers)
        return dict.fromkeys(self._parts.engines.names, 1)  # on SQLite there is this process


def _seconds(since: int | None, now: int) -> float:
    return 0.0 if since is None else max(now - since, 0) / SECOND
