"""One call at a vendor from its first request to its pictures: what may be sent again, when, and when to give up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Protocol

import structlog

from gesso.domain.clock import SECOND, Clock
from gesso.domain.upstream import CallStanding
from gesso.engines.upstream.aside import aside
from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.line import Line, retry_after
from gesso.engines.upstream.sender import NotSent, Unclear
from gesso.engines.upstream.steps import Call, Done, Failed, Reply, Send, State, Step, Wait, Why
from gesso.engines.upstream.vendor import Limits, Vendor

log = structlog.get_logger(__name__)
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 20.0
CREATE_TRIES = 5  # of a call of which it is known that nothing arrived
GARBLED_LOOKS = 5  # answers that make no sense until it is given up: a page of a proxy, say
GROWTH = 1.4  # of the pauses between two looks
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
NOT_KNOWN = Failed("unknown", billed=None)
_WORTH_ANOTHER_TRY: frozenset[Why] = frozenset({"rate_limited", "unavailable", "unknown"})  # at the same vendor


class Carrier(Protocol):
    """What a call needs from the job it belongs to."""

    async def send(self, call: Call, seconds: float) -> Reply: ...

    async def commit(self, standing: CallStanding | None) -> None:
        """Keep where the call stands (None: as if it had not begun); returns once that is committed."""
        ...

    def tell(self, done: int, total: int) -> None: ...


class VendorCall:
    """Carries one ask out. `rest` is how it sleeps, `dice` a number 0 … 1 for jitter."""

    def __init__(
        self,
        vendor: Vendor,
        limits: Limits,
        line: Line,
        ask: Ask,
        carrier: Carrier,
        *,
        clock: Clock,
        rest: Callable[[float], Awaitable[None]] = asyncio.sleep,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._vendor, self._limits, self._line, self._ask, self._carrier = vendor, limits, line, ask, carrier
        self._clock, self._rest, self._dice = clock, rest, dice
        self._began_at = 0
        self._paid_for = False  # whether anything that may cost has been sent
        self._open: CallStanding | None = None  # as it was committed, once the vendor has it

    async def run(self, standing: CallStanding | None) -> Done | Failed:
        """Return what came of it. Begins where an earlier process stopped; what it may have sent is not sent again."""
        self._began_at = self._clock() if standing is None else standing.began_at
        if standing is None or (standing.standing == "sending" and self._limits.repeatable):
            step: Step = await aside(self._pictures_bytes(), self._vendor.start, self._ask)
        elif standing.standing == "sending":
            return NOT_KNOWN
        else:
            self._paid_for, self._open = True, standing
            step = await self._look(self._vendor.poll(standing.state), standing.state)  # however long ago it began
        looks = self._pauses()
        while True:
            match step:
                case Send(call, state):
                    step = await (self._pay(call, state) if call.pays else self._look(call, state))
                    if isinstance(step, Failed) and not self._paid_for:
                        step = replace(step, billed=False)  # an upload, say
                    del call  # its pictures, while the vendor works
                case Wait(state, seconds, done, total):
                    if total:
                        self._carrier.tell(done, total)
                    pause = next(looks) if seconds is None else seconds
                    if self._left() <= pause:
                        return await self._give_up(state)
                    await self._rest(pause)
                    step = await self._look(self._vendor.poll(state), state)
                case Done():
                    await self._told()
                    return step
                case Failed():
                    return step

    # ── calls that pay ────────────────────────────────────────────────────────────────────────────────

    async def _pay(self, call: Call, state: State) -> Step:
        """Send what may cost: again only when it is known that nothing was begun."""
        failed = Failed("unavailable", again=True)
        for number, pause in zip(range(CREATE_TRIES), self._growing(), strict=False):
            await self._line.turn()
            await self._carrier.commit(CallStanding(standing="sending", began_at=self._began_at))
            try:
                self._paid_for = True
                reply = await self._carrier.send(call, self._limits.create_seconds)
            except NotSent as error:
                failed = Failed("unavailable", str(error), again=True)
            except Unclear as error:
                log.warning("upstream_unclear", vendor=self._vendor.name, reason=str(error))
                if not self._limits.repeatable:
                    return NOT_KNOWN
                failed = NOT_KNOWN
            else:
                step = await self._read(state, reply)
                if reply.status not in self._limits.refused_statuses and not _is_turned_away(step):
                    return await self._paid(step)
                failed = _refusal(step)
                if (asked := retry_after(reply.headers)) is not None:
                    self._line.pause(asked)
            if failed.billed is not None:
                await self._carrier.commit(None)
            if failed.why not in _WORTH_ANOTHER_TRY:
                break
            if number + 1 == CREATE_TRIES or self._left() <= pause:
                break
            await self._rest(pause)  # what the vendor asked for beyond it, the line waits for
        return failed

    async def _paid(self, step: Step) -> Step:
        """Keep what the vendor calls what has begun before anything else is done."""
        if isinstance(step, Send | Wait):
            until = self._began_at + round(self._limits.total_seconds * SECOND)
            self._open = CallStanding(standing="open", state=step.state, began_at=self._began_at, until=until)
            await self._carrier.commit(self._open)
        elif isinstance(step, Failed) and step.billed is False:
            await self._carrier.commit(None)
        return step

    async def _told(self) -> None:
        """Keep that the vendor is done: what follows is ours, and a process that dies of it again and again gives up."""
        if self._open is not None and self._open.until is not None:
            self._open = self._open.model_copy(update={"until": None})
            await self._carrier.commit(self._open)

    # ── calls that only look ──────────────────────────────────────────────────────────────────────────

    async def _look(self, call: Call, state: State) -> Step:
        """Send what costs nothing, again and again while the vendor is away and there is time."""
        garbled = 0
        for pause in self._growing():
            try:
                reply = await self._carrier.send(call, self._limits.other_seconds)
            except (NotSent, Unclear) as error:
                reason, asked = str(error), None
            else:
                if reply.status not in TRANSIENT:
                    step = self._looked(await self._read(state, reply), reply)
                    makes_sense = not isinstance(step, Failed) or step.why != "garbled"
                    garbled += not makes_sense
                    if makes_sense or garbled == GARBLED_LOOKS:
                        return step
                reason, asked = f"status {reply.status}", retry_after(reply.headers)
            longer = max(pause, asked or 0)
            if self._left() <= longer:
                log.warning("upstream_away", vendor=self._vendor.name, reason=reason)
                return await self._give_up(state)
            await self._rest(longer)
        raise AssertionError("the pauses have no end")

    def _looked(self, step: Step, reply: Reply) -> Step:
        """Return what a look says; one that is refused says nothing of what has begun, which may go on and be charged."""
        if isinstance(step, Failed) and step.again and self._paid_for and not reply.ok:
            return replace(NOT_KNOWN, message=step.message)
        return step

    async def _give_up(self, state: State) -> Failed:
        """The vendor takes too long: stop it there, where that can be done."""
        call = self._vendor.cancel(state) if self._paid_for else None
        if call is not None:
            try:
                await self._carrier.send(call, self._limits.other_seconds)
            except (NotSent, Unclear) as error:
                log.warning("upstream_not_cancelled", vendor=self._vendor.name, reason=str(error))
        return Failed("timed_out", again=True, billed=None)

    # ── details ───────────────────────────────────────────────────────────────────────────────────────

    async def _read(self, state: State, reply: Reply) -> Step:
        size = len(reply.body) if self._paid_for else len(reply.body) + self._pictures_bytes()
        try:
            step = await aside(size, self._vendor.read, self._ask, state, reply)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, ArithmeticError) as error:
            log.warning("upstream_garbled", vendor=self._vendor.name, status=reply.status, reason=type(error).__name__)
            if reply.ok:
                return Failed("garbled", billed=None)
            return Failed("unavailable" if reply.status in TRANSIENT else "failed", billed=None)
        if isinstance(step, Done) and not step.pictures:  # nobody says that this was billed
            return Failed("refused" if step.refused else "garbled", billed=None, cost=step.cost)
        return step

    def _pictures_bytes(self) -> int:
        return sum(len(picture.data) for picture in self._ask.pictures)

    def _left(self) -> float:
        """Return the seconds left before we give up."""
        return self._limits.total_seconds - (self._clock() - self._began_at) / SECOND

    def _pauses(self) -> Iterator[float]:
        """Yield the pauses between looks at a vendor that works."""
        pause = self._limits.first_poll
        while True:
            yield pause * (0.9 + 0.2 * self._dice())
            pause = min(pause * GROWTH, self._limits.longest_poll)

    def _growing(self) -> Iterator[float]:
        """Yield the pauses before a call is sent again (exponential, with full jitter above a half)."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            yield pause * (0.5 + 0.5 * self._dice())
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def _is_turned_away(step: Step) -> bool:
    """Tell whether there were too many requests, which some vendors say with a code of their own, status 200 beside."""
    return isinstance(step, Failed) and step.why == "rate_limited" and step.billed is False


def _refusal(step: Step) -> Failed:
    """Return what a refusal to begin means: nothing was begun, whatever else was read of it."""
    if isinstance(step, Failed) and step.why not in ("garbled", "unknown"):
        return Failed(step.why, step.message, again=step.again, billed=False)
    return Failed("rate_limited", again=True, billed=False)
