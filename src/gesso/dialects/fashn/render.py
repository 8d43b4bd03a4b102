"""Our jobs, accounts and errors in FASHN's words."""

from __future__ import annotations

import base64
import json
import math

from gesso.dialects.call import Call, Reply
from gesso.dialects.dialect import Posting, Sending
from gesso.dialects.fashn.wire import (
    CREDITS_USED,
    ID_ENDING,
    INLINE,
    STATUSES,
    Prediction,
    RuntimeFailure,
    runtime_name,
)
from gesso.dialects.view import AccountView, View
from gesso.domain.credits import in_unit
from gesso.domain.job import Job


def is_inline(job: Job) -> bool:
    """Tell whether the asker wants the pictures themselves, as data URIs."""
    return job.request is not None and any(job.request.values.get(name) is True for name in INLINE)


def started(view: View, call: Call) -> Reply:
    """Answer `POST /v1/run`."""
    return Reply({"id": view.job.id + ID_ENDING, "error": None})


def status(view: View, call: Call) -> Reply:
    """Answer `GET /v1/status/{id}`: 200 also for a prediction that failed; the last answers say what it cost."""
    headers = {CREDITS_USED: str(credits_used(view.job))} if view.job.is_terminal else {}
    return Reply(prediction(view), headers=headers)


def prediction(view: View) -> Prediction:
    """Return a job as the status route and the webhook tell it."""
    job = view.job
    error: RuntimeFailure | None = None
    if job.state == "failed" and job.failure is not None:
        error = {"name": runtime_name(job.failure.code), "message": job.failure.message}
    output = _output(view) if job.state == "succeeded" else None
    return {"id": job.id + ID_ENDING, "status": STATUSES[job.state], "output": output, "error": error}


def _output(view: View) -> list[str] | None:
    """Return links, or the pictures as data URIs; None once these are gone."""
    if not view.job.pictures:  # deleted
        return None
    if not is_inline(view.job):
        named = zip(view.links, view.job.pictures, strict=True)
        return [link.replace("?", f".{_ending(picture.media_type)}?", 1) for link, picture in named]
    if view.files is None or None in view.files:
        return None
    return [
        f"data:{picture.media_type};base64,{base64.b64encode(file or b'').decode()}"
        for file, picture in zip(view.files, view.job.pictures, strict=True)
    ]


def _ending(media_type: str) -> str:
    return media_type.rpartition("/")[2]


def credits_used(job: Job) -> int:
    """Return what a job cost in whole FASHN credits, rounded up."""
    return math.ceil(in_unit(job.charged_micro - job.refunded_micro, "fashn_credit"))


def balance(account: AccountView, call: Call) -> Reply:
    """Answer `GET /v1/credits` in whole credits, rounded down; there are no subscriptions here."""
    total = math.floor(in_unit(account.balance_micro, "fashn_credit"))
    return Reply({"credits": {"total": total, "subscription": 0, "on_demand": total}})


def posting(view: View, sending: Sending) -> Posting | None:
    """Return the webhook of a prediction that succeeded or failed: what the status route says, unsigned."""
    if view.job.state not in ("succeeded", "failed"):
        return None
    body = json.dumps(prediction(view), separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json", CREDITS_USED: str(credits_used(view.job))}
    return Posting(body, headers)
