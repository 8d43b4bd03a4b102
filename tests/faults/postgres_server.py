"""The run's own PostgreSQL: stopped at once, started again, and on a disk that may be full."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import witness

from postgres import _account, _migrate, _programs, account_options

SETTINGS = {
    "synchronous_commit": "on",
    "max_wal_size": "64MB",
    "min_wal_size": "32MB",
}  # what was committed outlives a restart
START_SECONDS = 60


class PostgresServer:
    """A server by its address, its tables made."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.port = urlsplit(url).port or 0
        with psycopg.connect(url) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
            assert row is not None
            self._data = Path(row[0])
        self.folder = self._data.parent
        _migrate(url)
        witness.install(url)

    async def stop(self) -> None:
        """Stop it without a word to anybody, as a power cut does (but for what the disk holds)."""
        await asyncio.to_thread(self._control, "stop", "-m", "immediate")

    async def start(self) -> None:
        """Start it as it was started first: only `restart` knows the options, and starts what does not run as well."""
        await asyncio.to_thread(self._control, "restart", "-l", str(self.folder / "log-again"))

    async def end(self, log: Path) -> None:
        """Stop it for good and keep what it logged."""
        if self._runs():
            await self.stop()
        with log.open("wb") as kept:
            for part in ("log", "log-again"):  # the first is not the server's own to go on with
                with suppress(FileNotFoundError), (self.folder / part).open("rb") as written:
                    shutil.copyfileobj(written, kept)

    async def revive(self) -> None:
        """Start it if it has ended by itself, as it does when it cannot write its log."""
        for _ in range(START_SECONDS):
            if await asyncio.to_thread(self._answers):
                return
            if not await asyncio.to_thread(self._runs):
                await self.start()
            await asyncio.sleep(1)
        raise RuntimeError(f"PostgreSQL does not come back; see {self.folder}")

    async def turn_clock(self, seconds: float) -> None:
        await asyncio.to_thread(witness.turn_clock, self.url, seconds)

    def _runs(self) -> bool:
        return self._run("status").returncode == 0

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.url, connect_timeout=3) as connection:
                connection.execute("UPDATE faults.turns SET ahead = ahead")
        except psycopg.Error:
            return False
        return True

    def _control(self, *arguments: str) -> None:
        done = self._run("-w", "-s", "-t", str(START_SECONDS), *arguments)
        if done.returncode:
            raise RuntimeError(f"pg_ctl {' '.join(arguments)} ended with {done.returncode}; see {self.folder}")

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [_programs() / "pg_ctl", "-D", self._data, *arguments]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}  # the server would hold a pipe open
        return subprocess.run(command, check=False, cwd="/", **quiet, **account_options(_account()))
