"""The event loop's end of the pipe to what paints on a device: a thread that reads, a thread that writes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import structlog

from gesso.engines.diffusers.child_settings import ChildSettings
from gesso.engines.diffusers.launch import Launch, Running
from gesso.engines.diffusers.messages import FromChild, Held, Quit, ToChild

log = structlog.get_logger(__name__)
REAP_SECONDS = 600.0  # a driver may hold a killed process for a while


class Died(Exception):
    """What painted is no more; the message says how it ended, for the log."""


class Link:
    """Something that paints, as the event loop talks to it. After `Died`, or `kill`, it is of no more use.

    What it holds in memory goes to `held` whenever it says so; all else is asked for.
    """

    def __init__(self, running: Running, loop: asyncio.AbstractEventLoop, held: Callable[[Held], None]) -> None:
        self._running, self._loop, self._held = running, loop, held
        self._heard: asyncio.Queue[FromChild | None] = asyncio.Queue()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="tells")
        threading.Thread(target=self._read, name="hears", daemon=True).start()

    @classmethod
    async def start(cls, launch: Launch, settings: ChildSettings, held: Callable[[Held], None]) -> Link:
        """Start it. Raises `Died` where that cannot be."""
        loop = asyncio.get_running_loop()
        starting = loop.run_in_executor(None, launch, settings)
        try:
            return cls(await asyncio.shield(starting), loop, held)
        except asyncio.CancelledError:  # nobody will talk to what is being started
            starting.add_done_callback(_bury_unborn)
            raise
        except OSError as error:
            raise Died(f"it cannot be started: {error.strerror or 'unknown reason'}") from error

    @property
    def what(self) -> str:
        return self._running.what

    async def send(self, message: ToChild) -> None:
        """Send a message. Raises `Died`."""
        try:
            await self._loop.run_in_executor(self._writer, self._running.connection.send, message)
        except OSError as error:
            raise Died("its pipe is closed") from error

    async def next(self, seconds: float) -> FromChild | None:
        """Return its next message, or None after that time without one. Raises `Died`."""
        try:
            async with asyncio.timeout(seconds):
                message = await self._heard.get()
        except TimeoutError:
            return None
        if message is None:
            self._heard.put_nowait(None)
            raise Died("it ended")
        return message

    def live(self) -> bool:
        """Tell whether nothing says that it ended; forget what it told until now."""
        told = []
        while not self._heard.empty():
            told.append(self._heard.get_nowait())
        if None in told:
            self._heard.put_nowait(None)
        return None not in told

    def kill(self) -> None:
        """End it at once; its pipe is let go of when its end was read."""
        _bury(self._running)
        self._writer.shutdown(wait=False, cancel_futures=True)

    async def end(self, seconds: float) -> None:
        """Ask it to end and wait; kill what has not ended then."""
        with suppress(Died, TimeoutError):
            async with asyncio.timeout(seconds):
                await self.send(Quit())
        if not await asyncio.to_thread(self._running.wait, seconds):
            log.warning("device_killed", device=self.what)
        self.kill()
        await asyncio.to_thread(self._running.wait, seconds)

    def _read(self) -> None:
        """Hand on what comes, until the end of the pipe or something that is none of our messages."""
        try:
            while True:
                self._hand_on(self._running.connection.recv())
        except (EOFError, OSError):
            pass
        except Exception:
            log.warning("device_message_broken", device=self.what, exc_info=True)
        self._running.connection.close()
        self._hand_on(None)

    def _hand_on(self, message: FromChild | None) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(self._receive, message)

    def _receive(self, message: FromChild | None) -> None:
        if isinstance(message, Held):
            self._held(message)
        else:
            self._heard.put_nowait(message)


def _bury(running: Running) -> None:
    """End something at once, and have its end waited for."""
    running.kill()
    threading.Thread(target=running.wait, args=(REAP_SECONDS,), name="buries", daemon=True).start()


def _bury_unborn(starting: asyncio.Future[Running]) -> None:
    if not starting.cancelled() and starting.exception() is None:
        _bury(starting.result())
