"""A worker process of Gesso whose engine takes no time. Says when it is ready; once stopped, when it claimed and ended jobs.

    python queue_worker.py SLOTS DATA_FOLDER [POSTGRES_URL]

Everything a job costs in the database is done as ever. Its picture is a single pixel, kept in memory.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection

from gesso.database.connect import Database
from gesso.domain.job import Job
from gesso.server.logs import configure_logs
from gesso.server.work import work
from gesso.settings import Settings
from gesso.storage.blobs import BlobStore
from gesso.wiring import Around, build
from gesso.workers.role import Role
from gesso.workers.settlement import Ended
from instant_engine import InstantEngine

T = TypeVar("T")


class Stopwatch:
    """Looks at what each write brings: jobs that were claimed, and jobs that ended, often both in one transaction."""

    def __init__(self) -> None:
        self.claims: list[tuple[float, float]] = []  # when, and the seconds it took
        self.ends: list[tuple[float, float]] = []

    def around(self, database: Database) -> Database:
        """Return the database, its writes measured."""
        write = database.write

        async def measured(work: Callable[[Connection], T]) -> T:
            began = time.time()
            result = await write(work)
            self._look(result, began, time.time())
            return result

        database.write = measured  # type: ignore[method-assign]
        return database

    def _look(self, result: Any, began: float, now: float) -> None:
        match result:
            case [Job(), *_]:
                self.claims.append((now, now - began))
            case (Ended(job=job), claimed):
                if job is not None:
                    self.ends.append((now, now - began))
                if claimed:
                    self.claims.append((now, now - began))


def main() -> None:
    """Run jobs until a signal."""
    slots, data, *rest = sys.argv[1:]
    where = {"data_dir": data} | ({"database_url": rest[0]} if rest else {})
    settings = Settings(**where, log_level="error")
    configure_logs(settings.log_level, settings.log_format)
    watch = Stopwatch()
    around = Around(database=watch.around, blobs=lambda _: BlobStore.in_memory())
    role = Role(delivers=False) if rest else Role()
    parts = build(settings, engines=[InstantEngine(int(slots), side=1)], around=around, role=role)
    work(parts, port=None, on_ready=lambda _: print(json.dumps({"ready": True}), flush=True))
    with open(1, "w", closefd=False) as whole:  # however often a write to the pipe is cut short
        whole.write(json.dumps({"claims": watch.claims, "ends": watch.ends}))


if __name__ == "__main__":
    main()
