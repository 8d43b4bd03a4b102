"""Testing a target from the command line: sent by this process, whether a server runs or not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from gesso.cli.data_folder import OpenDatabase
from gesso.dialects.registry import DIALECTS
from gesso.domain.clock import Clock
from gesso.domain.delivery import Registration
from gesso.jobs.outbox import NATIVE
from gesso.outgoing.send import Sender, Sent
from gesso.server.native_webhooks import WEBHOOKS
from gesso.server.own_hooks import test_target
from gesso.settings import Settings
from gesso.wiring import letters_of, sender_of
from gesso.workers.webhook_letters import WebhookLetters


@dataclass(frozen=True)
class _Means:
    database: OpenDatabase
    letters: WebhookLetters
    sender: Sender
    clock: Clock


def send_test(settings: Settings, database: OpenDatabase, registration: Registration) -> Sent:
    """Send a target something now and return what came of it; raise `Conflict` when there is nothing to send."""
    return asyncio.run(_send(settings, database, registration))


async def _send(settings: Settings, database: OpenDatabase, registration: Registration) -> Sent:
    dialects = {NATIVE: WEBHOOKS} | {known.name: known.webhooks for known in DIALECTS if known.webhooks is not None}
    sender = sender_of(settings)
    try:
        means = _Means(database, letters_of(settings, database, database.clock, dialects), sender, database.clock)
        return await test_target(means, registration)
    finally:
        await sender.aclose()
