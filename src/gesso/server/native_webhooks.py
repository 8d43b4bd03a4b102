"""Webhooks of the native API: the job as `GET /v1/jobs/{id}` shows it, signed as Standard Webhooks are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json
from standardwebhooks import Webhook

from gesso.dialects.dialect import Posting, Sending, Webhooks
from gesso.dialects.view import View
from gesso.domain.clock import SECOND, to_iso
from gesso.domain.hook import ENDS
from gesso.server.render import job_body


def render(view: View, sending: Sending) -> Posting:
    """Return the message `{"type": "job.<event>", "timestamp", "data": <job>}`."""
    job = view.job
    links = dict(zip((picture.blob for picture in job.pictures), view.links, strict=True))
    happened = job.started_at if sending.event == "started" else job.ended_at
    body = job_body(job, links.__getitem__, sending.sent_at * SECOND)
    return message(f"job.{sending.event}", happened or job.created_at, body, sending)


def message(kind: str, happened_at: int, data: Any, sending: Sending) -> Posting:
    """Return a signed message about what happened then (microseconds, UTC)."""
    body = to_json({"type": kind, "timestamp": to_iso(happened_at), "data": data})
    secrets = [secret for secret in (sending.secret, sending.former_secret) if secret]
    sent_at = datetime.fromtimestamp(sending.sent_at, UTC)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": sending.id,
        "webhook-timestamp": str(sending.sent_at),
        "webhook-signature": " ".join(Webhook(secret).sign(sending.id, sent_at, body.decode()) for secret in secrets),
    }
    return Posting(body, headers)


def ping_message(registration_id: str, sending: Sending) -> Posting:
    """Return the message that a test sends: of no job."""
    return message("webhook.test", sending.sent_at * SECOND, {"webhook": registration_id}, sending)


WEBHOOKS = Webhooks(events=frozenset({"started", *ENDS}), render=render, account_signs=True)
