"""Testing a target from the command line: sent by this process, whether a server runs or not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from gesso.cli.data_folder import OpenDatabase
from gesso.dialects.registry import DIALECTS
from gesso.domain.clock import Clock
from gesso.domain.delivery import Registration
from gesso.installation import catalogue_of, link_secret_of, open_blobs
from gesso.jobs.outbox import NATIVE
from gesso.outgoing.policy import Policy
from gesso.outgoing.send import Sender, Sent
from gesso.server.native_webhooks import WEBHOOKS
from gesso.server.own_hooks import test_target
from gesso.settings import Settings
from gesso.storage.links import Links
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
    letters = WebhookLetters(
        database=database,
        blobs=open_blobs(settings),
        catalogue=catalogue_of(settings),
        links=Links(link_secret_of(settings)),
        clock=database.clock,
        dialects=dialects,
        public_url=settings.public_url,
        link_seconds=int(settings.link_hours * 3600),
    )
    sender = Sender(Policy(allow=settings.outgoing_allow, total_seconds=settings.webhook_timeout_seconds))
    try:
        means = _Means(database, letters, sender, database.clock)
        return await test_target(means, registration)
    finally:
        await sender.aclose()
