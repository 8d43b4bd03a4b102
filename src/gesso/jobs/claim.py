"""Leases: take queued jobs, keep them, give them back. (Those whose worker went silent: see `recover`.)"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from sqlalchemy import Connection, TextualSelect, bindparam, text
from sqlalchemy.engine import RowMapping
from sqlalchemy.sql.elements import TextClause

from gesso.database.dialect import alone, is_postgres, notify, skip_locked
from gesso.domain.job import Job
from gesso.jobs.ending import END_QUEUED, Ending, end_job
from gesso.jobs.outbox import HAS_TARGETS, HAS_TARGETS_COLUMN, tell
from gesso.jobs.queue import FRONT_TURN
from gesso.jobs.recover import Recovered, next_due, requeue_expired
from gesso.jobs.rows import RETURNED, Report, returning, to_job

__all__ = [
    "Recovered",
    "Renewal",
    "claim",
    "give_back",
    "next_due",
    "renew",
    "requeue_expired",
    "save_checkpoint",
]

# Whether a lease was kept; "cancelled": it was, and the job's cancellation has been asked for.
Renewal = Literal["kept", "cancelled", "lost"]

# The conditions on the state are spelt out: partial indexes are used only for conditions that read like theirs.
_NEXT = "FROM jobs WHERE state = 'queued' AND engine = :engine"
_ORDER = "ORDER BY priority, turn, id"
_START = "UPDATE jobs SET state = 'running', worker = :worker, attempt = attempt + 1, lease_until = :lease_until, started_at = :now"
_STARTED = f"RETURNING {RETURNED}, {HAS_TARGETS}"
_TAKE = returning(f"{_START} WHERE id = :id AND state = 'queued' {_STARTED}", HAS_TARGETS_COLUMN)
_RUNNING = text("SELECT account_id, COUNT(*) FROM jobs WHERE state = 'running' GROUP BY account_id")
_HELD = "id = :job_id AND state = 'running' AND worker = :worker AND attempt = :attempt"
_RENEW = text(f"UPDATE jobs SET lease_until = :lease_until WHERE {_HELD} RETURNING cancel_requested")  # noqa: S608 - made of constants
_CHECKPOINT = text(f"UPDATE jobs SET checkpoint = :token WHERE {_HELD}")  # noqa: S608 - made of constants
# It waits from now on, for which the end of its lease stands: that is never more than a lease away.
_GIVE_BACK = text(
    f"UPDATE jobs SET state = 'queued', worker = NULL, queued_at = lease_until, lease_until = NULL, turn = {FRONT_TURN}, "  # noqa: S608 - made of constants
    f"given_back = given_back + 1 WHERE {_HELD} RETURNING engine"
)


@cache
def _peek(passing_over: bool) -> TextClause:
    """Return the query for the priority of an engine's next job."""
    return _passing_over(f"SELECT priority {_NEXT}", f"{_ORDER} LIMIT 1", passing_over)


@cache
def _candidates(passing_over: bool, lock: str) -> TextClause:
    """Return the query for an engine's next jobs; one step into an index."""
    columns = "SELECT id, account_id, cancel_requested"
    return _passing_over(f"{columns} {_NEXT}", f"{_ORDER} LIMIT :most{lock}", passing_over)


@cache
def _take_next(in_postgres: bool) -> TextualSelect:
    """Return the statement that takes an engine's next jobs where nobody is passed over, in one trip to the database.

    Those that are to be cancelled stay. What is locked is found once, before anything is changed.
    """
    found = f"SELECT id {_NEXT} {_ORDER} LIMIT :most"
    among = f"= ANY(ARRAY({found} FOR UPDATE SKIP LOCKED))" if in_postgres else f"IN ({found})"
    statement = f"{_START} WHERE id {among} AND state = 'queued' AND NOT cancel_requested {_STARTED}"
    return returning(statement, HAS_TARGETS_COLUMN)


def _passing_over(query: str, rest: str, passing_over: bool) -> TextClause:
    if not passing_over:
        return text(f"{query} {rest}")
    return text(f"{query} AND account_id NOT IN :full {rest}").bindparams(bindparam("full", expanding=True))


@dataclass
class _Claim:
    """One claim under way: who asks, what it has, and which accounts have as many running jobs as they may."""

    connection: Connection
    worker: str
    now: int
    lease: int
    running_limit: int | None
    taken: list[Job] = field(default_factory=list)
    cancelled: list[Job] = field(default_factory=list)
    running: Counter[str] = field(default_factory=Counter)

    def count_running(self) -> None:
        """Look at the running jobs, ours too."""
        self.running.clear()
        for account_id, count in self.connection.execute(_RUNNING):
            self.running[account_id] = count

    def take(self, engine: str, most: int) -> bool:
        """Take an engine's next jobs; False when there are none that may run."""
        statement = _candidates(bool(self._full), skip_locked(self.connection))
        rows = self.connection.execute(statement, self._where(engine) | {"most": most}).all()
        if rows and self.running_limit is not None and is_postgres(self.connection):
            self.count_running()  # what was submitted before these may have been born running since the last count
        for job_id, account_id, cancel_requested in rows:
            if cancel_requested:
                ended = end_job(self.connection, END_QUEUED, job_id, Ending("cancelled", Report()), self.now)
                self.cancelled += [] if ended is None else [ended]
            elif not self._is_full(account_id):
                self._start(job_id)
        return bool(rows)

    def take_next(self, engine: str, most: int) -> None:
        """Take an engine's next jobs, without a look at limits or cancellations; fewer than asked for where there are any."""
        rows = self.connection.execute(
            _take_next(is_postgres(self.connection)), self._started | {"engine": engine, "most": most}
        )
        for row in sorted(rows.mappings(), key=lambda row: (row["priority"], row["turn"], row["id"])):
            self._begin(row)

    def _start(self, job_id: str) -> None:
        row = self.connection.execute(_TAKE, self._started | {"id": job_id}).mappings().one_or_none()
        if row is not None:
            self._begin(row)

    def _begin(self, row: RowMapping) -> None:
        job = to_job(row)
        tell(self.connection, job, "started", self.now, look=bool(row["has_targets"]))
        self.taken.append(job)
        self.running[job.account_id] += 1

    @property
    def _started(self) -> dict[str, object]:
        return {"worker": self.worker, "lease_until": self.now + self.lease, "now": self.now}

    def next_priority(self, engine: str) -> int | None:
        """Return the priority of an engine's next job; None when there is none that may run."""
        priority: int | None = self.connection.execute(_peek(bool(self._full)), self._where(engine)).scalar()
        return priority

    @property
    def _full(self) -> list[str]:
        return [account_id for account_id in self.running if self._is_full(account_id)]

    def _is_full(self, account_id: str) -> bool:
        return self.running_limit is not None and self.running[account_id] >= self.running_limit

    def _where(self, engine: str) -> dict[str, object]:
        return {"engine": engine} | ({"full": full} if (full := self._full) else {})


def claim(
    connection: Connection,
    worker: str,
    engines: Collection[str],
    limit: int,
    now: int,
    lease: int,
    running_limit: int | None = None,
    cancelled: list[Job] | None = None,
) -> list[Job]:
    """Take at most `limit` queued jobs of these engines, lowest (priority, turn) first, for `lease` microseconds.

    Jobs of accounts that have `running_limit` running jobs are passed over; they are not in the way of others. A job
    whose cancellation was asked for before it came back into the queue is cancelled on the way, and put into `cancelled`.
    """
    this = _Claim(connection, worker, now, lease, running_limit, cancelled=[] if cancelled is None else cancelled)
    if running_limit is not None and limit > 0:
        alone(connection, "running-limit")  # no other claim from here on
        this.count_running()
    if len(engines) == 1:
        (engine,) = engines
        if running_limit is None and limit > 0:
            this.take_next(engine, limit)
        while len(this.taken) < limit and this.take(engine, limit - len(this.taken)):
            pass
    else:
        _claim_in_turn(this, engines, limit)
    return this.taken


def _claim_in_turn(this: _Claim, engines: Collection[str], limit: int) -> None:
    """Take from several lines one by one: turns are only compared within one.

    Between engines the higher priority goes first, then the one that has had fewer.
    """
    had = Counter(dict.fromkeys(engines, 0))
    while len(this.taken) < limit and had:
        heads = [(this.next_priority(engine), count, engine) for engine, count in had.items()]
        waiting = [(priority, count, engine) for priority, count, engine in heads if priority is not None]
        if not waiting:
            return
        engine = min(waiting)[2]
        if this.take(engine, 1):
            had[engine] += 1
        else:  # others have locked what is left of it
            del had[engine]


def renew(connection: Connection, job_id: str, worker: str, attempt: int, now: int, lease: int) -> Renewal:
    """Keep a job for another `lease` microseconds; "lost" when it is not this worker's any more.

    A cancellation asked for by another process is heard of here at the latest.
    """
    values = {"job_id": job_id, "worker": worker, "attempt": attempt, "lease_until": now + lease}
    cancel_requested: bool | None = connection.execute(_RENEW, values).scalar()
    if cancel_requested is None:
        return "lost"
    return "cancelled" if cancel_requested else "kept"


def save_checkpoint(connection: Connection, job_id: str, worker: str, attempt: int, token: str) -> bool:
    """Keep an engine's token for the next attempt; False when the job is not this worker's any more."""
    values = {"job_id": job_id, "worker": worker, "attempt": attempt, "token": token}
    return connection.execute(_CHECKPOINT, values).rowcount > 0


def give_back(connection: Connection, job_id: str, worker: str, attempt: int) -> bool:
    """Put an unfinished job back at the front of the queue; False when it is not this worker's any more.

    It does not count as one of the job's attempts: the worker stops, the job has done nothing wrong.
    """
    values = {"job_id": job_id, "worker": worker, "attempt": attempt}
    engine: str | None = connection.execute(_GIVE_BACK, values).scalar()
    if engine is None:
        return False
    notify(connection, "gesso_queued", engine)
    return True
