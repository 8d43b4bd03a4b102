"""Receivers of webhooks that verify what they get and write it into the history."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import httpx
from history import HookReceived, Recorder
from standardwebhooks import Webhook, WebhookVerificationError
from webhook_receiver import Received, Receiver, webhook_receiver

HANG_SECONDS = 5.0  # longer than a node waits for an answer


@dataclass
class VerifyingReceiver(Receiver):
    """Answers 200 to what is signed well, 400 to what is not; while it is `hanging`, nobody in time."""

    name: str = ""
    recorder: Recorder | None = None
    secrets: dict[str, str] = field(default_factory=dict)  # account → what its webhooks are signed with
    hanging: bool = False
    failing: bool = False

    def answer(self, received: Received) -> int:
        """Take a webhook; return the status to answer with."""
        assert self.recorder is not None
        if self.hanging:  # nobody hears the answer, so that nothing was received
            time.sleep(HANG_SECONDS)
            return 503
        said = json.loads(received.body)
        job = said["data"]
        verified = self._verifies(received, str(job["metadata"]["account"]))
        status = 503 if self.failing else 200 if verified else 400
        self.recorder.write(
            HookReceived(
                delivery=received.headers["webhook-id"],
                job=job["id"],
                type=said["type"].removeprefix("job."),
                verified=verified,
                attempt_status=status,
                body_sha256=sha256(received.body).hexdigest(),
                receiver=self.name,
            )
        )
        return status

    def _verifies(self, received: Received, account: str) -> bool:
        try:
            Webhook(self.secrets[account]).verify(received.body, dict(received.headers))
        except WebhookVerificationError:
            return False
        return True


def listening(stack: ExitStack, recorder: Recorder, how_many: int) -> list[Any]:
    """Return receivers on free ports until the stack is closed."""
    return [
        stack.enter_context(webhook_receiver(VerifyingReceiver(name=f"receiver {number}", recorder=recorder)))
        for number in range(how_many)
    ]


async def learn_secrets(
    receivers: list[VerifyingReceiver], client: httpx.AsyncClient, url: str, keys: dict[str, Any]
) -> None:
    """Ask what each account's webhooks are signed with."""
    for account, key in keys.items():
        answer = await client.get(f"{url}/v1/webhooks/secret", headers={"Authorization": f"Bearer {key}"})
        secret = answer.raise_for_status().json()["secret"]
        for receiver in receivers:
            receiver.secrets[account] = secret
