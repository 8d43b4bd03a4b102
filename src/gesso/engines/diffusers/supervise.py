"""One device: the line before it, and what paints on it, started at the first picture and again when it died."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from gesso.domain.events import Note
from gesso.engines.diffusers.checkpoint import Checkpoint
from gesso.engines.diffusers.child_settings import ChildSettings
from gesso.engines.diffusers.gather import Asked, Line, Ticket
from gesso.engines.diffusers.launch import Launch
from gesso.engines.diffusers.link import Died, Link
from gesso.engines.diffusers.messages import (
    Alive,
    Ended,
    Failed,
    FromChild,
    Held,
    Noted,
    Paint,
    Painted,
    Stepped,
    Stop,
)
from gesso.engines.diffusers.order import Order
from gesso.engines.engine import DeviceFigures

log = structlog.get_logger(__name__)
PAUSES = (0.0, 0.0, 1.0, 5.0, 15.0, 60.0)  # seconds before the next start, by deaths in a row
RESTARTED = "What paints on the device ended in the middle; what was not painted by then was begun anew."
GIVEN_UP = "What paints on the device ended twice in the middle of this job."
TROUBLE = 3  # deaths in a row after which nothing is accepted for a device until its pause has passed


@dataclass(frozen=True)
class Patience:
    """Seconds: that it may take to start, be silent while it paints, go on after a job was stopped, and end."""

    start: float = 300.0
    silence: float = 600.0
    stop: float = 30.0
    end: float = 5.0
    pauses: Sequence[float] = PAUSES


class Device:
    """Paints what is submitted, group by group. All methods belong to one event loop.

    A job's messages go to its `Asked`; each of its tickets ends. Of a job whose process died, what was not painted is
    painted once more; at its second death it is told `Failed` with the trouble "died".
    """

    def __init__(
        self,
        settings: ChildSettings,
        launch: Launch,
        *,
        most: int = 1,
        patience: Patience | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = settings.device
        self._settings, self._launch, self._patience, self._now = settings, launch, patience or Patience(), now
        self._line = Line(most)
        self._painting: tuple[Ticket, ...] = ()
        self._link: Link | None = None
        self._serving: asyncio.Task[None] | None = None
        self._held: tuple[tuple[Checkpoint, int], ...] = ()
        self._stop_by: float | None = None  # when what was stopped must have ended
        self._sent = self._loading = False
        self._deaths, self._rests_until = 0, 0.0
        self._starts = self._loads = self._evictions = self._out_of_memory = self._used = 0

    # ── asked by the engine ───────────────────────────────────────────────────────────────────────────

    @property
    def load(self) -> int:
        """How many pictures wait or are painted."""
        return len(self._line) + len(self._painting)

    def holds(self, checkpoint: Checkpoint) -> bool:
        """Tell whether weights are loaded here."""
        return any(one == checkpoint for one, _ in self._held)

    @property
    def trouble(self) -> bool:
        """Whether what paints died so often in a row that it is left alone for a while."""
        return self._deaths >= TROUBLE and self._now() < self._rests_until

    @property
    def figures(self) -> DeviceFigures:
        """What is counted here since the start of this process."""
        return DeviceFigures(
            loads=self._loads,
            evictions=self._evictions,
            restarts=max(0, self._starts - 1),
            out_of_memory=self._out_of_memory,
            memory_bytes=self._used,
        )

    def submit(self, order: Order, asked: Asked) -> Ticket:
        """Put a picture in the line."""
        ticket = Ticket(order, asked)
        self._line.put(ticket)
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve())
        return ticket

    async def withdraw(self, asked: Asked, tickets: Iterable[Ticket]) -> None:
        """Stop a job: what waits leaves the line, what is painted is waited for, as long as a step takes."""
        asked.wanted = False
        left = [ticket for ticket in tickets if ticket.state != "ended"]
        for ticket in left:
            if ticket.state == "waits":
                self._line.remove(ticket)
            if ticket.state == "waits" or not self._sent:
                ticket.end()
        if not (painted := [ticket for ticket in left if ticket.state == "paints"]):
            return
        if self._stop_by is None:
            self._stop_by = self._now() + self._patience.stop
        if self._link is not None:
            await self._tell_stop(self._link, asked.job)
        if not self._loading:  # that cannot be interrupted, and what is loaded is of use to others
            for ticket in painted:
                await ticket.ended.wait()

    async def close(self) -> None:
        """End what paints, and everything that waits."""
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
            self._serving = None
        for ticket in (*self._painting, *self._line.clear()):
            self._give_up(ticket, Failed(ticket.asked.job, "died", "The server stopped."))
        self._painting = ()
        if self._link is not None:
            link, self._link = self._link, None
            await link.end(self._patience.end)

    # ── the loop ──────────────────────────────────────────────────────────────────────────────────────

    async def _serve(self) -> None:
        while True:
            self._painting = await self._line.take()
            self._stop_by, self._sent, self._loading = None, False, False
            try:
                await self._paint(self._painting)
                self._deaths = 0
            except Died as death:
                self._bury(str(death))
            except Exception:  # a mistake of ours fails the jobs it met, and not the device
                log.exception("device_crashed", device=self.name)
                self._forget()
                for ticket in self._painting:
                    self._give_up(ticket, Failed(ticket.asked.job, "mistake", "The server made a mistake."))
            self._painting = ()

    async def _paint(self, group: tuple[Ticket, ...]) -> None:
        """Have a group painted; return when nothing more comes of it. Raises `Died`."""
        link = await self._alive()
        wanted = tuple(ticket for ticket in group if ticket.state == "paints")
        if not wanted:
            return
        self._sent = True
        await link.send(Paint(tuple(ticket.order for ticket in wanted)))
        for job in {ticket.asked.job for ticket in wanted if not ticket.asked.wanted}:
            await self._tell_stop(link, job)  # stopped while it was being sent
        while any(ticket.state == "paints" for ticket in wanted):
            self._take(await self._next(link), wanted)

    async def _next(self, link: Link) -> FromChild:
        """Return its next message. Raises `Died` also where it is silent for too long, or goes on with what was stopped."""
        silent_at = self._now() + self._patience.silence
        while True:
            until = silent_at
            if self._stop_by is not None and not self._loading:
                until = min(until, self._stop_by)
            message = await link.next(min(1.0, max(0.001, until - self._now())))
            if message is not None:
                return message
            if self._now() >= until:
                link.kill()
                if until < silent_at:
                    raise Died("it went on with what was stopped")
                raise Died(f"it was silent for {self._patience.silence:g} seconds")

    def _take(self, message: FromChild, group: tuple[Ticket, ...]) -> None:
        job = getattr(message, "job", None)
        mine = [ticket for ticket in group if ticket.asked.job == job and ticket.state == "paints"]
        if not mine:
            return
        match message:
            case Stepped():
                self._loading = message.stage == "load" and message.done < message.total
            case Painted():
                for ticket in mine:
                    ticket.painted |= ticket.order.index == message.index
            case Failed():
                self._out_of_memory += message.trouble == "out_of_memory"
        mine[0].asked.tell(message)
        if isinstance(message, Ended | Failed):
            for ticket in mine:
                ticket.end()

    def _keep_in_mind(self, held: Held) -> None:
        before, now = {one for one, _ in self._held}, {one for one, _ in held.checkpoints}
        self._loads += len(now - before)
        self._evictions += len(before - now)
        self._held, self._used = held.checkpoints, held.used_bytes

    async def _tell_stop(self, link: Link, job: str) -> None:
        with suppress(Died):  # whoever waits for its messages finds out
            await link.send(Stop(job))

    # ── life and death ────────────────────────────────────────────────────────────────────────────────

    async def _alive(self) -> Link:
        """Return what paints, started where there is none. Raises `Died`."""
        if self._link is not None:
            if self._link.live():
                return self._link
            log.warning("device_died", device=self.name, how="it ended when it had nothing to do")
            self._forget()
        pauses = self._patience.pauses
        pause = pauses[min(self._deaths, len(pauses) - 1)] if self._deaths else 0.0
        await asyncio.sleep(pause)
        self._starts += 1
        link = self._link = await Link.start(self._launch, self._settings, self._keep_in_mind)
        until = self._now() + self._patience.start
        while (left := until - self._now()) > 0:
            message = await link.next(left)
            if isinstance(message, Alive):
                known = ", ".join(f"{name} {number}" for name, number in message.versions)
                log.info("device_started", device=self.name, what=link.what, versions=known)
                return link
        link.kill()
        raise Died(f"it did not start within {self._patience.start:g} seconds")

    def _bury(self, how: str) -> None:
        """Let go of what died; what it had not painted goes first in the line again, once."""
        self._forget()
        stopped = self._stop_by is not None  # we ended it: no fault of the others in the call
        self._deaths += not stopped
        pauses = self._patience.pauses
        self._rests_until = self._now() + pauses[min(self._deaths, len(pauses) - 1)]
        log.warning("device_died", device=self.name, how=how, in_a_row=self._deaths)
        left = [ticket for ticket in self._painting if ticket.state == "paints"]
        for asked in {ticket.asked: None for ticket in left if ticket.asked.wanted and not stopped}:
            asked.deaths += 1
            if asked.deaths == 1:
                asked.tell(Noted(asked.job, Note("restarted", RESTARTED)))
        for ticket in reversed(left):
            if not ticket.asked.wanted:
                ticket.end()
            elif ticket.asked.deaths > 1:
                self._give_up(ticket, Failed(ticket.asked.job, "died", GIVEN_UP))
            elif ticket.painted:
                self._give_up(ticket, Ended(ticket.asked.job))
            else:
                self._line.put_back(ticket)

    def _forget(self) -> None:
        """Let go of what painted, and of what was loaded with it."""
        link, self._link = self._link, None
        if link is not None:
            link.kill()
        self._evictions += len(self._held)
        self._held, self._used, self._loading = (), 0, False

    def _give_up(self, ticket: Ticket, said: Ended | Failed) -> None:
        """Say how it ended for a ticket of which nothing more comes."""
        if ticket.state != "ended":
            ticket.asked.tell(said)
            ticket.end()
