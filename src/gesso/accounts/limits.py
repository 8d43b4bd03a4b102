"""What one key may do: requests a minute, jobs at once, credits a day (UTC); counted in the database, for all nodes.

Only what makes a job is counted, in the transaction that makes it: what is refused or repeats an earlier request has
taken nothing. Without a limit on it nothing is looked at, except that each day's credits are always added up.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from gesso.database.dialect import alone
from gesso.domain.clock import DAY, SECOND
from gesso.domain.credits import render_credits
from gesso.domain.errors import DailyCreditsSpent, Forbidden, RateLimited, TooManyJobs
from gesso.domain.frozen import Frozen
from gesso.domain.rate import Bucket, Rate

NO_LIMIT = 0  # stored with a key that has none, whatever the default is
DAYS_KEPT = 32


class KeyLimits(Frozen):
    """The limits of a key. None is "as the default says"; in force, it is no limit, and so is `NO_LIMIT`."""

    requests_per_minute: int | None = None
    concurrent_jobs: int | None = None
    credits_per_day_micro: int | None = None

    def in_force(self, defaults: KeyLimits) -> KeyLimits:
        """Return what holds: the key's own, else the default; None where there is no limit."""
        own, others = self.model_dump(), defaults.model_dump()
        held = {name: others[name] if value is None else value for name, value in own.items()}
        return KeyLimits(**{name: value or None for name, value in held.items()})


@dataclass(frozen=True)
class KeyUsage:
    """How a key stands: its rate (None: unlimited), its unfinished jobs, what it spent today, when the day ends."""

    rate: Rate | None
    active_jobs: int
    spent_micro: int
    day_ends_at: int


_TAKE = text(
    "INSERT INTO key_buckets (key_id, full_at) VALUES (:key_id, :first) ON CONFLICT (key_id) DO UPDATE SET full_at = "
    "CASE WHEN key_buckets.full_at > :now THEN key_buckets.full_at + :interval ELSE :first END "
    "WHERE key_buckets.full_at <= :latest RETURNING full_at"
)
_FULL_AT = text("SELECT full_at FROM key_buckets WHERE key_id = :key_id")
_ACTIVE = text("SELECT COUNT(*) FROM jobs WHERE key_id = :key_id AND state IN ('queued', 'running')")
_SPEND = text(
    "INSERT INTO key_days (key_id, day, spent_micro) VALUES (:key_id, :day, :micro) ON CONFLICT (key_id, day) "
    "DO UPDATE SET spent_micro = key_days.spent_micro + excluded.spent_micro RETURNING spent_micro"
)
# A process of an older version may have charged what is refunded here.
_GIVE_BACK = text(
    "UPDATE key_days SET spent_micro = CASE WHEN spent_micro > :micro THEN spent_micro - :micro ELSE 0 END "
    "WHERE key_id = :key_id AND day = :day"
)
_SPENT = text("SELECT spent_micro FROM key_days WHERE key_id = :key_id AND day = :day")
_FORGET_DAYS = text("DELETE FROM key_days WHERE day < :day")


def take_token(connection: Connection, key_id: str, per_minute: int, now: int) -> Rate:
    """Count one request and return how the key stands then; raise `RateLimited` when it is one too many."""
    bucket = Bucket(per_minute)
    values = {
        "key_id": key_id,
        "now": now,
        "interval": bucket.interval,
        "first": now + bucket.interval,
        "latest": bucket.latest(now),
    }
    full_at: int | None = connection.execute(_TAKE, values).scalar()
    if full_at is not None:
        return bucket.rate(full_at, now)
    full_at = connection.execute(_FULL_AT, {"key_id": key_id}).scalar_one()
    raise RateLimited(
        f"This key may make {per_minute} requests a minute.",
        retry_after_seconds=bucket.retry_after(full_at, now),
        rate=bucket.rate(full_at, now, refused=True),
    )


def admit(connection: Connection, key_id: str, limits: KeyLimits, now: int) -> Rate | None:
    """Count one job more against the limits in force, before its row is written; return the rate if that is limited.

    Raises `RateLimited` or `TooManyJobs`. Of a key's jobs at the same instant, one at a time is counted.
    """
    most = limits.concurrent_jobs
    if most is not None:
        alone(connection, f"key-limit {key_id}")  # held to the end of the transaction, before any row of the job's
    rate = None
    if limits.requests_per_minute is not None:
        rate = take_token(connection, key_id, limits.requests_per_minute, now)
    if most is not None:
        active: int = connection.execute(_ACTIVE, {"key_id": key_id}).scalar_one()
        if active >= most:
            jobs = "job" if most == 1 else "jobs"
            message = f"This key may have {most} {jobs} waiting or running at once, and has {active}."
            raise TooManyJobs(message, ends_needed=active - most + 1)
    return rate


def spend(connection: Connection, key_id: str, limits: KeyLimits, micro: int, now: int) -> None:
    """Add what a job was charged to the key's day; nothing for 0.

    Raises `DailyCreditsSpent` when the day's are too few, `Forbidden` when those of any day would be.
    """
    if micro == 0:
        return
    most = limits.credits_per_day_micro
    if most is not None and micro > most:
        cost, allowed = render_credits(micro), render_credits(most)
        raise Forbidden(f"This job costs {cost} credits, and this key may spend {allowed} a day.")
    spent: int = connection.execute(_SPEND, {"key_id": key_id, "day": now // DAY, "micro": micro}).scalar_one()
    if most is not None and spent > most:
        left = max(most - spent + micro, 0)
        raise DailyCreditsSpent(micro, left, most, retry_after_seconds=-(-(_day_end(now) - now) // SECOND))


def give_back(connection: Connection, key_id: str, charged_at: int, micro: int) -> None:
    """Take a refund off the day on which the job was charged; nothing for 0."""
    if micro:
        connection.execute(_GIVE_BACK, {"key_id": key_id, "day": charged_at // DAY, "micro": micro})


def usage(connection: Connection, key_id: str, limits: KeyLimits, now: int) -> KeyUsage:
    """Return how a key stands under the limits in force."""
    where = {"key_id": key_id}
    rate = None
    if limits.requests_per_minute is not None:
        full_at: int | None = connection.execute(_FULL_AT, where).scalar()
        rate = Bucket(limits.requests_per_minute).rate(full_at or 0, now)
    active: int = connection.execute(_ACTIVE, where).scalar_one()
    spent: int | None = connection.execute(_SPENT, {**where, "day": now // DAY}).scalar()
    return KeyUsage(rate, active, spent or 0, _day_end(now))


def forget_days(connection: Connection, now: int) -> int:
    """Remove what keys spent on days long ago; return how many."""
    return connection.execute(_FORGET_DAYS, {"day": now // DAY - DAYS_KEPT}).rowcount


def _day_end(now: int) -> int:
    return (now // DAY + 1) * DAY
