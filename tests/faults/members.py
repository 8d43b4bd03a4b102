"""The members of the fleet: each a place that some process fills, is killed, stands still, and is filled again."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from fleet import Node, node

HERE = Path(__file__).parent
START_TRIES = 20
PAUSE_SECONDS = 1.0
SHOWN_CHARACTERS = 4000  # of a traceback


class Member:
    """One place of the fleet. `url` is where its newest process answers; empty before its first one does."""

    def __init__(
        self,
        name: str,
        arguments: tuple[str, ...],
        folder: Path,
        settings: dict[str, object],
        variables: dict[str, str],
    ) -> None:
        self.name, self.url = name, ""
        self.data_dir = folder / "disks" / name
        self.clock = folder / f"{name}.clock"
        self.clock.write_text("0")
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.broken = False  # some fault has it
        self.wrong: list[str] = []  # what its processes should not have said
        self._arguments, self._folder, self._settings, self._variables = arguments, folder, settings, variables
        self._held: AbstractContextManager[Node] | None = None
        self._node: Node | None = None
        self._life = 0

    async def start(self) -> None:
        """Start a process, again and again while the database is away, as a supervisor does."""
        for _ in range(START_TRIES):
            self._life += 1
            try:
                await asyncio.to_thread(self._enter)
            except AssertionError as error:
                said = str(error)
                if "Traceback" in said:
                    self._wrong(said)
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return
        raise RuntimeError(f"{self.name} cannot be started; see its logs in {self._folder}")

    def _enter(self) -> None:
        url = self._settings["database_url"]
        settings = self._settings | {
            "data_dir": self.data_dir,
            "database_url": f"{url}&application_name={self.name}-{self._life}",
        }
        held = node(
            self._folder / "logs",
            f"{self.name}-{self._life}",
            *self._arguments,
            program=(sys.executable, str(HERE / "node.py")),
            variables={"FAULTS_CLOCK": str(self.clock)} | self._variables,
            **settings,
        )
        started = held.__enter__()
        self._held, self._node = held, started
        self.url = str(started.facts.get("url") or "")

    def signal(self, number: signal.Signals) -> None:
        """Send its process a signal; one that has ended by itself is wrong."""
        assert self._node is not None
        if (code := self._node.process.poll()) is not None:
            self.wrong.append(f"{self.name}-{self._life} ended by itself with {code}")
        self._node.process.send_signal(number)

    async def kill(self) -> None:
        """End its process as `kill -9` does."""
        self.signal(signal.SIGKILL)
        await self._left()

    async def stop(self) -> None:
        """End its process as an operator does."""
        assert self._node is not None
        self.signal(signal.SIGTERM)
        code: Any = await asyncio.to_thread(self._waited)
        if code != 0:
            self.wrong.append(f"{self.name}-{self._life} was sent SIGTERM and ended with {code}")
        await self._left()

    def _waited(self) -> int | None:
        assert self._node is not None
        try:
            return self._node.process.wait(60)
        except subprocess.TimeoutExpired:
            return None

    async def _left(self) -> None:
        """Clear away the process that ended, and keep what its log should not hold."""
        held, self._held = self._held, None
        if held is None:
            return
        try:
            await asyncio.to_thread(held.__exit__, None, None, None)
        except AssertionError as error:
            self._wrong(str(error))

    def _wrong(self, said: str) -> None:
        head, traceback, rest = said.partition("Traceback")
        self.wrong.append(f"{head[:80]} … {head[-200:]}{traceback}{rest[:SHOWN_CHARACTERS]}")

    async def close(self) -> None:
        """End whatever is left of it."""
        if self.alive:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGKILL)
        await self._left()

    def jump(self, seconds: float) -> None:
        """Let the clock of its process be so many seconds ahead."""
        self.clock.write_text(str(seconds))
        if self.alive:
            self.signal(signal.SIGUSR1)

    @property
    def alive(self) -> bool:
        return self._node is not None and self._node.process.poll() is None
