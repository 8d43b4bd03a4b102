"""What waits, in all processes together: jobs in the queue and webhooks that are due. For operators, asked seldom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from gesso.accounts.priority import Priority, priority_name
from gesso.domain.circuit import CircuitState
from gesso.jobs.circuits import count_circuits
from gesso.jobs.deliveries import count_pending
from gesso.jobs.fleet import list_workers

MOST_COUNTED = 100_000  # a longer queue is told as so long
# By the index of waiting jobs, oldest first: finished jobs are never looked at, however many there are.
_WAITING = text(
    "SELECT engine, priority, mode, COUNT(*), MIN(queued_at) FROM "
    "(SELECT engine, priority, mode, queued_at FROM jobs WHERE state = 'queued' ORDER BY queued_at LIMIT :most) AS waiting "
    "GROUP BY engine, priority, mode"
)
_OLDEST_DUE = text(
    "SELECT MIN(next_at) FROM webhook_deliveries WHERE state = 'pending' AND lined = FALSE AND next_at <= :now"
)


@dataclass(frozen=True)
class Overview:
    """The state of the queue at `at`. Times are microseconds UTC; `oldest` is since when the first job of an engine waits.

    `waiting` counts jobs by engine, priority and mode, `workers` processes alive by engine. `webhook_due_at` is since
    when the first webhook that is due waits, None when none does; those in line for their own receiver are left out.
    `circuits` counts receivers by how they are, those that are well left out.
    """

    at: int
    waiting: Mapping[tuple[str, Priority, str], int]
    oldest: Mapping[str, int]
    workers: Mapping[str, int]
    webhooks_pending: int
    webhook_due_at: int | None
    circuits: Mapping[CircuitState, int]


def look_over(connection: Connection, now: int) -> Overview:
    """Return how things stand; a queue of 100,000 takes a tenth of a second or so."""
    waiting: Counter[tuple[str, Priority, str]] = Counter()
    oldest: dict[str, int] = {}
    for engine, priority, mode, count, since in connection.execute(_WAITING, {"most": MOST_COUNTED}):
        waiting[engine, priority_name(priority), mode] += count
        oldest[engine] = min(since, oldest.get(engine, since))
    alive = [worker for worker in list_workers(connection) if worker.alive_until > now]
    return Overview(
        at=now,
        waiting=waiting,
        oldest=oldest,
        workers=Counter(name for worker in alive for name in worker.engines if "/" not in name),
        webhooks_pending=count_pending(connection),
        webhook_due_at=connection.execute(_OLDEST_DUE, {"now": now}).scalar(),
        circuits=count_circuits(connection, now),
    )
