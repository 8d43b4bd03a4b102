"""What a caller does with own webhooks, whichever API it asks by."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Protocol

from gesso.accounts.keys import Caller
from gesso.dialects.dialect import Posting, Sending
from gesso.dialects.registry import BY_NAME
from gesso.domain.clock import SECOND, Clock
from gesso.domain.delivery import Delivery, Registration
from gesso.domain.errors import Conflict, TooManyRequests
from gesso.domain.ids import new_id
from gesso.domain.job import Job
from gesso.jobs.circuits import host_of, try_now
from gesso.jobs.outbox import NATIVE
from gesso.jobs.signing_secrets import find_secrets, make_secrets
from gesso.jobs.store import newest_ended
from gesso.outgoing.send import Sender, Sent
from gesso.server.native_webhooks import ping_message
from gesso.storage.transactions import Transactions
from gesso.wiring import Parts
from gesso.workers.webhook_letters import Letter, NoRoom, WebhookLetters


class Means(Protocol):
    """What a test is sent with."""

    @property
    def database(self) -> Transactions: ...
    @property
    def letters(self) -> WebhookLetters: ...
    @property
    def sender(self) -> Sender: ...
    @property
    def clock(self) -> Clock: ...


async def account_secrets(parts: Parts, caller: Caller) -> tuple[str, ...]:
    """Return what the account's webhooks of this mode are signed with, the newest first; made on first need."""
    account_id, mode, now = caller.account_id, caller.mode, parts.clock()
    known = await parts.database.read(lambda c: find_secrets(c, account_id, mode, now))
    return known or await parts.database.write(lambda c: make_secrets(c, account_id, mode, now))


async def send_test(parts: Parts, registration: Registration) -> Sent:
    """Send something to a target now and return what came of it; nothing is kept.

    In the native form it is a message of its own. In a vendor's it is the newest ended job of that dialect told again,
    as vendors have no form without a job; `Conflict` when there is none. `TooManyRequests` when others of the account's
    tests, or very many of other accounts', still wait for their receivers.
    """
    with parts.webhook_tests.take(registration.account_id) as free:
        if not free:
            raise TooManyRequests("Too many tests of webhooks still wait for an answer.", retry_after_seconds=1)
        return await test_target(parts, registration)


async def test_target(means: Means, registration: Registration) -> Sent:
    """Do what `send_test` does, however many others wait; what its receiver took makes its circuit try again."""
    async with AsyncExitStack() as held:
        sent = await _send_test(means, registration, held)
    if sent.status is not None and 200 <= sent.status < 300:
        account_id, host, now = registration.account_id, host_of(registration.url), means.clock()
        await means.database.write(lambda c: try_now(c, account_id, host, now))
    return sent


async def _send_test(means: Means, registration: Registration, held: AsyncExitStack) -> Sent:
    message_id, now = new_id(), means.clock()
    if registration.dialect == NATIVE:
        sending = Sending(message_id, "test", registration.secret, now // SECOND)
        posting = ping_message(registration.id, sending)
    else:
        posting = await _told_again(means, registration, message_id, now, held)
    return await means.sender.post(registration.url, posting.body, posting.headers)


async def _told_again(
    means: Means, registration: Registration, message_id: str, now: int, held: AsyncExitStack
) -> Posting:
    account_id, mode, dialect = registration.account_id, registration.mode, registration.dialect
    job = await means.database.read(lambda c: newest_ended(c, account_id, mode, dialect))
    try:
        again = None if job is None else _delivery(registration, job, message_id, now)
        letter = None if again is None else await means.letters.write(again, held)
    except NoRoom as error:
        raise TooManyRequests("Too many large webhooks are on their way.", retry_after_seconds=1) from error
    if not isinstance(letter, Letter):
        title = BY_NAME[dialect].title
        raise Conflict(f"{title} tells of jobs only, and there is none that ended lately: make one, then test again.")
    return letter.posting


def _delivery(registration: Registration, job: Job, message_id: str, now: int) -> Delivery:
    return Delivery(
        id=message_id,
        account_id=registration.account_id,
        mode=registration.mode,
        job_id=job.id,
        event=job.state,
        dialect=registration.dialect,
        registration_id="",
        url=registration.url,
        host="",
        secret=registration.secret,
        state="pending",
        created_at=now,
    )
