"""Uploads and the log of webhooks in Eachlabs' words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from gesso.dialects.call import Call, Reply
from gesso.dialects.eachlabs.translate import to_page
from gesso.dialects.view import AttemptView, DeliveryView, StartedUpload
from gesso.domain.clock import to_iso

SOURCE = "gesso"


def upload_started(uploads: Sequence[StartedUpload], _: Call) -> Reply:
    """Answer `POST /v1/upload/presign`. `expires_at` is when the file goes; the address works for 15 minutes."""
    (upload,) = uploads
    said = {
        "id": upload.id,
        "presigned_url": upload.put_url,
        "public_url": upload.link,
        "expires_at": to_iso(upload.expires_at if upload.kept_until is None else upload.kept_until),
        "required_headers": {},
    }
    return Reply(said)


def file_deleted(_: Call) -> Reply:
    """Answer `DELETE /v1/files/{id}`."""
    return Reply(status=204)


def deliveries(found: Sequence[DeliveryView], total: int, call: Call) -> Reply:
    """Answer `GET /v1/webhooks`."""
    limit, offset = to_page(call)
    said = {"webhooks": [_delivery(one) for one in found], "limit": limit, "offset": offset, "total_count": total}
    return Reply(said)


def delivery(found: DeliveryView, _: Call) -> Reply:
    """Answer `GET /v1/webhooks/{execution_id}`."""
    attempts = [_attempt(one) for one in found.attempts]
    if found.state == "pending":
        due = found.created_at if found.next_at is None else found.next_at
        attempts.append(_tried("PENDING", None, None, None, due))
    return Reply(_delivery(found) | {"attempts": attempts})


def _delivery(found: DeliveryView) -> dict[str, Any]:
    # The payload is made anew for each attempt, with fresh links, and not kept: this is its beginning.
    request = {"exec_id": found.job_id, "flow_id": None, "status": found.event}
    return {
        "execution_id": found.job_id,
        "url": found.url,
        "request": json.dumps(request, separators=(",", ":")),
        "headers": {"Content-Type": "application/json"},
        "source": SOURCE,
        "created_at": to_iso(found.created_at),
    }


def _attempt(one: AttemptView) -> dict[str, Any]:
    taken = one.status is not None and 200 <= one.status < 300
    return _tried("SUCCESS" if taken else "FAILED", one.status, one.response or None, one.error or None, one.at)


def _tried(status: str, code: int | None, response: str | None, error: str | None, at: int) -> dict[str, Any]:
    return {
        "status": status,
        "status_code": code,
        "response": response,
        "error_message": error,
        "created_at": to_iso(at),
    }
