"""The webhook: the prediction, signed as Standard Webhooks are."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

from gesso.dialects.dialect import Posting, Sending, Webhooks
from gesso.dialects.replicate.prediction import prediction
from gesso.dialects.view import View
from gesso.domain.hook import ENDS

PREFIX = "whsec_"


def render(view: View, sending: Sending) -> Posting:
    """Return the prediction, signed with the account's secret, and with its former one while that counts."""
    body = json.dumps(prediction(view), ensure_ascii=False, separators=(",", ":")).encode()
    secrets = [secret for secret in (sending.secret, sending.former_secret) if secret]
    signatures = [f"v1,{signature(sending.id, sending.sent_at, body, secret)}" for secret in secrets]
    return Posting(
        body=body,
        headers={
            "Content-Type": "application/json",
            "webhook-id": sending.id,
            "webhook-timestamp": str(sending.sent_at),
            "webhook-signature": " ".join(signatures),
        },
    )


def signature(delivery: str, sent_at: int, body: bytes, secret: str) -> str:
    """Return the base64 of HMAC-SHA256 over "id.timestamp.body"; the key is the base64 after `whsec_`."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    made = hmac.new(key, f"{delivery}.{sent_at}.".encode() + body, hashlib.sha256)
    return base64.b64encode(made.digest()).decode()


WEBHOOKS = Webhooks(events=frozenset({"started", *ENDS}), render=render, account_signs=True)
