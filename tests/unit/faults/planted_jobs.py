"""Jobs that get lost, are made twice, or go back on what they were."""

from __future__ import annotations

from history import (
    Answered,
    Asked,
    Cancelled,
    FinalEnd,
    FinalEntry,
    FinalJob,
    Read,
    Unanswered,
)
from planting import Records, after, changed, copied, find, planted, without
from valid_history import PRICE_MICRO, booked, entry


def _without_job(records: Records, job: str) -> Records:
    """Take everything of a job out of the tables, its money as if it never was."""
    for kind in (FinalJob, FinalEnd, FinalEntry):
        records = without(records, kind, job=job)
    return booked(records)


# ── accepted means terminal ─────────────────────────────────────────────────────────────────────────────────


@planted("no_acknowledged_job_is_lost", "job-5")
def acknowledged_job_lost(records: Records) -> Records:
    return _without_job(records, "job-5")


@planted("no_job_is_gone_for_its_reader", "job-5")
def job_gone_for_a_poll(records: Records) -> Records:
    return copied(records, Read, {"job": "job-5", "state": "running"}, state=None, status=404)


@planted("no_job_is_gone_for_its_reader", "job-5")
def job_gone_for_who_cancels(records: Records) -> Records:
    return changed(records, Cancelled, {"job": "job-5"}, status=404)


@planted("every_job_ends", "job-6")
def job_runs_for_ever(records: Records) -> Records:
    records = without(without(records, FinalEnd, job="job-6"), Read, job="job-6", state="failed")
    records = changed(records, FinalJob, {"job": "job-6"}, state="running", refunded=0)
    return booked(without(records, FinalEntry, job="job-6", type="refund"))


@planted("every_job_ends", "job-10")
def job_nobody_heard_of_waits_for_ever(records: Records) -> Records:
    asked, row = find(records, Asked, ask="ask-6"), find(records, FinalJob, job="job-6")
    new = asked.model_copy(update={"ask": "ask-10", "idempotency_key": "key-10"})
    left = row.model_copy(update={"job": "job-10", "ask": "ask-10", "state": "queued", "attempts": 0, "refunded": 0})
    charge = entry("rich", "charge", -PRICE_MICRO, "job-10")
    return booked([*after(records, asked, new, Unanswered(ask="ask-10", attempt=1, why="cut")), left, charge])


@planted("jobs_are_as_asked", "job-9")
def job_for_more_pictures(records: Records) -> Records:
    return changed(records, Asked, {"ask": "ask-9"}, pictures=2)


@planted("jobs_are_as_asked", "job-6")
def job_in_another_account(records: Records) -> Records:
    records = changed(records, FinalJob, {"job": "job-6"}, account="second")
    return booked(changed(records, FinalEntry, {"job": "job-6"}, account="second"))


@planted("jobs_are_as_asked", "job-6")
def webhook_forgotten(records: Records) -> Records:
    return changed(records, Asked, {"ask": "ask-6"}, webhook=True)


@planted("jobs_are_as_asked", "job-9")
def job_that_must_fail_succeeds(records: Records) -> Records:
    return changed(records, Asked, {"ask": "ask-9"}, fails=True)


@planted("jobs_are_as_asked", "job-2")
def picture_missing_that_could_be_made(records: Records) -> Records:
    return changed(records, Asked, {"ask": "ask-2"}, fewer=False)


@planted("jobs_are_as_asked", "job-6")
def job_nobody_asked_for(records: Records) -> Records:
    records = without(without(records, Asked, ask="ask-6"), Read, ask="ask-6")
    return without(records, Answered, ask="ask-6")


@planted("what_was_refused_is_not_made", "ask-6")
def refused_job_made(records: Records) -> Records:
    return changed(without(records, Read, ask="ask-6"), Answered, {"ask": "ask-6"}, status=429, job=None)


# ── one job for one key ─────────────────────────────────────────────────────────────────────────────────────


def _second_job(records: Records, ask: str) -> Records:
    """Give an ask another job, which failed and is whole and paid back."""
    asked = find(records, Asked, ask=ask)
    charged = asked.pictures * PRICE_MICRO
    row = find(records, FinalJob, job="job-6").model_copy(
        update={
            "job": "job-10",
            "ask": ask,
            "account": asked.account,
            "picture_count": asked.pictures,
            "charged": charged,
            "refunded": charged,
        }
    )
    end = find(records, FinalEnd, job="job-6").model_copy(update={"job": "job-10"})
    money = (entry(asked.account, "charge", -charged, "job-10"), entry(asked.account, "refund", charged, "job-10"))
    return booked([*records, row, end, *money])


@planted("one_job_for_one_key", "ask-6")
def two_jobs_for_one_key(records: Records) -> Records:
    asked, answered = find(records, Asked, ask="ask-6"), find(records, Answered, ask="ask-6")
    again = answered.model_copy(update={"attempt": 2, "job": "job-10"})
    return _second_job(after(records, answered, asked.model_copy(update={"attempt": 2}), again), "ask-6")


@planted("one_job_for_one_key", "ask-5")
def hidden_second_job_for_one_key(records: Records) -> Records:
    """No answer told of the second job: its metadata do."""
    return _second_job(records, "ask-5")


@planted("one_job_for_one_key", "ask-6")
def more_jobs_than_attempts_without_a_key(records: Records) -> Records:
    return _second_job(changed(records, Asked, {"ask": "ask-6"}, idempotency_key=None), "ask-6")


@planted("one_job_for_one_key", "ask-3/ask-6")
def two_asks_with_one_key(records: Records) -> Records:
    return changed(records, Asked, {"ask": "ask-6"}, idempotency_key="key-3")


@planted("one_ask_for_one_job", "job-9")
def one_job_for_two_asks(records: Records) -> Records:
    asked, answered = find(records, Asked, ask="ask-9"), find(records, Answered, ask="ask-9")
    new = {"ask": "ask-10", "idempotency_key": "key-10"}
    return after(records, answered, asked.model_copy(update=new), answered.model_copy(update={"ask": "ask-10"}))


# ── states ──────────────────────────────────────────────────────────────────────────────────────────────────


@planted("every_job_ends_once", "job-5")
def ended_twice(records: Records) -> Records:
    """Two workers ended it, each from a running state and with the lease in its row."""
    return copied(records, FinalEnd, {"job": "job-5"}, number=99)


@planted("every_job_ends_once", "job-5")
def moved_back_from_an_end(records: Records) -> Records:
    move = {"number": 99, "source": "cancelled", "state": "queued", "lease": None, "row_lease": None}
    return copied(records, FinalEnd, {"job": "job-5"}, **move)


@planted("every_job_ends_once", "job-5")
def ended_as_something_else(records: Records) -> Records:
    return changed(records, FinalEnd, {"job": "job-5"}, state="failed")


@planted("every_job_ends_once", "job-5")
def ended_unseen(records: Records) -> Records:
    return without(records, FinalEnd, job="job-5")


@planted("states_move_forward", "job-5")
def back_from_an_end(records: Records) -> Records:
    return copied(records, Read, {"job": "job-5", "state": "cancelled", "reader": "poll"}, state="running", sent=None)


@planted("states_move_forward", "job-5")
def back_from_an_end_for_another_reader(records: Records) -> Records:
    seen = find(records, Read, job="job-5", state="cancelled")
    return after(
        records,
        seen,
        seen.model_copy(update={"reader": "third", "state": "queued", "sent": seen.at + 1, "at": seen.at + 2}),
    )


@planted("states_move_forward", "job-5")
def runs_again_without_an_interruption(records: Records) -> Records:
    records = copied(records, Read, {"job": "job-5", "state": "running"}, state="queued")
    return copied(records, Read, {"job": "job-5", "state": "queued"}, state="running")


@planted("an_end_never_changes", "job-5")
def end_changed_for_a_reader(records: Records) -> Records:
    return changed(records, Read, {"job": "job-5", "reader": "another"}, state="succeeded")


@planted("an_end_never_changes", "job-5")
def end_is_not_what_everybody_saw(records: Records) -> Records:
    return changed(
        changed(records, FinalJob, {"job": "job-5"}, state="failed"), FinalEnd, {"job": "job-5"}, state="failed"
    )
