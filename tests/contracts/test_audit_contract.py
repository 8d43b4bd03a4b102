"""The audit finds whatever does not add up, and nothing in a world where everything happened."""

from __future__ import annotations

import pytest
from store_world import LEASE

from gesso.accounts import audit as audits
from gesso.accounts.keys import create_key
from gesso.accounts.ledger import audit
from gesso.domain.job import Failure

# What the database itself refuses is planted with its guards taken away; all of it is undone.
NO_CHECKS = {"sqlite": "PRAGMA ignore_check_constraints = ON", "postgresql": "ALTER TABLE jobs DROP CONSTRAINT %s"}


class _Undo(Exception):
    def __init__(self, found: list[str]) -> None:
        self.found = found


def found_after(world, *statements: str) -> list[str]:
    """Return what the audit says after some statements, which are undone."""

    def work(connection):
        for statement in statements:
            connection.exec_driver_sql(statement)
        raise _Undo([str(one) for one in audit(connection)])

    with pytest.raises(_Undo) as caught:
        world.write(work)
    return caught.value.found


@pytest.fixture
def delivered(world):
    """A job of four pictures for 400 that delivered three."""
    return world.settle(world.running(price=400, count=4), delivered=3)


def test_a_world_where_everything_happened_adds_up(world, monkeypatch):
    monkeypatch.setattr(audits, "JOBS_AT_ONCE", 2)
    for delivered in range(5):
        world.settle(world.running(price=99, count=4), delivered=delivered)
    world.delete(world.settle(world.running(price=99, count=4), delivered=3))
    world.settle(world.running(price=7), "failed")
    world.cancel(world.submit(price=7))
    world.running(price=7, engine="builtin")
    world.now += LEASE + 1
    world.recover(max_attempts=1)
    test_key, _ = world.write(lambda c: create_key(c, world.me.account_id, "test", "", world.now))
    world.submit(price=5, caller=world.me.model_copy(update={"mode": "test", "key_id": test_key.id}))
    world.submit(price=0, engine="other")
    assert world.audit() == []


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("UPDATE balances SET balance_micro = balance_micro + 1 WHERE mode = 'live'", "live balance of account"),
        ("DELETE FROM balances WHERE mode = 'test'", "test balance of account"),
        ("UPDATE ledger_entries SET balance_after = balance_after - 1 WHERE kind = 'charge'", "after ledger entry"),
        ("UPDATE jobs SET charged_micro = 399", "was charged is 399 micro-credits, but should be 400"),
        ("UPDATE jobs SET charged_micro = 401, refunded_micro = 101", "was charged is 401 micro-credits"),
        ("DELETE FROM ledger_entries WHERE kind = 'charge'", "was charged is 400 micro-credits, but should be 0"),
        ("UPDATE jobs SET refunded_micro = 5", "was refunded is 5 micro-credits, but should be 100"),
        ("DELETE FROM ledger_entries WHERE kind = 'refund'", "was refunded is 100 micro-credits, but should be 0"),
        ("UPDATE jobs SET state = 'failed'", "is failed, is 100 micro-credits, but should be 400"),
        ("UPDATE jobs SET state = 'cancelled'", "is cancelled, is 100 micro-credits, but should be 400"),
        ("UPDATE jobs SET state = 'running'", "is running, is 100 micro-credits, but should be 0"),
        ("UPDATE jobs SET report = '{\"pictures\": []}'", "was refunded is 100 micro-credits, but should be 400"),
        ("UPDATE jobs SET picture_count = 3", "was refunded is 100 micro-credits, but should be 0"),
        ("UPDATE jobs SET deleted_at = 1, picture_count = 3", "was refunded is 100 micro-credits"),
        ("UPDATE ledger_entries SET mode = 'test' WHERE kind = 'charge'", "in another account or mode is 1,"),
        ("UPDATE ledger_entries SET job_id = NULL WHERE kind = 'refund'", "was refunded is 100 micro-credits"),
        ("UPDATE queues SET active_jobs = 1", "unfinished jobs of account"),
        ("UPDATE jobs SET engine = 'other', state = 'queued'", "at other is 0, but should be 1"),
    ],
)
def test_what_does_not_add_up_is_named(world, delivered, broken, words):
    found = found_after(world, broken)
    assert any(words in line for line in found), found
    assert any(delivered.id in line or world.me.account_id in line or "ledger entry" in line for line in found)


def test_an_entry_of_another_account_is_named(world, delivered):
    other = world.account()
    moved = f"UPDATE ledger_entries SET account_id = '{other.account_id}' WHERE kind = 'refund'"
    assert any("in another account or mode is 1," in line for line in found_after(world, moved))


def test_a_refund_beyond_the_charge_is_named_even_where_the_entries_agree(world, delivered):
    kind = world.read(lambda c: c.dialect.name)
    guard = NO_CHECKS[kind].replace("%s", "jobs_refund_within_charge")
    try:
        found = found_after(
            world,
            guard,
            "UPDATE jobs SET refunded_micro = 500",
            "UPDATE ledger_entries SET micro = 500 WHERE kind = 'refund'",
        )
    finally:
        if kind == "sqlite":
            world.write(lambda c: c.exec_driver_sql("PRAGMA ignore_check_constraints = OFF"))
    assert f"what job {delivered.id} was refunded is 500 micro-credits, but should be 100" in found


@pytest.mark.parametrize("kind", ["charge", "refund"])
def test_two_entries_of_a_kind_are_named_even_where_the_sum_agrees(world, delivered, kind):
    """Half now and half again is still twice."""
    found = found_after(
        world,
        "DROP INDEX ledger_once_per_job",
        f"UPDATE ledger_entries SET micro = micro / 2 WHERE kind = '{kind}'",
        "INSERT INTO ledger_entries (account_id, mode, kind, micro, balance_after, job_id, note, created_at) "
        f"SELECT account_id, mode, kind, micro, balance_after, job_id, note, created_at "
        f"FROM ledger_entries WHERE kind = '{kind}'",
    )
    assert f"the number of {kind}s of job {delivered.id} is 2, but should be 1" in found


@pytest.mark.parametrize("billed", [True, False])
def test_what_a_vendor_billed_of_a_failure_stays_charged_and_nothing_else_does(world, billed):
    job = world.running(price=400, count=4)
    failure = Failure(code="content_refused", message="Refused.", billed=billed)
    ended = world.settle(job, "failed", failure=failure)
    assert (ended.charged_micro, ended.refunded_micro) == (400, 0 if billed else 400)
    found = found_after(world, f"UPDATE jobs SET refunded_micro = {400 if billed else 0} WHERE id = '{job.id}'")
    assert any(job.id in line and "refunded" in line for line in found)
    assert found_after(world) == []
