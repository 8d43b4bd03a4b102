"""Ends under lost leases, objects without rows, and histories that cannot be relied on."""

from __future__ import annotations

from history import (
    Answered,
    Asked,
    Fault,
    FinalEnd,
    FinalJob,
    FinalObject,
    FinalRow,
    Read,
)
from planting import Records, changed, copied, find, planted, without
from valid_history import DATABASE_EPOCH

# ── leases ──────────────────────────────────────────────────────────────────────────────────────────────────


@planted("no_end_under_a_lost_lease", "job-5")
def ended_under_another_workers_lease(records: Records) -> Records:
    return changed(records, FinalEnd, {"job": "job-5"}, lease="worker-9/1")


@planted("no_end_under_a_lost_lease", "job-5")
def ended_under_its_own_former_lease(records: Records) -> Records:
    worker = find(records, FinalEnd, job="job-5").worker
    return changed(records, FinalEnd, {"job": "job-5"}, row_lease=f"{worker}/2")


@planted("no_end_under_a_lost_lease", "job-5")
def ended_under_a_lease_while_it_waited(records: Records) -> Records:
    return changed(records, FinalEnd, {"job": "job-5"}, source="queued", row_lease=None, lease_until=None)


@planted("no_end_under_a_lost_lease", "job-6")
def given_up_while_its_lease_lasted(records: Records) -> Records:
    return changed(records, FinalEnd, {"job": "job-6"}, lease_until=DATABASE_EPOCH + 60_000_000)


@planted("no_end_under_a_lost_lease", "job-6")
def given_up_though_its_lease_has_no_end(records: Records) -> Records:
    return changed(records, FinalEnd, {"job": "job-6"}, lease_until=None)


# ── objects ─────────────────────────────────────────────────────────────────────────────────────────────────


@planted("no_object_without_a_row", "rich/orphan")
def object_without_a_row(records: Records) -> Records:
    return [*records, FinalObject(account="rich", blob="orphan")]


@planted("no_object_without_a_row", "second/blob-9-0")
def object_under_another_account(records: Records) -> Records:
    return [*records, FinalObject(account="second", blob="blob-9-0")]


@planted("no_row_without_an_object", "rich/input-7")
def row_without_an_object(records: Records) -> Records:
    return without(records, FinalObject, blob="input-7")


@planted("every_delivered_picture_has_a_row", "job-9")
def picture_without_a_row(records: Records) -> Records:
    return without(without(records, FinalObject, blob="blob-9-0"), FinalRow, blob="blob-9-0")


@planted("every_delivered_picture_has_a_row", "job-5")
def row_of_a_picture_nobody_has(records: Records) -> Records:
    left = {"account": "second", "blob": "left"}
    return [*records, FinalObject(**left), FinalRow(**left, job="job-5")]


@planted("every_delivered_picture_has_a_row", "job-99")
def row_of_a_job_that_does_not_exist(records: Records) -> Records:
    left = {"account": "second", "blob": "left"}
    return [*records, FinalObject(**left), FinalRow(**left, job="job-99")]


# ── the history itself ──────────────────────────────────────────────────────────────────────────────────────


@planted("history_is_sound", "ask-6")
def answer_to_an_attempt_nobody_made(records: Records) -> Records:
    return copied(records, Answered, {"ask": "ask-6"}, attempt=2)


@planted("history_is_sound", "ask-6")
def two_answers_to_one_attempt(records: Records) -> Records:
    return copied(records, Answered, {"ask": "ask-6"})


@planted("history_is_sound", "ask-6")
def one_attempt_noted_twice(records: Records) -> Records:
    return copied(records, Asked, {"ask": "ask-6"})


@planted("history_is_sound", "ask-8")
def ask_that_changes_its_key(records: Records) -> Records:
    return changed(records, Asked, {"ask": "ask-8", "attempt": 2}, idempotency_key="key-99")


@planted("history_is_sound", "job-6")
def job_final_twice(records: Records) -> Records:
    return copied(records, FinalJob, {"job": "job-6"})


@planted("history_is_sound", "job-6")
def read_that_says_nothing(records: Records) -> Records:
    return copied(records, Read, {"job": "job-6", "state": "queued"}, state=None)


@planted("faults_are_mended", "node-a")
def fault_never_mended(records: Records) -> Records:
    return without(records, Fault, on="end")
