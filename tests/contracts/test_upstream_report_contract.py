"""What vendors took is added up right by each axis, for removed jobs as well, and by an index; calls are listed."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from one_plan import plan_of
from sqlalchemy import text, update

from gesso.accounts.retention import Kept
from gesso.database.dialect import is_postgres
from gesso.database.upstream_tables import upstream_calls
from gesso.domain.clock import DAY, SECOND
from gesso.domain.job import Failure
from gesso.domain.upstream import CallEnded, CallStanding, Cost, Standing
from gesso.jobs.claim import save_checkpoint
from gesso.jobs.remove import lines, remove_ended
from gesso.jobs.upstream_list import list_calls
from gesso.jobs.upstream_report import Sums, total, upstream_report

PRICE = 10_000  # micro-credits: a hundredth of a credit
MADE = CallEnded(0, "fal", "fal-ai/x", "done", True, 2, Cost(Decimal("0.00004"), "usd"), 40)
RECKONED = CallEnded(0, "openai", "gpt-image-1", "done", True, 1, None, 30, reckoned=True)
UNPRICED = CallEnded(0, "openai", "gpt-image-1", "done", True, 1)
REFUSED = CallEnded(0, "fal", "fal-ai/x", "refused", False, micro_usd=0)
AWAY = CallEnded(0, "openai", "gpt-image-1", "unavailable", False, micro_usd=0)


def end(world, *calls, caller=None, delivered=1, count=1):
    job = world.running(price=PRICE, count=count, caller=caller)
    if delivered:
        return world.settle(job, delivered=delivered, calls=calls)
    return world.settle(job, "failed", failure=Failure(code="upstream_failed", message="No."), calls=calls)


def unknown(world):
    """End a job whose paying call may or may not have arrived."""
    job = world.running(price=PRICE)
    call = CallStanding(standing="sending", began_at=world.now)
    token = Standing(vendor="fal", target="fal-ai/x", calls={0: call}).token()
    assert world.write(lambda c: save_checkpoint(c, job.id, job.worker, job.attempt, token))
    return world.settle(job, "failed", failure=Failure(code="upstream_unknown", message="Broken."))


def came_late(world, job, **values):
    """Write down what a vendor told after the end of a job."""
    values = {"late_outcome": "done", "late_at": world.now} | values
    world.write(lambda c: c.execute(update(upstream_calls).where(upstream_calls.c.job_id == job.id).values(**values)))


def report(world, *by, since=0, until=None, account_id=None):
    until = world.now + 1 if until is None else until
    return world.read(lambda c: upstream_report(c, by, since, until, account_id))


def test_without_calls_there_is_nothing(world):
    world.settle(world.running(price=PRICE))
    assert report(world, "vendor") == report(world) == []
    assert total(report(world, "vendor")) == Sums()
    assert world.read(lambda c: list_calls(c, 10)) == []


def test_every_call_is_made_failed_or_unknown_and_money_stands_beside_it(world):
    end(world, MADE, count=2, delivered=2)
    end(world, REFUSED, delivered=0)
    unknown(world)
    end(world, RECKONED)
    end(world, UNPRICED)
    fal, openai = report(world, "vendor")
    assert (fal.keys, openai.keys) == (("fal",), ("openai",))
    assert fal.sums == Sums(
        calls=3, made=1, failed=1, unknown=1, pictures=2, told_micro_usd=40, unpriced=1, kept_micro=PRICE
    )
    assert openai.sums == Sums(calls=2, made=2, pictures=2, reckoned_micro_usd=30, unpriced=1, kept_micro=2 * PRICE)
    assert [line.sums for line in report(world)] == [total([fal, openai])] == [fal.sums + openai.sums]


def test_the_margin_is_known_where_every_price_is(world):
    end(world, MADE)
    end(world, REFUSED, delivered=0)
    (line,) = report(world)
    assert line.sums.margin_micro == line.sums.most_margin_micro == PRICE - 4_000
    end(world, UNPRICED)
    (line,) = report(world)
    assert (line.sums.margin_micro, line.sums.most_margin_micro) == (None, 2 * PRICE - 4_000)


def test_after_failover_each_vendor_has_what_is_its(world):
    end(world, AWAY, MADE, count=2, delivered=1)
    fal, openai = report(world, "vendor")
    assert (openai.sums.calls, openai.sums.failed, openai.sums.kept_micro) == (1, 1, 0)
    assert (fal.sums.made, fal.sums.kept_micro, fal.sums.told_micro_usd) == (1, PRICE // 2, 40)


def test_what_came_late_counts_as_made_and_paid_though_the_account_has_its_credits_back(world):
    late = end(world, CallEnded(0, "fal", "fal-ai/x", "timed_out", None), delivered=0)
    still_open = end(world, CallEnded(0, "fal", "fal-ai/x", "timed_out", None), delivered=0)
    (line,) = report(world, "vendor")
    assert (line.sums.calls, line.sums.unknown, line.sums.unpriced) == (2, 2, 2)
    came_late(world, late, micro_usd=40, pictures=1)
    came_late(world, still_open, late_outcome="failed", micro_usd=0)
    (line,) = report(world, "vendor")
    assert line.sums == Sums(calls=2, made=1, failed=1, late=1, pictures=1, told_micro_usd=40)
    assert line.sums.margin_micro == -4_000


@pytest.mark.parametrize(
    ("left", "late"),
    [("unknown", None), ("timed_out", None), ("left", None), ("withdrawn", None), ("timed_out", "never_known")],
)
def test_what_nobody_heard_the_end_of_is_unknown(world, left, late):
    job = end(world, CallEnded(0, "fal", "fal-ai/x", "timed_out", None), delivered=0)
    came_late(world, job, outcome=left, late_outcome=late)
    assert (report(world)[0].sums.unknown, report(world)[0].sums.failed) == (1, 0)


def test_groups_by_several_axes_in_the_order_asked_for(world):
    other = world.account()
    end(world, MADE)
    end(world, MADE, caller=other)
    world.now += DAY
    end(world, RECKONED, caller=other)
    first, second = "2023-11-14", "2023-11-15"
    assert [line.keys for line in report(world, "day", "vendor")] == [(first, "fal"), (second, "openai")]
    assert [line.keys for line in report(world, "vendor", "day")] == [("fal", first), ("openai", second)]
    assert [line.keys for line in report(world, "model")] == [("gesso-sketch",)]
    by_account = {line.keys: line.sums.calls for line in report(world, "account", "model")}
    assert by_account == {(world.me.account_id, "gesso-sketch"): 1, (other.account_id, "gesso-sketch"): 2}
    assert report(world, account_id=other.account_id)[0].sums.calls == 2
    assert report(world, account_id="nobody") == []


def test_times_are_from_then_on_and_before_then(world):
    job = end(world, MADE)
    assert [line.sums.calls for line in report(world, since=job.ended_at, until=job.ended_at + 1)] == [1]
    assert report(world, since=job.ended_at - 1, until=job.ended_at) == []
    assert report(world, since=job.ended_at + 1, until=job.ended_at + DAY) == []


def test_large_sums_are_whole_numbers(world):
    dear = CallEnded(0, "fal", "fal-ai/x", "done", True, 1, None, 10**17, reckoned=True)
    for _ in range(3):
        end(world, dear)
    (line,) = report(world)
    assert (line.sums.reckoned_micro_usd, type(line.sums.reckoned_micro_usd)) == (3 * 10**17, int)


def test_calls_are_listed_newest_first_with_what_was_decided_of_their_jobs(world):
    kept = end(world, AWAY, MADE, count=2, delivered=1)
    lost = unknown(world)
    newest, *older = world.read(lambda c: list_calls(c, 10))
    assert (newest.job_id, newest.vendor, newest.outcome, newest.ended_at) == (lost.id, "fal", "unknown", world.now)
    assert (newest.state, newest.charged_micro, newest.refunded_micro) == ("failed", PRICE, PRICE)
    assert [(call.job_id, call.number, call.vendor) for call in older] == [(kept.id, 1, "fal"), (kept.id, 0, "openai")]
    assert (older[0].state, older[0].charged_micro, older[0].refunded_micro) == ("succeeded", PRICE, PRICE // 2)
    assert (older[0].cost, older[0].micro_usd, older[0].pictures, older[0].billed) == ("0.00004 usd", 40, 2, True)
    assert [call.job_id for call in world.read(lambda c: list_calls(c, 1))] == [lost.id]


def test_the_list_is_narrowed(world):
    other = world.account()
    end(world, MADE)
    end(world, RECKONED, caller=other)
    late = end(world, CallEnded(0, "fal", "fal-ai/x", "timed_out", None), delivered=0)
    came_late(world, late, late_outcome="refused")

    def found(**which):
        return [call.vendor for call in world.read(lambda c: list_calls(c, 10, **which))]

    assert found(outcome="done") == ["openai", "fal"]
    assert found(outcome="timed_out") == found(outcome="refused") == ["fal"]
    assert found(outcome="unknown") == []
    assert found(vendor="openai") == found(account_id=other.account_id) == ["openai"]
    assert found(vendor="fal", outcome="done") == ["fal"]


def test_calls_of_removed_jobs_stay_and_their_money_is_known(world):
    paid = end(world, MADE)
    free = world.settle(world.running(), calls=(MADE,))
    before = report(world, "vendor")
    world.write(lambda c: c.execute(text("DELETE FROM blobs")))
    world.now += 10 * DAY
    kept = Kept(results_seconds=1, jobs_seconds=1)
    for line in world.read(lambda c: lines(c, kept, world.now)):
        world.write(lambda c, line=line: remove_ended(c, line, 10))
    assert world.read(lambda c: c.execute(text("SELECT COUNT(*) FROM jobs")).scalar_one()) == 0
    assert report(world, "vendor") == before
    listed = {call.job_id: (call.state, call.charged_micro, call.refunded_micro) for call in _all(world)}
    assert listed == {paid.id: ("succeeded", PRICE, 0), free.id: (None, None, None)}


def _all(world):
    return world.read(lambda c: list_calls(c, 10))


def test_reports_and_lists_go_by_an_index(world):
    end(world, MADE)
    world.write(_many)
    since = world.now - 100 * SECOND
    works = (
        lambda c: upstream_report(c, ("model",), since, world.now),
        lambda c: upstream_report(c, ("day",), since, world.now, world.me.account_id),
        lambda c: list_calls(c, 20),
    )
    for work in works:
        plan = world.read(lambda c, work=work: plan_of(c, work))
        assert re.search(r"\bupstream_calls_(ended|of_account)\b", plan), plan
        assert "Seq Scan on upstream_calls" not in plan, plan


def _many(connection):
    """Put copies of the one call before it, a second apart."""
    names = [column.name for column in upstream_calls.c if column.name not in ("id", "job_id", "ended_at")]
    series = (
        "SELECT generate_series AS n FROM generate_series(1, 6000)"
        if is_postgres(connection)
        else "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 6000) SELECT n FROM s"
    )
    connection.execute(
        text(
            f"INSERT INTO upstream_calls (job_id, ended_at, {', '.join(names)}) "
            f"SELECT 'copy-' || n, ended_at - CAST(n AS BIGINT) * {SECOND}, {', '.join(names)} FROM upstream_calls, ({series}) series"
        )
    )
    if is_postgres(connection):
        connection.execute(text("ANALYZE upstream_calls"))
