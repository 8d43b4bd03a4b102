"""Pictures and webhooks that do not arrive, or are not what they should be."""

from __future__ import annotations

from history import (
    Fetched,
    FinalDelivery,
    HookReceived,
)
from pictures import expected_sha256
from planting import Records, changed, copied, find, planted, without

# ── pictures ────────────────────────────────────────────────────────────────────────────────────────────────


@planted("every_picture_can_be_fetched", "job-1")
def picture_never_fetched(records: Records) -> Records:
    return without(records, Fetched, job="job-1", picture=2)


@planted("every_picture_can_be_fetched", "job-1")
def picture_gone_at_last(records: Records) -> Records:
    gone = {"sha256": "", "bytes": 0, "ok": False, "why": "status 404", "pixels_sha256": None}
    return copied(records, Fetched, {"job": "job-1", "picture": 2}, **gone)


@planted("every_picture_can_be_fetched", "job-5")
def picture_of_a_cancelled_job(records: Records) -> Records:
    right = expected_sha256(5000, 0)
    return copied(
        records, Fetched, {"job": "job-7", "picture": 0}, job="job-5", pixels_sha256=right, expected_sha256=right
    )


@planted("every_picture_is_readable", "job-1")
def picture_unreadable(records: Records) -> Records:
    where = {"job": "job-1", "picture": 0, "ok": True}
    return changed(records, Fetched, where, ok=False, why="no picture", pixels_sha256=None)


@planted("every_fetch_brings_the_same", "job-1")
def picture_changed_its_bytes(records: Records) -> Records:
    return copied(records, Fetched, {"job": "job-1", "picture": 0, "ok": True}, sha256="another file")


@planted("every_fetch_brings_the_same", "job-1")
def picture_changed_its_length(records: Records) -> Records:
    return copied(records, Fetched, {"job": "job-1", "picture": 0, "ok": True}, bytes=1)


@planted("every_picture_is_the_right_one", "job-1")
def picture_of_another_seed(records: Records) -> Records:
    other = find(records, Fetched, job="job-1", picture=1).pixels_sha256
    return changed(records, Fetched, {"job": "job-1", "picture": 0, "ok": True}, pixels_sha256=other)


@planted("every_picture_is_the_right_one", "job-1")
def wrong_picture_that_its_fetcher_took_for_right(records: Records) -> Records:
    where = {"job": "job-1", "picture": 0, "ok": True}
    return changed(records, Fetched, where, pixels_sha256="other pixels", expected_sha256="other pixels")


@planted("every_picture_is_the_right_one", "job-7")
def wrong_edit(records: Records) -> Records:
    return changed(records, Fetched, {"job": "job-7", "picture": 1}, pixels_sha256="other pixels")


# ── webhooks ────────────────────────────────────────────────────────────────────────────────────────────────


@planted("every_webhook_arrives", "job-4")
def hook_never_came(records: Records) -> Records:
    return without(records, HookReceived, job="job-4")


@planted("every_webhook_arrives", "job-4")
def hook_never_written(records: Records) -> Records:
    return without(without(records, HookReceived, job="job-4"), FinalDelivery, job="job-4")


@planted("every_webhook_arrives", "job-4")
def hook_never_taken(records: Records) -> Records:
    return changed(records, HookReceived, {"job": "job-4"}, attempt_status=503)


@planted("every_webhook_arrives", "job-4")
def hook_given_up_though_it_was_taken(records: Records) -> Records:
    return changed(records, FinalDelivery, {"job": "job-4"}, state="failed")


@planted("every_webhook_arrives", "job-4")
def hook_of_the_outbox_never_came(records: Records) -> Records:
    """What came has another id than what was written."""
    return changed(records, HookReceived, {"job": "job-4"}, delivery="delivery-99")


@planted("every_webhook_is_signed", "job-4")
def hook_only_unverified(records: Records) -> Records:
    return changed(records, HookReceived, {"job": "job-4"}, verified=False)


@planted("every_webhook_is_signed", "job-1")
def hook_once_unverified(records: Records) -> Records:
    return changed(records, HookReceived, {"job": "job-1", "attempt_status": 503}, verified=False)


@planted("an_event_has_one_id", "job-4")
def event_with_two_ids(records: Records) -> Records:
    return copied(records, HookReceived, {"job": "job-4"}, delivery="delivery-99")


@planted("an_event_has_one_id", "delivery-4")
def id_with_two_events(records: Records) -> Records:
    return copied(records, HookReceived, {"job": "job-4"}, type="started")


@planted("webhooks_tell_the_truth", "job-99")
def hook_for_a_job_that_does_not_exist(records: Records) -> Records:
    return copied(records, HookReceived, {"job": "job-4"}, job="job-99", delivery="delivery-99")


@planted("webhooks_tell_the_truth", "job-4")
def hook_tells_another_end(records: Records) -> Records:
    return copied(records, HookReceived, {"job": "job-4"}, type="succeeded", delivery="delivery-99")
