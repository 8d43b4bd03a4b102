"""Fairness and bounds of the queue: how many unfinished jobs there may be, and whose turn is when."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.sql.elements import TextClause

from gesso.database.dialect import alone
from gesso.domain.errors import TooManyRequests


@dataclass(frozen=True)
class QueueLimits:
    """How many jobs may be queued or running: of one account, and in all."""

    per_account: int = 1000
    total: int = 100_000


@dataclass(frozen=True)
class Place:
    """A new job's place: its turn, and whether it may start at once under the limit on running jobs."""

    turn: int
    may_start: bool


_ENTER = text(
    "INSERT INTO queues (account_id, engine, active_jobs) VALUES (:account_id, :engine, 1) "
    "ON CONFLICT (account_id, engine) DO UPDATE SET active_jobs = queues.active_jobs + 1"
)
# One step each: into the index of waiting jobs, and into that of last turns.
_LOWEST = "(SELECT MIN(turn) FROM jobs WHERE state = 'queued' AND engine = :engine AND priority = :priority)"
_AFTER_LAST = "(SELECT MAX(given.last_turn) + 1 FROM turns AS given WHERE engine = :engine AND priority = :priority)"
# Jobs that are passed over for a limit stay behind the turns of those that are claimed meanwhile.
_CLAIMED = (
    "(SELECT MAX(turn) FROM jobs WHERE state = 'running' AND engine = :engine AND priority = :priority "  # noqa: S608 - made of constants
    f"AND turn > {_LOWEST})"
)


def _turn(*bases: str) -> TextClause:
    """Return the statement that gives a turn: not before the first of the bases that there is."""
    return text(
        "INSERT INTO turns (account_id, engine, priority, last_turn) "
        "SELECT CAST(:account_id AS TEXT), CAST(:engine AS TEXT), CAST(:priority AS INTEGER), "
        f"COALESCE({', '.join(bases)}, 1) WHERE TRUE "  # without WHERE, SQLite takes ON for that of a join
        "ON CONFLICT (account_id, engine, priority) DO UPDATE SET last_turn = "
        "CASE WHEN excluded.last_turn > turns.last_turn THEN excluded.last_turn ELSE turns.last_turn + 1 END "
        "RETURNING last_turn"
    )


_TURN = _turn(_LOWEST, _AFTER_LAST)
_TURN_LIMITED = _turn(_CLAIMED, _LOWEST, _AFTER_LAST)
_LEAVE = text("UPDATE queues SET active_jobs = active_jobs - 1 WHERE account_id = :account_id AND engine = :engine")
_ACTIVE = text(
    "SELECT (SELECT SUM(active_jobs) FROM queues WHERE account_id = :account_id), "
    "(SELECT SUM(active_jobs) FROM queues WHERE active_jobs > 0)"
)
_ACTIVE_ACCOUNTS = text("SELECT COUNT(DISTINCT account_id) FROM queues WHERE active_jobs > 0")
# To the front of the line, but without pulling the lowest turn down: that would let newcomers pass those who wait.
FRONT_TURN = (
    "COALESCE((SELECT MIN(waiting.turn) FROM jobs AS waiting WHERE waiting.state = 'queued' "
    "AND waiting.engine = jobs.engine AND waiting.priority = jobs.priority), "
    "(SELECT MAX(last_turn) FROM turns WHERE turns.engine = jobs.engine AND turns.priority = jobs.priority), turn)"
)


def enter_queue(
    connection: Connection,
    account_id: str,
    engine: str,
    priority: int,
    limits: QueueLimits,
    running_limit: int | None = None,
) -> Place:
    """Count one more unfinished job and return its place; raise `TooManyRequests` when it is one too many.

    Start-time fair queueing (Goyal, Vin, Cheng 1996) with jobs of equal length, for each priority apart: a job's turn is
    one after its account's last, but never before the lowest that waits now. Lower turns are claimed first, equal ones in
    the order of arrival, so accounts alternate however many jobs each has in line. When nobody waits all accounts are
    even: nobody pays for what was served before.

    On PostgreSQL the account's line at the engine is locked from here to the end of the transaction. An account's limit is
    exact for each engine; submits at the same instant, for other engines or of other accounts, are not seen, so that
    they may pass the sums together.
    """
    connection.execute(_ENTER, {"account_id": account_id, "engine": engine})
    values = {"account_id": account_id, "engine": engine, "priority": priority}
    turn: int = connection.execute(_TURN if running_limit is None else _TURN_LIMITED, values).scalar_one()
    if running_limit is not None:  # what this account submits for other engines at this instant counts too
        alone(connection, f"running-limit {account_id}")
    own, in_all = connection.execute(_ACTIVE, {"account_id": account_id}).one()
    if own > limits.per_account:
        raise TooManyRequests(
            f"This account has {own - 1} jobs waiting or running, which is the most it may have.",
            ends_needed=connection.execute(_ACTIVE_ACCOUNTS).scalar_one(),  # they take turns
        )
    if in_all > limits.total:
        raise TooManyRequests(f"There are {in_all - 1} jobs waiting or running, which is the most this server takes.")
    # Even if all its others were running by now, it would not be one too many.
    return Place(turn, may_start=running_limit is None or own <= running_limit)


def leave_queue(connection: Connection, account_id: str, engine: str) -> None:
    """Count one unfinished job less: called once for each job, where it ends."""
    connection.execute(_LEAVE, {"account_id": account_id, "engine": engine})
