"""A running server without HTTP, and doubles that stand before its database and its store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripted_engine import ScriptedEngine

from gesso.accounts.keys import Caller
from gesso.accounts.ledger import balance
from gesso.database.connect import Database
from gesso.domain.clock import SECOND
from gesso.domain.errors import StorageFailed
from gesso.domain.job import Job
from gesso.intake.ask import Ask
from gesso.jobs.store import get_own_job
from gesso.wiring import Parts
from gesso.workers.settlement import Ended

PRICED = "flux-schnell"


class Turned:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000 * SECOND

    def __call__(self) -> int:
        self.now += 1
        return self.now


class Desk:
    """One running server without HTTP, and a caller with a test key."""

    def __init__(self, parts: Parts, engine: ScriptedEngine, caller: Caller) -> None:
        self.parts, self.engine, self.caller = parts, engine, caller

    async def submit(self, prompt: str, count: int = 1) -> Job:
        ask = Ask(model=PRICED, input={"prompt": prompt, "num_outputs": count, "output_format": "png", "seed": 7})
        return (await self.parts.intake.accept(ask, self.caller)).job

    async def ended(self, job: Job) -> Job:
        await self.parts.feed.wait(job.id, 20)
        loaded = await self.load(job)
        assert loaded.is_terminal, loaded
        return loaded

    async def load(self, job: Job) -> Job:
        return await self.parts.database.read(
            lambda c: get_own_job(c, job.id, self.caller.account_id, self.caller.mode)
        )

    async def balance(self) -> int:
        return await self.parts.database.read(lambda c: balance(c, self.caller.account_id, "test"))

    def objects(self) -> list[Path]:
        return [path for path in (self.parts_folder / "blobs").glob("*/*") if path.is_file()]

    @property
    def parts_folder(self) -> Path:
        return self.parts._settings.data_dir


class FaultyDatabase:
    """A database that is away for the ends of jobs, as often as it is told to.

    `before` of them fail before anything is changed, `after` of them after they were committed. `failed` is called at
    each.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.before = self.after = 0
        self.failed: Callable[[], object] = lambda: None
        self.is_meant: Callable[[object], bool] = is_end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def write(self, work: Callable[[Any], Any]) -> Any:
        def watched(connection: Any) -> Any:
            result = work(connection)
            if self.before and self.is_meant(result):
                self.before -= 1
                raise self._away()
            return result

        try:
            result = await self._database.write(watched)
        except StorageFailed:
            self.failed()
            raise
        if self.after and self.is_meant(result):
            self.after -= 1
            self.failed()
            raise self._away()
        return result

    def _away(self) -> StorageFailed:
        return StorageFailed("The database could not be used: the test says so.")


def is_end(result: object) -> bool:
    """Tell whether a work has settled a job or given it back."""
    return isinstance(result, tuple) and bool(result) and isinstance(result[0], Ended)
