"""`/v1/credits`: what the jobs of the key's account and mode cost it, added up."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from gesso.accounts.retention import FOREVER, Kept
from gesso.domain.clock import DAY, SECOND, to_iso
from gesso.domain.credits import render_credits
from gesso.domain.errors import InvalidInput
from gesso.domain.times import WRITTEN, read_time
from gesso.jobs.account_report import By, JobSums, account_report, total
from gesso.server.auth import CallerOf
from gesso.server.errors import problem_responses
from gesso.server.parts import PartsOf
from gesso.server.spending_bodies import CreditsReportBody, JobSumsBody, ReportRowBody

router = APIRouter(prefix="/v1/credits", tags=["account"])
USUAL_DAYS, MOST_DAYS = 30, 366


@router.get("/report", response_model=CreditsReportBody, responses=problem_responses(401, 422))
async def report_credits(
    request: Request,
    caller: CallerOf,
    parts: PartsOf,
    by: Annotated[By, Query(description="One row for each model, or for each day (UTC).")] = "model",
    since: Annotated[
        str | None, Query(max_length=40, description=f"From when on: {WRITTEN}. Else 30 days before `until`.")
    ] = None,
    until: Annotated[str | None, Query(max_length=40, description="Before when, written alike. Else now.")] = None,
) -> CreditsReportBody:
    """Add up what jobs submitted in a time of at most 366 days were charged, refunded, and delivered.

    It is about all jobs of the key's account and mode, wherever they ran, whose rows are still there: see
    `complete_since`. What the operator pays to run them is not in it.
    """
    now = parts.clock()
    first, end = _times(since, until, now)
    async with request.app.state.one_report:  # 100,000 jobs take a second: not on all connections at once
        lines = await parts.database.read(lambda c: account_report(c, caller.account_id, caller.mode, by, first, end))
    return CreditsReportBody(
        mode=caller.mode,
        by=by,
        since=to_iso(first),
        until=to_iso(end),
        complete_since=_complete_since(caller.retention.in_force(parts.kept), now),
        rows=[
            ReportRowBody(
                model=line.key if by == "model" else None, day=line.key if by == "day" else None, **_sums(line.sums)
            )
            for line in lines
        ],
        total=JobSumsBody(**_sums(total(lines))),
    )


def _times(since: str | None, until: str | None, now: int) -> tuple[int, int]:
    """Return from when to before when; raise `InvalidInput` for what is no time, and for none or too much between."""
    end = now if until is None else read_time("until", until)
    first = max(end - USUAL_DAYS * DAY, 0) if since is None else read_time("since", since)
    if first >= end:
        field = "until" if since is None else "since"
        raise InvalidInput.of(field, "out_of_range", f"since is {to_iso(first)}: it must be before {to_iso(end)}.")
    if end - first > MOST_DAYS * DAY:
        message = f"From {to_iso(first)} to {to_iso(end)} is more than {MOST_DAYS} days: ask for less at once."
        raise InvalidInput.of("since", "out_of_range", message, since, {"most_days": MOST_DAYS})
    return first, end


def _complete_since(kept: Kept, now: int) -> str | None:
    seconds = max(kept.jobs_seconds, kept.results_seconds)  # a job stays as long as its pictures may
    return None if seconds >= FOREVER else to_iso(max(now - seconds * SECOND, 0))


def _sums(sums: JobSums) -> dict[str, Any]:
    counts = {name: value for name, value in asdict(sums).items() if not name.endswith("_micro")}
    money = {"charged": sums.charged_micro, "refunded": sums.refunded_micro, "kept": sums.kept_micro}
    return counts | {name: render_credits(micro) for name, micro in money.items()}
