"""Fairness and bounds of the queue: how many unfinished jobs there may be, and whose turn is when."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from gesso.domain.errors import TooManyRequests


@dataclass(frozen=True)
class QueueLimits:
    """How many jobs may be queued or running: of one account, and in all."""

    per_account: int = 1000
    total: int = 100_000


_ENTER = text(
    "INSERT INTO queues (account_id, active_jobs) VALUES (:account_id, 1) "
    "ON CONFLICT (account_id) DO UPDATE SET active_jobs = queues.active_jobs + 1 RETURNING active_jobs"
)
_LEAVE = text("UPDATE queues SET active_jobs = active_jobs - 1 WHERE account_id = :account_id")
_IN_ALL = text("SELECT COALESCE(SUM(active_jobs), 0) FROM queues WHERE active_jobs > 0")
# Both are single steps into a partial index that holds only queued jobs.
_TURN = text(
    "SELECT (SELECT MIN(turn) FROM jobs WHERE state = 'queued'), "
    "(SELECT MAX(turn) FROM jobs WHERE state = 'queued' AND account_id = :account_id)"
)


def enter_queue(connection: Connection, account_id: str, limits: QueueLimits) -> None:
    """Count one more unfinished job; raise `TooManyRequests` when that is one too many."""
    own: int = connection.execute(_ENTER, {"account_id": account_id}).scalar_one()
    if own > limits.per_account:
        raise TooManyRequests(f"This account has {own - 1} jobs waiting or running, which is the most it may have.")
    in_all: int = connection.execute(_IN_ALL).scalar_one()
    if in_all > limits.total:
        raise TooManyRequests(f"There are {in_all - 1} jobs waiting or running, which is the most this server takes.")


def leave_queue(connection: Connection, account_id: str) -> None:
    """Count one unfinished job less: called once for each job, where it ends."""
    connection.execute(_LEAVE, {"account_id": account_id})


def next_turn(connection: Connection, account_id: str) -> int:
    """Return the turn of a job being queued: one after the account's last waiting one, or after the lowest there is.

    Start-time fair queueing (Goyal, Vin, Cheng 1996) with jobs of equal length. Lower turns are claimed first, so
    accounts alternate however many jobs each has queued. Only *waiting* jobs count as the account's last turn: an
    account pays for what it has in line now, never for what was served yesterday.
    """
    lowest, own = connection.execute(_TURN, {"account_id": account_id}).one()
    return max(lowest or 0, own or 0) + 1
