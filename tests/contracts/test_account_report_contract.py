"""What an account's jobs cost it: by model and by day, its own mode only, deleted ones too, pictures from the charge."""

from __future__ import annotations

import re
from functools import partial

import pytest
from one_plan import plan_of
from sqlalchemy import text

from gesso.accounts.retention import Kept
from gesso.database.dialect import is_postgres
from gesso.domain.clock import DAY, SECOND
from gesso.domain.job import Failure
from gesso.jobs.account_report import JobSums, account_report, total
from gesso.jobs.remove import lines, remove_ended

NO = Failure(code="engine_failed", message="No.")


def report(world, by="model", since=0, until=None, caller=None, mode="live"):
    caller, until = caller or world.me, world.now + 1 if until is None else until
    return world.read(lambda c: account_report(c, caller.account_id, mode, by, since, until))


def test_an_account_without_jobs_has_no_lines(world):
    assert report(world) == report(world, "day") == []
    assert total([]) == JobSums()


def test_jobs_by_how_they_ended_their_pictures_and_money(world):
    world.settle(world.running(price=900, count=3), delivered=2)
    world.settle(world.running(price=100), "failed", failure=NO)
    world.settle(world.running(price=50), "failed", failure=Failure(code="content_refused", message="No.", billed=True))
    world.cancel(world.submit(price=10))
    world.submit(price=7)
    (running,) = world.claim()
    assert running.charged_micro == 7
    world.submit(price=5)
    (line,) = report(world)
    assert line.key == "gesso-sketch"
    assert line.sums == JobSums(
        jobs=6,
        succeeded=1,
        failed=2,
        cancelled=1,
        unfinished=2,
        pictures=2,
        charged_micro=1072,
        refunded_micro=410,
    )
    assert line.sums.kept_micro == 662
    assert world.balance() == 1_000_000 - 662


@pytest.mark.parametrize("price", [0, 1, 2, 3, 4, 7, 10, 999])
def test_pictures_are_counted_whatever_the_price(world, price):
    delivered = [3, 1, 2]
    for number in delivered:
        world.settle(world.running(price=price, count=3), delivered=number)
    assert report(world)[0].sums.pictures == sum(delivered)


def test_deleting_a_job_leaves_its_money_and_the_pictures_that_were_paid(world):
    paid = world.running(price=900, count=3)
    world.settle(paid, delivered=2)
    free = world.running(price=0, count=2)
    world.settle(free, delivered=2)
    assert report(world)[0].sums.pictures == 4
    world.delete(world.job(paid.id))
    assert report(world)[0].sums.pictures == 4
    world.delete(world.job(free.id))
    (line,) = report(world)
    assert (line.sums.jobs, line.sums.pictures, line.sums.charged_micro, line.sums.refunded_micro) == (2, 2, 900, 300)


def test_days_are_those_of_submission_in_utc(world):
    world.now = 1_700_006_400 * SECOND - 10_000  # just before midnight
    world.submit(price=1)
    world.now += DAY
    world.submit(price=2)
    assert [(line.key, line.sums.charged_micro) for line in report(world, "day")] == [
        ("2023-11-14", 1),
        ("2023-11-15", 2),
    ]


def test_times_are_from_then_on_and_before_then(world):
    job = world.submit(price=1)
    assert len(report(world, since=job.created_at, until=job.created_at + 1)) == 1
    assert report(world, since=job.created_at + 1, until=job.created_at + DAY) == []
    assert report(world, since=job.created_at - DAY, until=job.created_at) == []


def test_another_account_and_the_other_mode_see_nothing_of_it(world):
    other = world.account()
    world.submit(price=1)
    world.submit(price=2, caller=other)
    assert [line.sums.charged_micro for line in report(world)] == [1]
    assert [line.sums.charged_micro for line in report(world, caller=other)] == [2]
    assert report(world, mode="test") == []


def test_removed_jobs_are_in_no_sum(world):
    world.settle(world.running(price=900))
    world.now += 10 * DAY
    world.submit(price=1)
    world.write(lambda c: c.execute(text("DELETE FROM blobs")))
    for line in world.read(lambda c: lines(c, Kept(results_seconds=1, jobs_seconds=1), world.now)):
        world.write(lambda c, line=line: remove_ended(c, line, 10))
    assert [(line.sums.jobs, line.sums.charged_micro) for line in report(world)] == [(1, 1)]


@pytest.mark.parametrize("by", ["model", "day"])
def test_the_account_s_jobs_of_that_time_are_found_by_their_index(world, by):
    work = partial(account_report, account_id=world.me.account_id, mode="live", by=by, since=0, until=1)
    plan = world.read(lambda c: _indexed_plan(c, work))
    assert re.search(r"\bjobs_listed\b", plan), plan


def _indexed_plan(connection, work):
    if is_postgres(connection):  # of an empty table it would read the whole
        connection.execute(text("SET LOCAL enable_seqscan = off"))
    return plan_of(connection, work)
