"""Delivery of webhooks: what is due is sent side by side, so that no receiver waits for another, and tried again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

import structlog
from sqlalchemy import Connection

from gesso.dialects.dialect import Posting
from gesso.domain.clock import MINUTE, SECOND, Clock
from gesso.domain.delivery import Attempt, Delivery
from gesso.domain.errors import StorageFailed
from gesso.jobs import circuits, deliveries, delivery_claim
from gesso.jobs.deliveries import Then
from gesso.jobs.delivery_claim import Room
from gesso.jobs.registrations import disable
from gesso.outgoing.send import Sent
from gesso.storage.transactions import Transactions
from gesso.telemetry.meters import Meters
from gesso.telemetry.span import NOTHING
from gesso.telemetry.tracing import begin, on
from gesso.workers.patience import Patience, complain, growing_pauses
from gesso.workers.retry_times import next_attempt
from gesso.workers.webhook_letters import Letter, NoRoom, Pointless, WebhookLetters

log = structlog.get_logger(__name__)
GONE = 410
OVERLOADED = (408, 429)  # as bad as no answer, though below 500
CLAIM_MARGIN_SECONDS = 15.0  # beyond the time one attempt may take
LONGEST_REST = 5 * MINUTE  # so that a clock that was put right is noticed
LATER = 2 * SECOND  # when there was no room for a large one
LAST_SECONDS = 2.0  # for what is being sent when the process stops
OWN_MISTAKE = "The server made a mistake writing this webhook."
SENDING_MISTAKE = "The server made a mistake sending this webhook."


class Post(Protocol):
    """Sends one webhook; tells what goes wrong instead of raising it."""

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Sent: ...


@dataclass(frozen=True)
class AtOnce:
    """How many webhooks are sent at once: in all by this process; to one host and of one account by all processes."""

    total: int = 256
    per_host: int = 8
    per_account: int = 64


class Deliverer:
    """Sends what the outbox holds. All methods belong to one event loop; it sleeps until something is due.

    A delivery is claimed for a little longer than an attempt may take (`seconds`): if this process dies meanwhile,
    another sends it again. `sleep` and `dice` are the time and the chance it goes by.
    """

    def __init__(
        self,
        *,
        database: Transactions,
        letters: WebhookLetters,
        post: Post,
        clock: Clock,
        seconds: float,
        at_once: AtOnce | None = None,
        meters: Meters | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._database, self._letters, self._post, self._clock = database, letters, post, clock
        self._lease = int((seconds + CLAIM_MARGIN_SECONDS) * SECOND)
        self._at_once = at_once or AtOnce()
        self._sleep, self._dice = sleep, dice
        self._patience = Patience(database)
        self._sending: dict[asyncio.Task[None], Delivery] = {}
        self._due: dict[str, int] = {}  # of what is being sent
        self._meters = meters or Meters()
        self._left_some = self._stopping = False
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.attempts = {"delivered": 0, "failed": 0}  # of this process

    # ── life ──────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Begin to send."""
        self._task = asyncio.create_task(self._forever())

    async def take_over(self) -> None:
        """Send again at once what an earlier process was sending: only where no other process sends."""
        try:
            await self._database.write(lambda c: deliveries.take_over(c, self._clock()))
        except StorageFailed as error:  # its claims end by themselves
            complain(log, "webhooks_not_taken_over", error)

    def wake(self) -> None:
        """Say that something may be due."""
        self._wake.set()

    async def stop(self) -> None:
        """Send no more; what is being sent gets a moment, and what is left then is for the next process."""
        self._stopping = True
        self._wake.set()
        self._patience.give_up()
        if self._task is not None:  # a claim under way is heard out: what it took is given back below
            await asyncio.wait([self._task], timeout=LAST_SECONDS)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._sending:
            await asyncio.wait(self._sending, timeout=LAST_SECONDS)
        left = dict(self._sending)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        if left:
            await self._give_back(list(left.values()))

    @property
    def sending(self) -> int:
        """How many are being sent."""
        return len(self._sending)

    async def _give_back(self, held: list[Delivery]) -> None:
        def work(connection: Connection) -> None:
            for delivery in held:
                deliveries.give_back(connection, delivery, self._clock())

        try:
            await self._database.write(work)
        except StorageFailed as error:  # their claims end by themselves
            complain(log, "webhooks_not_given_back", error)

    # ── claiming ──────────────────────────────────────────────────────────────────────────────────────

    async def _forever(self) -> None:
        pauses = growing_pauses()
        while not self._stopping:
            self._wake.clear()
            try:
                until = await self._claim()
                pauses = growing_pauses()
            except Exception as error:  # noqa: BLE001 - a database that is away for a moment must not end it
                complain(log, "webhooks_not_claimed", error)
                until = self._clock() + int(next(pauses) * SECOND)
            if not self._stopping:
                await self._rest(until)

    async def _claim(self) -> int:
        """Begin to send what is due; return when there may be more."""
        now, most = self._clock(), self._at_once
        room = Room(most.total - len(self._sending), most.per_host, most.per_account)
        if room.total < 1:
            self._left_some = True
            return now + LONGEST_REST
        claimed = await self._database.write(lambda c: delivery_claim.claim_due(c, room, now, self._lease))
        self._left_some = claimed.left_some
        self._due |= claimed.due
        for delivery in claimed.deliveries:
            task = asyncio.create_task(self._deliver(delivery))
            self._sending[task] = delivery
            task.add_done_callback(self._done)
        if claimed.unseen and len(claimed.deliveries) < room.total:
            return now
        # What is due all the same is another process's, which may be dying, or waits for a place that it may free.
        due = await self._database.read(lambda c: delivery_claim.next_due(c, -1))
        return now + LONGEST_REST if due is None else min(max(due, now + SECOND), now + LONGEST_REST)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._due.pop(self._sending.pop(task).id, None)
        if self._left_some:
            self._wake.set()

    async def _rest(self, until: int) -> None:
        woken = asyncio.ensure_future(self._wake.wait())
        slept = asyncio.ensure_future(self._sleep(max(until - self._clock(), 0) / SECOND))
        try:
            await asyncio.wait({woken, slept}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
            slept.cancel()

    # ── one delivery ──────────────────────────────────────────────────────────────────────────────────

    async def _deliver(self, delivery: Delivery) -> None:
        async with AsyncExitStack() as held:
            await self._write_and_send(delivery, held)

    async def _write_and_send(self, delivery: Delivery, held: AsyncExitStack) -> None:
        try:
            letter = await self._letters.write(delivery, held)
        except NoRoom:
            later = self._clock() + LATER
            await self._write(delivery, lambda c: deliveries.give_back(c, delivery, later))
            return
        except StorageFailed as error:  # it is due again when its claim ends
            complain(log, "webhook_not_written", error, delivery=delivery.id)
            return
        except Exception:  # a dialect's mistake is a failed attempt, which a newer version may put right
            log.exception("webhook_not_written", delivery=delivery.id)
            await self._keep(delivery, Sent(error=OWN_MISTAKE, unsent=True))
            return
        if letter is None:
            await self._write(delivery, lambda c: deliveries.drop(c, delivery))
        elif isinstance(letter, Pointless):
            reason, now = letter.reason, self._clock()
            await self._write(delivery, lambda c: deliveries.end_unsent(c, delivery, reason, now))
        else:
            await self._send(delivery, letter)

    async def _send(self, delivery: Delivery, letter: Letter) -> None:
        """Send it, in the trace of its job; the receiver, who may be anybody, is told nothing of that."""
        said = {"gesso.job.id": delivery.job_id, "gesso.delivery.id": delivery.id, "gesso.event": delivery.event}
        attempt = begin("webhook", said, parent=letter.traceparent, kind="client") if on() else NOTHING
        attempt.note({"gesso.attempt": delivery.attempts + 1})
        with attempt.current():
            sent = await self._sent(delivery, letter.posting)
            await self._keep(delivery, sent)
        if sent.status is not None:
            attempt.note({"http.response.status_code": sent.status})
        attempt.end(None if sent.status is not None and 200 <= sent.status < 300 else "not_delivered")

    async def _sent(self, delivery: Delivery, posting: Posting) -> Sent:
        self._meters.webhook_began(self._due.get(delivery.id, delivery.created_at), self._clock())
        try:
            return await self._post(delivery.url, posting.body, posting.headers)
        except Exception:  # unrecorded it would be sent again whenever its claim ends, for ever
            log.exception("webhook_not_sent", delivery=delivery.id)
            return Sent(error=SENDING_MISTAKE, unsent=True)

    async def _keep(self, delivery: Delivery, sent: Sent) -> None:
        now = self._clock()
        then = self._then(delivery, sent, now)
        attempt = Attempt(
            number=delivery.attempts + 1, at=now, status=sent.status, response=sent.response, error=sent.error
        )

        def work(connection: Connection) -> None:
            kept = deliveries.record(connection, delivery, attempt, then)
            if kept and not sent.refused and not sent.unsent:
                self._note(connection, delivery, sent.status, now)
            if kept and sent.status == GONE and delivery.registration_id:
                disable(connection, delivery.registration_id, "Its receiver answered 410 Gone.", now)

        await self._write(delivery, work)
        self.attempts["delivered" if then.state == "delivered" else "failed"] += 1
        if then.state == "failed":
            log.warning("webhook_given_up", delivery=delivery.id, job=delivery.job_id, reason=then.reason)
        if then.state == "pending":
            self._wake.set()  # it may be due again before whatever is slept for

    def _note(self, connection: Connection, delivery: Delivery, status: int | None, now: int) -> None:
        """Keep what an attempt says of its receiver: whether it is there, whatever it thinks of this message."""
        circuits.note(
            connection,
            (delivery.account_id, delivery.host),
            taken=status is not None and status < 500 and status not in OVERLOADED,
            began=(delivery.claimed_until or now) - self._lease,
            now=now,
            most=self._at_once.per_host,
            dice=self._dice,
        )

    def _then(self, delivery: Delivery, sent: Sent, now: int) -> Then:
        if sent.status is not None and 200 <= sent.status < 300:
            return Then("delivered")
        said = sent.error or f"The receiver answered with status {sent.status}."
        if sent.refused or sent.status == GONE:
            return Then("failed", reason=said)
        next_at = next_attempt(delivery.tried + 1, delivery.attempts + 1, delivery.since, now, self._dice)
        if next_at is None:
            return Then("failed", reason=f"Every attempt failed. The last: {said}")
        return Then("pending", next_at=next_at)

    async def _write(self, delivery: Delivery, work: Callable[[Connection], object]) -> None:
        try:
            await self._patience.write(work, job=delivery.job_id)
        except StorageFailed as error:  # it is sent again when its claim ends
            complain(log, "webhook_not_recorded", error, delivery=delivery.id)
