"""`gesso jobs`: the operator's look at jobs, straight from the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gesso.cli.data_folder import Account, Test, mode_of, opened_database, the_account
from gesso.cli.output import AsJson, Output, Quiet
from gesso.domain.clock import to_iso
from gesso.domain.credits import render_credits
from gesso.domain.errors import InvalidInput, NotFound
from gesso.domain.job import MOVES, State

if TYPE_CHECKING:
    from gesso.domain.job import Job

app = typer.Typer(help="List jobs and look at one.", no_args_is_help=True)


@app.command("list")
def list_some(
    state: Annotated[
        str | None, typer.Option(help="Only these: queued, running, succeeded, failed, cancelled.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Only jobs of this model.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20,
    test: Test = False,
    account: Account = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List jobs, newest first."""
    from gesso.jobs.store import list_jobs

    wanted = _state(state)
    with opened_database() as database:
        page = database.read_blocking(
            lambda connection: list_jobs(
                connection, the_account(connection, account), mode_of(test), wanted, model, None, limit
            )
        )
    titles = {
        "id": "id",
        "state": "state",
        "model": "model",
        "created_at": "made",
        "charged": "credits",
        "result": "result",
    }
    Output(as_json, quiet).table([_row(job) for job in page.jobs], titles, "id", _none(state, model, test))


@app.command()
def show(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="The job's id.")],
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show one job: how it ran, what it cost, what became of each parameter."""
    from gesso.jobs.store import get_job

    with opened_database() as database:
        job = database.read_blocking(lambda connection: get_job(connection, job_id))
    if job is None:
        raise NotFound(f"There is no job {job_id}. List them with: gesso jobs list")
    Output(as_json, quiet).answer(_details(job), _sentences(job), [job.state])


def _state(text: str | None) -> State | None:
    for state in MOVES:
        if text == state:
            return state
    if text is None:
        return None
    raise InvalidInput.of(
        "state", "unknown_state", f"{text} is not a state; allowed: {', '.join(MOVES)}.", text, [*MOVES]
    )


def _none(state: str | None, model: str | None, test: bool) -> str:
    which = f"{mode_of(test)} jobs" + (" like that" if state or model else "")
    return f"There are no {which}." + ("" if test else " Jobs of test keys are listed with --test.")


def _count(pictures: int) -> str:
    return "1 picture" if pictures == 1 else f"{pictures} pictures"


def _row(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "state": job.state,
        "model": job.model,
        "created_at": to_iso(job.created_at),
        "started_at": None if job.started_at is None else to_iso(job.started_at),
        "ended_at": None if job.ended_at is None else to_iso(job.ended_at),
        "charged": render_credits(job.charged_micro),
        "refunded": render_credits(job.refunded_micro),
        "result": job.failure.code if job.failure else _count(len(job.pictures)) if job.pictures else None,
    }


def _details(job: Job) -> dict[str, Any]:
    route = job.plan.routes[0]
    return _row(job) | {
        "account_id": job.account_id,
        "mode": job.mode,
        "attempt": job.attempt,
        "engine": route.engine,
        "fidelity": route.fidelity,
        "runs": route.runs,
        "fault": job.plan.fault,
        "parameters": [verdict.model_dump(mode="json") for verdict in route.verdicts],
        "notes": [note.model_dump(mode="json") for note in job.notes],
        "timings": job.timings,
        "failure": job.failure.model_dump() if job.failure else None,
        "pictures": [picture.model_dump() for picture in job.pictures],
    }


def _sentences(job: Job) -> list[str]:
    route = job.plan.routes[0]
    lines = [f"{job.id}  {job.state}", f"  {job.model} on {route.engine} ({route.fidelity}), {job.mode}"]
    if job.plan.fault:
        lines.append(f"  test fault {job.plan.fault}")
    if job.failure:
        lines.append(f"  {job.failure.code}: {job.failure.message}")
    lines.append(
        f"  charged {render_credits(job.charged_micro)}, refunded {render_credits(job.refunded_micro)} credits"
    )
    if job.timings:
        lines.append("  " + ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in job.timings.items()))
    lines += [f"  picture {p.index}: {p.width}x{p.height} {p.media_type}, seed {p.seed}" for p in job.pictures]
    lines += [f"  {note.message}" for note in job.notes]
    changed = [verdict for verdict in route.verdicts if verdict.given and verdict.verdict in ("clamped", "ignored")]
    return lines + [f"  {verdict.parameter} was {verdict.verdict}: {verdict.reason}" for verdict in changed]
