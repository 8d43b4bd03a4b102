"""`/v1/account`: balance and ledger of the key's mode."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from gesso.accounts.ledger import balance, entries
from gesso.accounts.limits import KeyLimits, KeyUsage, usage
from gesso.accounts.retention import FOREVER, Kept
from gesso.domain.clock import to_iso
from gesso.domain.credits import render_credits
from gesso.server.account_bodies import (
    AccountBody,
    CreditsLimitBody,
    EntryBody,
    JobsLimitBody,
    LedgerBody,
    LimitsBody,
    RequestsLimitBody,
    RetentionBody,
)
from gesso.server.auth import CallerOf
from gesso.server.errors import problem_responses
from gesso.server.parts import PartsOf

router = APIRouter(prefix="/v1/account", tags=["account"])


@router.get("", response_model=AccountBody, responses=problem_responses(401))
async def show_account(caller: CallerOf, parts: PartsOf) -> AccountBody:
    """Show the account of this key, its balance, the key's limits and what is left of them."""
    limits, now = caller.limits.in_force(parts.key_limits), parts.clock()
    micro, used = await parts.database.read(
        lambda c: (balance(c, caller.account_id, caller.mode), usage(c, caller.key_id, limits, now))
    )
    return AccountBody(
        id=caller.account_id,
        mode=caller.mode,
        tier=caller.tier,
        balance=render_credits(micro),
        limits=_limits_body(limits, used),
        retention=_retention_body(caller.retention.in_force(parts.kept)),
        private=caller.private,
    )


def _retention_body(kept: Kept) -> RetentionBody:
    said = {name: None if seconds >= FOREVER else seconds for name, seconds in kept.model_dump().items()}
    return RetentionBody(**said)


def _limits_body(limits: KeyLimits, used: KeyUsage) -> LimitsBody:
    body = LimitsBody()
    if used.rate is not None:
        rate = used.rate
        body.requests_per_minute = RequestsLimitBody(
            limit=rate.limit, remaining=rate.remaining, reset_seconds=rate.reset_seconds
        )
    if (most := limits.concurrent_jobs) is not None:
        body.concurrent_jobs = JobsLimitBody(limit=most, remaining=max(most - used.active_jobs, 0))
    if (micro := limits.credits_per_day_micro) is not None:
        body.credits_per_day = CreditsLimitBody(
            limit=render_credits(micro),
            remaining=render_credits(max(micro - used.spent_micro, 0)),
            resets_at=to_iso(used.day_ends_at),
        )
    return body


@router.get("/ledger", response_model=LedgerBody, responses=problem_responses(401, 422))
async def show_ledger(
    caller: CallerOf,
    parts: PartsOf,
    cursor: Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="How many on a page.")] = 20,
) -> LedgerBody:
    """List grants, charges and refunds, newest first."""
    page = await parts.database.read(lambda c: entries(c, caller.account_id, caller.mode, cursor, limit))
    return LedgerBody(
        entries=[
            EntryBody(
                id=str(entry.id),
                kind=entry.kind,
                credits=render_credits(entry.micro),
                balance_after=render_credits(entry.balance_after),
                job_id=entry.job_id,
                note=entry.note,
                created_at=to_iso(entry.created_at),
            )
            for entry in page.entries
        ],
        next_cursor=page.next_cursor,
    )
