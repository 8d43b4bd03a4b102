"""`gesso worker`: run jobs without an API, beside servers on one PostgreSQL. `gesso workers`: who does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gesso.cli.data_folder import opened_database
from gesso.cli.output import AsJson, Output, Quiet
from gesso.domain.clock import to_iso

if TYPE_CHECKING:
    from gesso.jobs.fleet import WorkerRow

app = typer.Typer(help="See which processes run jobs.", no_args_is_help=True)


def worker(
    engines: Annotated[
        str | None, typer.Option(help="Engines whose jobs to run, comma-separated; left out, all there are.")
    ] = None,
    slots: Annotated[
        int | None, typer.Option(help="Jobs the built-in engine runs at once (setting: builtin_slots).")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port on 127.0.0.1 for /healthz, /readyz and /metrics; 0 picks a free one.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run jobs, without an API, until interrupted; beside servers on one PostgreSQL.

    It takes only jobs that its engines run. SIGTERM lets what runs end for `grace_seconds`; the rest is queued again.
    """
    from gesso.server.logs import configure_logs
    from gesso.server.work import work
    from gesso.settings import load_settings
    from gesso.wiring import build
    from gesso.workers.role import Role

    names = None if engines is None else tuple(part.strip() for part in engines.split(",") if part.strip())
    settings = load_settings(**({} if slots is None else {"builtin_slots": slots}))
    configure_logs(settings.log_level, settings.log_format)
    parts = build(settings, role=Role(delivers=False, engines=names))
    output = Output(as_json, quiet)

    def announce(url: str | None) -> None:
        taken = ", ".join(parts.engines.names)
        sentences = [f"This worker runs jobs of: {taken}. Ctrl-C stops it."]
        sentences += [f"Its health is told at {url}/readyz."] if url else []
        data: dict[str, Any] = {"worker": parts.worker.id, "engines": list(parts.engines.names), "url": url}
        output.answer(data, sentences, [parts.worker.id])

    work(parts, port=port, on_ready=announce)


@app.command("list")
def list_all(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """List the processes that run jobs on this database (PostgreSQL), also those that fell silent within a day."""
    from gesso.jobs.fleet import list_workers

    with opened_database() as database:
        found, now = database.read_blocking(list_workers), database.clock()
    titles = {"id": "id", "state": "state", "host": "host", "pid": "pid", "engines": "engines", "slots": "slots"}
    empty = "No worker has said that it is there. Start one: gesso worker (SQLite has none besides gesso serve)"
    Output(as_json, quiet).table([_row(one, now) for one in found], titles, "id", empty)


def _row(worker: WorkerRow, now: int) -> dict[str, Any]:
    return worker.model_dump(mode="json", exclude={"started_at", "alive_until"}) | {
        "state": "alive" if worker.alive_until > now else "silent",
        "started_at": to_iso(worker.started_at),
        "alive_until": to_iso(worker.alive_until),
    }
