"""Procrastinate, a task queue on PostgreSQL, as the yardstick: its own virtual environment, tables and workers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg

from queue_tables import Tell

VERSION = "3.10.0"
HERE = Path(__file__).resolve().parent
PROGRAM = HERE / "procrastinate_worker.py"


def environment(folder: Path) -> Path:
    """Return the Python that has Procrastinate, in a virtual environment made there if it is not yet."""
    python = folder / "bin" / "python"
    wanted = ["procrastinate==" + VERSION, "psycopg[binary,pool]"]
    if not (folder / "made").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "--disable-pip-version-check", "-qq", "install", *wanted], check=True)
        (folder / "made").touch()
    return python


def fill(python: Path, url: str, queued: int, ended: int, tell: Tell) -> None:
    """Make its tables in an empty database, with jobs that wait, jobs that succeeded, and the events of both."""
    subprocess.run([python, PROGRAM, "schema", url], check=True)
    job, event = (
        "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, attempts)",
        "procrastinate_events",
    )
    kinds = "unnest('{started,succeeded}'::procrastinate_job_event_type[]) AS kind"
    later = f"SELECT id, kind FROM procrastinate_jobs, {kinds} WHERE status = 'succeeded' ORDER BY id"
    shape = "SELECT 'default', 'nothing', jsonb_build_object('picture', i)"
    with psycopg.connect(url, autocommit=True) as connection:
        run = connection.execute
        run("SET session_replication_role = replica")  # neither foreign keys nor triggers
        run("SET maintenance_work_mem = '512MB'")
        found = run(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename LIKE 'procrastinate%' "
            "AND indexname NOT IN (SELECT conname FROM pg_constraint)"
        ).fetchall()
        statements = (
            *(f"DROP INDEX {name}" for name, _ in found),
            f"{job} {shape}, 'succeeded', 1 FROM generate_series(1, {ended}) AS s(i)",
            f"{job} {shape}, 'todo', 0 FROM generate_series(1, {queued}) AS s(i)",
            f"INSERT INTO {event} (job_id, type) SELECT id, 'deferred' FROM procrastinate_jobs ORDER BY id",
            f"INSERT INTO {event} (job_id, type) {later}",
            *(definition for _, definition in found),
        )
        with connection.transaction():
            run("TRUNCATE procrastinate_jobs, procrastinate_events, procrastinate_periodic_defers")  # so: without a log
            for statement in statements:
                tell("rows, indexes")
                run(statement.encode())
        tell("vacuum")
        run("VACUUM (ANALYZE)")
        run("CHECKPOINT")


def top_up(url: str, queued: int) -> None:
    """Let as many jobs wait again as there were."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT COUNT(*) FROM procrastinate_jobs WHERE status = 'todo'").fetchone()
        assert row is not None
        connection.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args) SELECT 'default', 'nothing', "
            "jsonb_build_object('picture', i) FROM generate_series(1, %s) AS s(i)",
            [queued - row[0]],
        )
        connection.execute("CHECKPOINT")
