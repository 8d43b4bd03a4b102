"""Our jobs as Magic Hour's image projects: the answers, and the webhooks that carry the same project."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP

from gesso.dialects.call import Call, Reply
from gesso.dialects.dialect import Posting, Sending
from gesso.dialects.ids import short
from gesso.dialects.magic_hour import wire
from gesso.dialects.view import AccountView, StartedUpload, View
from gesso.domain.clock import to_iso
from gesso.domain.credits import in_unit


def created(view: View, call: Call) -> Reply:
    """Answer that a project was taken, and what was charged for it."""
    charged = credits_charged(view)
    return Reply(wire.Created(id=short(view.job.id), credits_charged=charged, frame_cost=charged))


def details(view: View, call: Call) -> Reply:
    """Answer with a project."""
    return Reply(project(view))


def deleted(call: Call) -> Reply:
    """Answer that a project was deleted."""
    return Reply(None, 204)


def project(view: View) -> wire.Project:
    """Return a job as a project. A deleted one has no pictures and no name, and is not `enabled`."""
    job, request = view.job, view.job.request
    edits = request.operation == "edit" if request else view.model is not None and "edit" in view.model.operations
    label = "Ai Image Editor" if edits else "Ai Image"
    created_at = time_of(job.created_at)
    charged = credits_charged(view)
    failure = job.failure
    return wire.Project(
        id=short(job.id),
        name=view.echo.get("name", f"{label} - {created_at}") if request else None,
        status=wire.STATUSES[job.state],
        image_count=request.count if request else len(job.pictures),
        type="AI_IMAGE_EDITOR" if edits else "AI_IMAGE",
        created_at=created_at,
        enabled=job.deleted_at is None,
        credits_charged=charged,
        total_frame_cost=charged,
        downloads=_downloads(view),
        error=None
        if failure is None
        else wire.ProjectError(message=failure.message, code=wire.FAILURES.get(failure.code, wire.UNKNOWN_FAILURE)),
    )


def credits_charged(view: View) -> int:
    """Return what was charged less what was given back, in whole Magic Hour credits, rounded half up."""
    net = in_unit(view.job.charged_micro - view.job.refunded_micro, "magic_hour_credit")
    return int(net.to_integral_value(ROUND_HALF_UP))


def account(view: AccountView, call: Call) -> Reply:
    """Answer with the account: what is left in whole Magic Hour credits, and its tier."""
    left = in_unit(view.balance_micro, "magic_hour_credit").to_integral_value(ROUND_DOWN)
    return Reply({"id": view.id, "email": None, "credits": int(left), "tier": view.tier, "subscription": None})


def upload_urls(started: Sequence[StartedUpload], call: Call) -> Reply:
    """Answer with the addresses to put files at, and the paths to name them by, in the order asked for."""
    items = [
        {
            "upload_url": one.put_url,
            "expires_at": time_of(one.expires_at),
            "file_path": f"{wire.ASSETS}{one.account_id}/{one.id}.{one.extension}",
        }
        for one in started
    ]
    return Reply({"items": items})


def posting(view: View, sending: Sending) -> Posting | None:
    """Return the webhook for an event, signed; None for an event the vendor does not send.

    The signature is the HMAC-SHA256 of "<timestamp>.<raw body>" in lower-case hex.
    """
    event = wire.EVENTS.get(sending.event)
    if event is None:
        return None
    body = json.dumps({"type": event, "payload": project(view)}, ensure_ascii=False, separators=(",", ":")).encode()
    signature = hmac.new(sending.secret.encode(), f"{sending.sent_at}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        wire.TIMESTAMP_HEADER: str(sending.sent_at),
        wire.SIGNATURE_HEADER: signature,
    }
    return Posting(body, headers)


def time_of(microseconds: int) -> str:
    """Render a time as the vendor does, with milliseconds: 2026-11-20T10:00:00.000Z."""
    return to_iso(microseconds)[:-4] + "Z"


def _downloads(view: View) -> list[wire.Download]:
    """Return the links; the file's ending is in them, since the SDKs save a picture under the last part of its path."""
    expires_at = time_of(view.links_expire_at)
    kinds = [picture.media_type.rpartition("/")[2] for picture in view.job.pictures]
    return [
        wire.Download(url=link.replace("?", f".{kind}?", 1), expires_at=expires_at)
        for link, kind in zip(view.links, kinds, strict=True)
    ]
