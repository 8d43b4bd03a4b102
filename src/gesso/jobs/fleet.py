"""The processes that run jobs of one database: each says which engines it has, and for how long that holds."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from gesso.database.dialect import is_postgres, notify
from gesso.database.job_tables import workers
from gesso.domain.clock import HOUR
from gesso.domain.frozen import Frozen

KEPT = 24 * HOUR  # how long one that fell silent is still listed


class WorkerRow(Frozen):
    """A process that runs jobs; times are microseconds UTC. It counts as alive before `alive_until`.

    `engines` are its engines' names, and what they can use as "engine/vendor" or, of weights, as
    "engine/weights".
    """

    id: str
    host: str
    pid: int
    version: str
    engines: tuple[str, ...]
    slots: int
    started_at: int
    alive_until: int


def announce(connection: Connection, worker: WorkerRow, now: int, *, news: bool) -> None:
    """Say that a worker is alive until then; with `news` every process is told. Forgets those silent for a day."""
    values = worker.model_dump() | {"engines": ",".join(worker.engines)}
    insert = postgresql.insert if is_postgres(connection) else sqlite.insert
    statement = insert(workers).values(values)
    changed = {"alive_until": worker.alive_until, "engines": values["engines"]}
    connection.execute(statement.on_conflict_do_update(index_elements=[workers.c.id], set_=changed))
    if news:
        connection.execute(delete(workers).where(workers.c.alive_until < now - KEPT))
        notify(connection, "gesso_workers", worker.id)


def withdraw(connection: Connection, worker_id: str) -> None:
    """Say that a worker takes no more jobs."""
    connection.execute(delete(workers).where(workers.c.id == worker_id))
    notify(connection, "gesso_workers", worker_id)


def list_workers(connection: Connection) -> list[WorkerRow]:
    """Return the known workers, the oldest first; also those that fell silent within a day."""
    rows = connection.execute(select(workers).order_by(workers.c.started_at, workers.c.id)).mappings()
    return [WorkerRow.model_validate(dict(row) | {"engines": tuple(row["engines"].split(","))}) for row in rows]


def alive_engines(connection: Connection, now: int) -> frozenset[str]:
    """Return the engines that some worker alive has, and what theirs can use elsewhere ("engine/vendor")."""
    rows = connection.execute(select(workers.c.engines).where(workers.c.alive_until > now))
    return frozenset(name for (names,) in rows for name in names.split(","))
