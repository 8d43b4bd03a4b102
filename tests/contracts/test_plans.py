"""With thousands of ended jobs, nothing that is done for one job, again and again, walks through the tables of jobs."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, select, text
from store_world import LEASE, World

from gesso.accounts import ledger, limits
from gesso.database.dialect import is_postgres
from gesso.database.job_tables import blobs, idempotency_records, jobs
from gesso.database.webhook_tables import webhook_deliveries
from gesso.domain.clock import DAY, SECOND
from gesso.domain.delivery import Attempt
from gesso.domain.hook import Hook
from gesso.domain.ids import new_id
from gesso.jobs import claim, deliveries, delivery_claim, idempotency, recover, store
from gesso.jobs.settle import Outcome, settle
from gesso.jobs.submit import IdempotencyKey, submit
from gesso.storage import rows as blob_rows

ENDED, WAITING = 6000, 300
LARGE = ("jobs", "blobs", "ledger_entries", "idempotency_records", "webhook_deliveries")
Work = Callable[[Connection], Any]


@pytest.fixture(scope="module")
def world(make_database) -> World:
    """Return a world in which one account has many jobs that ended long ago, and some that wait."""
    world = World(make_database())
    hook = Hook(url="https://a.example/hook")
    waiting = world.submit(price=1, idempotency=IdempotencyKey("one", "print"), webhook=hook)
    ended = world.submit(price=1, idempotency=IdempotencyKey("two", "print"), webhook=hook)
    world.claim()
    world.write(partial(_multiply, waiting=waiting.id, ended=ended.id))
    if world.read(is_postgres):
        world.write(lambda c: [c.execute(text(f"ANALYZE {table}")) for table in LARGE])
    return world


def _multiply(connection: Connection, waiting: str, ended: str) -> None:
    """Put copies of two jobs beside them, those of the second with what a job leaves behind."""
    templates = {row["id"]: dict(row) for row in connection.execute(select(jobs)).mappings()}
    many = []
    for number in range(ENDED + WAITING):
        one = templates[waiting if number < WAITING else ended] | {"id": new_id(), "number": number + 1}
        if number >= WAITING:
            one |= {"state": "succeeded", "worker": "w", "lease_until": None, "ended_at": one["created_at"] + number}
            one |= {"created_at": one["created_at"] - number * SECOND, "report": '{"version": 1}'}
        many.append(one)
    connection.execute(insert(jobs), many)
    of_old = [one for one in many if one["state"] == "succeeded"]
    connection.execute(insert(blobs), [_blob(one) for one in of_old])
    connection.execute(insert(webhook_deliveries), [_delivery(one) for one in of_old])
    connection.execute(insert(idempotency_records), [_record(one) for one in of_old])
    for one in of_old:
        ledger.charge(connection, one["account_id"], one["mode"], 1, one["id"], one["created_at"], "")


def _blob(job: dict[str, Any]) -> dict[str, Any]:
    row = {name: job[name] for name in ("account_id", "mode", "created_at")}
    rest = {"media_type": "image/png", "size_bytes": 1, "sha256": "", "expires_at": job["created_at"] + 90 * DAY}
    return row | rest | {"id": new_id(), "owner": "job_output", "owner_id": job["id"]}


def _record(job: dict[str, Any]) -> dict[str, Any]:
    row = {name: job[name] for name in ("account_id", "mode", "created_at")}
    return row | {"key": job["id"], "fingerprint": "print", "job_id": job["id"]}


def _delivery(job: dict[str, Any]) -> dict[str, Any]:
    row = {name: job[name] for name in ("account_id", "mode", "created_at", "ended_at")}
    target = {
        "dialect": "native",
        "registration_id": "",
        "url": "https://a.example/hook",
        "host": "a.example",
        "secret": "",
    }
    done = {"event": "succeeded", "state": "delivered", "attempts": 1, "tried": 1}
    return row | target | done | {"id": job["id"], "job_id": job["id"]}


def _submit(connection: Connection, world: World, **rest: Any) -> None:
    key = IdempotencyKey(new_id(), "print")
    submit(connection, world.submission(price=1, idempotency=key, **rest), world.now)


def _claim_and_settle(connection: Connection, world: World, state: Any) -> None:
    (job,) = claim.claim(connection, "w2", ["builtin"], 1, world.now, LEASE)
    outcome = Outcome(state=state, outputs=(world.blob(owner="job_output"),))
    assert settle(connection, job.id, "w2", job.attempt, outcome, world.now) is not None


def _deliver(connection: Connection, world: World) -> None:
    _claim_and_settle(connection, world, "succeeded")
    (delivery,) = delivery_claim.claim_due(connection, delivery_claim.Room(8, 4, 4), world.now, LEASE).deliveries
    attempt = Attempt(number=1, at=world.now, status=200, response="", error="")
    assert deliveries.record(connection, delivery, attempt, deliveries.Then("delivered"))


def _poll(connection: Connection, world: World) -> None:
    job_id = connection.execute(text("SELECT id FROM jobs WHERE number = 1")).scalar_one()
    store.get_own_job(connection, job_id, world.me.account_id, "live")


def _list(connection: Connection, world: World, state: Any = None, **narrowing: Any) -> None:
    store.list_jobs(connection, world.me.account_id, "live", state, None, None, 20, store.Narrowing(**narrowing))


HOT: dict[str, Callable[[World], Work]] = {
    "submit": lambda w: partial(_submit, world=w),
    "submit under a limit on running jobs": lambda w: partial(_submit, world=w, running_limit=1),
    "claim and settle": lambda w: partial(_claim_and_settle, world=w, state="succeeded"),
    "claim and fail": lambda w: partial(_claim_and_settle, world=w, state="failed"),
    "claim of several engines": lambda w: lambda c: claim.claim(c, "w2", ["builtin", "x"], 2, w.now, LEASE),
    "claim under a limit": lambda w: lambda c: claim.claim(c, "w2", ["builtin"], 2, w.now, LEASE, running_limit=9),
    "recover": lambda w: lambda c: recover.requeue_expired(c, w.now + 2 * LEASE, 3, DAY),
    "when to recover": lambda w: lambda c: recover.next_due(c, DAY),
    "does any wait": lambda w: recover.does_any_wait,
    "poll": lambda w: partial(_poll, world=w),
    "list": lambda w: partial(_list, world=w),
    "list those that wait": lambda w: partial(_list, world=w, state="queued"),
    "list those that were cancelled, of which there are none": lambda w: partial(_list, world=w, state="cancelled"),
    "list those that failed by something": lambda w: partial(_list, world=w, failures=frozenset({"expired"})),
    "a key's usage": lambda w: lambda c: limits.usage(c, w.me.key_id, limits.KeyLimits(concurrent_jobs=1), w.now),
    "ledger": lambda w: lambda c: ledger.entries(c, w.me.account_id, "live", None, 20),
    "old keys of repeats": lambda w: lambda c: idempotency.forget_old(c, w.now - DAY),
    "expired pictures": lambda w: lambda c: blob_rows.take_expired(c, w.now, 200),
    "deliver a webhook": lambda w: partial(_deliver, world=w),
    "when to deliver": lambda w: lambda c: delivery_claim.next_due(c, w.now),
    "old deliveries": lambda w: lambda c: deliveries.forget_ended(c, w.now, 200),
    "jobs in the queue": lambda w: store.count_queued,
    "the oldest run": lambda w: store.oldest_start,
}


@pytest.mark.parametrize("name", HOT)
def test_nothing_walks_through_what_has_ended(world, name):
    plans = world.write(lambda connection: _plans(connection, HOT[name](world)))
    assert plans
    for statement, plan in plans.items():
        assert _walks(plan) == [], f"{statement}\n{plan}"


@pytest.mark.parametrize("state", ["queued", "running", "failed", "cancelled"])
def test_a_list_of_a_seldom_state_passes_over_what_succeeded(world, state):
    (plan,) = world.write(lambda connection: _plans(connection, partial(_list, world=world, state=state))).values()
    assert re.search(r"\bjobs_(listed_by_state|claimable|queued_since|running|leased)\b", plan), plan


def test_a_walk_is_seen(world):
    statement = "SELECT id FROM jobs WHERE model = 'none'"
    (plan,) = world.write(lambda connection: _plans(connection, lambda c: c.execute(text(statement)))).values()
    assert _walks(plan) != []


class _Undone(Exception):
    """What was done is to be undone."""


def _plans(connection: Connection, work: Work) -> dict[str, str]:
    """Return what a work says to the database, with the plan of each statement when it is said; undo the work."""
    said: list[tuple[str, Any]] = []

    def note(_: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        if re.match("SELECT|INSERT|UPDATE|DELETE", statement) and "pg_advisory" not in statement:
            said.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    try:
        with connection.begin_nested() as undone:
            work(connection)
            undone.rollback()
    finally:
        event.remove(connection, "before_cursor_execute", note)
    explain = "EXPLAIN" if is_postgres(connection) else "EXPLAIN QUERY PLAN"
    plans = {}
    for statement, parameters in said:
        rows = connection.exec_driver_sql(f"{explain} {statement}", _one(parameters)).all()
        plans[statement] = "\n".join(str(row[-1]) for row in rows)
    return plans


def _one(parameters: Any) -> Any:
    """Return the parameters of the first row, where several were written at once."""
    return parameters[0] if isinstance(parameters, list) else parameters


def _walks(plan: str) -> list[str]:
    """Return the steps that read a whole large table, or one in the order of something else than what is looked for."""
    tables = "|".join(LARGE)
    postgres = re.findall(rf"^.*Seq Scan on (?:{tables})\b.*$", plan, re.MULTILINE)
    sqlite = re.findall(rf"^SCAN (?:{tables})(?! USING)(?:\b.*)?$", plan, re.MULTILINE)
    return [*postgres, *sqlite]
