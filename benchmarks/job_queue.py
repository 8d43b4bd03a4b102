"""How fast is the queue when it is long: 100,000 jobs wait and 2,000,000 have ended, beside Procrastinate with as many.

    python benchmarks/job_queue.py [--json] [--queued 100000] [--finished 2000000] [--seconds 6] [--rounds 2] [--quick]

One, two and four worker processes empty the queue, in turns with as many of Procrastinate, on one private PostgreSQL with
its ordinary, durable settings (fsync and synchronous_commit on); then one on SQLite. Then submits, polls and lists over
HTTP, in turns with an empty database.

The work of a job is nothing on both sides. Ours does more for it: it makes, marks and keeps a picture (of one pixel, in
memory), writes the picture's row, checks the lease, keeps the account's count and turn, and looks whom to tell.
Procrastinate writes an event for each step. A claim is timed from asking to having the job, commit included; ours ends
the slot's former job in the same transaction.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import queue_tables
import queue_yardstick
from machine import write_result
from queue_requests import client, in_turns, queue_server
from queue_rounds import Round, run_round, summary

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))
from postgres import private_server  # noqa: E402 - the server that tests start too

WORKERS = (1, 2, 4)
SLOTS = (1, 8)  # jobs at once in each process; one is the default of both
SERVER = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "wal_level": "minimal",  # so that the tables are filled sooner; no less durable
    "max_wal_senders": "0",
}
CACHE = Path(tempfile.gettempdir()) / "gesso-bench-procrastinate"


def main() -> None:
    """Measure, print, write the result."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments.add_argument("--queued", type=int, default=100_000, help="jobs that wait")
    arguments.add_argument("--finished", type=int, default=2_000_000, help="jobs that have ended")
    arguments.add_argument("--seconds", type=float, default=6.0, help="counted in each round")
    arguments.add_argument("--rounds", type=int, default=2, help="how often each is measured, in turns")
    arguments.add_argument("--requests", type=int, default=600, help="of each kind to each database")
    arguments.add_argument("--quick", action="store_true", help="a hundredth of the rows, short rounds")
    chosen = arguments.parse_args()
    if chosen.quick:
        chosen.queued, chosen.finished = chosen.queued // 10, chosen.finished // 100
        chosen.seconds, chosen.rounds, chosen.requests = 2.0, 1, 100
    measured = measure(chosen)
    path = write_result("queue", measured)
    if chosen.json:
        print(json.dumps(measured, indent=2))
    else:
        show(measured)
        print(f"\nwritten to {path.relative_to(HERE.parent)}")


@dataclass(frozen=True)
class Database:
    """A database of ours: its data folder, its address on PostgreSQL, and the first account's live key."""

    data: Path
    url: str | None
    key: str


@dataclass(frozen=True)
class Queue:
    """A long queue: whose it is, where, how its workers are started, and how it is made long again."""

    system: str
    database: str
    command: Callable[[int], list[str | Path]]  # with so many slots
    top_up: Callable[[], None]


def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return every number of one run."""
    with ExitStack() as held:
        bar = held.enter_context(
            Progress(TextColumn("{task.description:<44}"), MofNCompleteColumn(), TimeElapsedColumn(), transient=True)
        )
        task = bar.add_task("starting", total=None)

        def tell(what: str) -> None:
            bar.update(task, description=what, advance=1)

        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="gesso-bench-", dir=HERE / "results")))
        folder.chmod(0o755)  # PostgreSQL has an account of its own
        server = held.enter_context(private_server(folder, **SERVER))
        tables = {name: new_database(server, folder, name) for name in ("full", "empty")}
        files = {name: new_sqlite(folder, name) for name in ("full", "empty")}
        rows = (chosen.queued, chosen.finished)
        queue_tables.fill_postgres(str(tables["full"].url), *rows, lambda what: tell(f"PostgreSQL, Gesso: {what}"))
        queue_tables.fill_sqlite(files["full"].data / "gesso.db", *rows, lambda what: tell(f"SQLite, Gesso: {what}"))
        python, theirs = queue_yardstick.environment(CACHE), create(server, "procrastinate")
        queue_yardstick.fill(python, theirs, *rows, lambda what: tell(f"PostgreSQL, Procrastinate: {what}"))
        queues = [
            ours(tables["full"], "postgresql", chosen.queued),
            Queue(
                "procrastinate",
                "postgresql",
                lambda slots: [python, queue_yardstick.PROGRAM, str(slots), theirs],
                lambda: queue_yardstick.top_up(theirs, chosen.queued),
            ),
        ]
        jobs = rounds_of(queues, WORKERS, chosen, tell) + rounds_of(
            [ours(files["full"], "sqlite", chosen.queued)], (1,), chosen, tell
        )
        requests = {
            name: compared(found, chosen.requests, tell) for name, found in (("postgresql", tables), ("sqlite", files))
        }
        sizes = {"gesso": size_of(str(tables["full"].url)), "procrastinate": size_of(theirs)}
    return {
        "rows": {"queued": chosen.queued, "finished": chosen.finished},
        "server": SERVER,
        "yardstick": f"procrastinate {queue_yardstick.VERSION}",
        "database_megabytes": sizes,
        "queues": with_ratios(jobs),
        "requests": requests,
    }


def create(server: str, name: str) -> str:
    """Make a database of the server and return its address."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE bench_{name}".encode())
    return f"{server.rpartition('/')[0]}/bench_{name}"


def new_database(server: str, folder: Path, name: str) -> Database:
    """Make a database of ours on PostgreSQL, with its first account and one job."""
    url = create(server, name)
    subprocess.run(
        [sys.executable, "-m", "gesso", "db", "migrate", "--quiet"],
        env=os.environ | {"GESSO_DATABASE_URL": url, "GESSO_DATA_DIR": str(folder / name)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return with_one_job(folder / name, url)


def new_sqlite(folder: Path, name: str) -> Database:
    """Make a database of ours in a file, with its first account and one job."""
    return with_one_job(folder / f"{name}-sqlite", None)


def with_one_job(data: Path, url: str | None) -> Database:
    """Submit one job and leave it waiting: the rows of all others are made like its own."""
    with queue_server(data, url) as (address, key):
        assert key is not None, "the database must be new"
        client(address, key, warm_up=1)
    return Database(data, url, key)


def ours(database: Database, name: str, queued: int) -> Queue:
    """Return the long queue of one of our databases. On SQLite it is long enough for all rounds."""

    def command(slots: int) -> list[str | Path]:
        return [sys.executable, HERE / "queue_worker.py", str(slots), database.data, *filter(None, [database.url])]

    url = database.url
    return Queue("gesso", name, command, lambda: queue_tables.top_up_postgres(url, queued) if url else None)


def rounds_of(
    queues: list[Queue], workers: tuple[int, ...], chosen: argparse.Namespace, tell: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Return what was counted, each kind of round in turns between the queues."""
    found: dict[tuple[str, str, int, int], list[Round]] = {}
    for slots in SLOTS:
        for number in workers:
            for turn in range(chosen.rounds):
                for queue in queues if turn % 2 == 0 else reversed(queues):
                    tell(f"{queue.system}, {queue.database}: {number} processes of {slots}")
                    done = run_round([queue.command(slots)] * number, chosen.seconds, dict(os.environ))
                    found.setdefault((queue.system, queue.database, number, slots), []).append(done)
                    queue.top_up()
    return [
        {"system": system, "database": database, "processes": number, "slots": slots} | summary(done)
        for (system, database, number, slots), done in found.items()
    ]


def with_ratios(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows, ours with what they are of Procrastinate's."""
    theirs = {(r["processes"], r["slots"]): r["jobs_per_second"] for r in rows if r["system"] == "procrastinate"}
    return [
        row | {"ratio": round(row["jobs_per_second"] / theirs[row["processes"], row["slots"]], 2)}
        if (row["system"], row["database"]) == ("gesso", "postgresql")
        else row
        for row in rows
    ]


def compared(databases: dict[str, Database], requests: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Return the latencies of requests with full tables beside those with an empty database."""
    with ExitStack() as held:
        clients = {}
        for name, one in databases.items():
            address, _ = held.enter_context(queue_server(one.data, one.url))
            clients[name] = client(address, one.key)
        return in_turns(clients, requests, tell)


def size_of(url: str) -> int:
    """Return the megabytes of a database of PostgreSQL."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    return int(row[0]) // 1_000_000


def show(measured: dict[str, Any]) -> None:
    """Print the tables."""
    print(
        f"{'system':<14} {'database':<11} {'processes':>9} {'slots':>5} {'jobs/s':>8} {'ratio':>6} "
        f"{'claim p50':>10} {'p99':>9} {'end p50':>10} {'p99':>9}"
    )
    for row in measured["queues"]:
        claim, end = row["claim_ms"], row["end_ms"]
        print(
            f"{row['system']:<14} {row['database']:<11} {row['processes']:>9} {row['slots']:>5} "
            f"{row['jobs_per_second']:>8.1f} {row.get('ratio', ''):>6} {claim['p50']:>7.1f} ms {claim['p99']:>6.1f} ms "
            f"{end['p50']:>7.1f} ms {end['p99']:>6.1f} ms"
        )
    print(
        f"\n{'database':<11} {'request':<8} {'full p50':>10} {'p99':>9} {'empty p50':>11} {'p99':>9} {'ratio p50':>10}"
    )
    for database, kinds in measured["requests"].items():
        for kind, found in kinds.items():
            full, empty = found["full"], found["empty"]
            print(
                f"{database:<11} {kind.removesuffix('_ms'):<8} {full['p50']:>7.1f} ms {full['p99']:>6.1f} ms "
                f"{empty['p50']:>8.1f} ms {empty['p99']:>6.1f} ms {full['p50'] / empty['p50']:>9.2f}x"
            )


if __name__ == "__main__":
    main()
