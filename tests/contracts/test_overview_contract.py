"""What waits, as operators are told: counted over all accounts, on both databases."""

from __future__ import annotations

from gesso.accounts.priority import HIGH, LOW
from gesso.domain.clock import SECOND
from gesso.jobs import overview
from gesso.jobs.overview import look_over


def over(world):
    return world.read(lambda c: look_over(c, world.now))


def test_nothing_waits_at_first(world):
    found = over(world)
    assert (dict(found.waiting), found.oldest, found.webhooks_pending, found.webhook_due_at) == ({}, {}, 0, None)


def test_jobs_that_wait_are_counted_by_engine_and_priority_not_those_that_run_or_ended(world):
    world.settle(world.running())
    world.running()
    first = world.submit()
    world.now += 5 * SECOND
    for priority in (HIGH, LOW, LOW - 1):
        world.submit(priority=priority)
    last = world.submit(engine="resize", caller=world.account())
    found = over(world)
    expected = {("builtin", "normal"): 2, ("builtin", "high"): 1, ("builtin", "low"): 1, ("resize", "normal"): 1}
    assert dict(found.waiting) == {(engine, name, "live"): n for (engine, name), n in expected.items()}
    assert found.oldest == {"builtin": first.created_at, "resize": last.created_at}


def test_a_job_that_was_put_back_waits_since_then(world):
    world.running()
    world.now += 60 * SECOND
    world.recover()
    assert over(world).oldest == {"builtin": world.now}


def test_finished_jobs_are_never_looked_at(world):
    """The queue's numbers come by an index of waiting jobs alone, whatever the planner thinks of so few rows."""
    shared = world.database.shared
    explain = "EXPLAIN (FORMAT TEXT) " if shared else "EXPLAIN QUERY PLAN "

    def plan(connection):
        if shared:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        rows = connection.exec_driver_sql(f"{explain}{str(overview._WAITING).replace(':most', '100000')}")
        return "\n".join(" ".join(map(str, row)) for row in rows)

    seen = world.read(plan)
    assert "jobs_queued_since" in seen or "jobs_claimable" in seen, seen
    assert "Seq Scan" not in seen, seen
