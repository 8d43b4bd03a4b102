"""The JSON of an account: its balance, the limits of the key that asks, the ledger."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from gesso.server.bodies import Credits, Cursor, Mode, Time


class RequestsLimitBody(BaseModel):
    """Requests for jobs that a key may make a minute."""

    limit: int = Field(description="So many at once, and so many a minute in the long run.")
    remaining: int = Field(description="How many may come now.")
    reset_seconds: int = Field(description="Seconds until all may come again.")


class JobsLimitBody(BaseModel):
    """Jobs that a key may have queued or running."""

    limit: int
    remaining: int = Field(description="How many more there may be now.")


class CreditsLimitBody(BaseModel):
    """Credits that a key may spend a day; refunds of the day's jobs come back to it."""

    limit: str
    remaining: str = Field(description="Credits left today.")
    resets_at: str = Field(description="Midnight UTC.")


class LimitsBody(BaseModel):
    """The limits of a key; null where it has none."""

    requests_per_minute: RequestsLimitBody | None = None
    concurrent_jobs: JobsLimitBody | None = None
    credits_per_day: CreditsLimitBody | None = None


class RetentionBody(BaseModel):
    """How long an account's things are kept; null is for ever."""

    results_seconds: int | None = Field(description="Pictures of jobs, from the end of the job.")
    files_seconds: int | None = Field(description="Uploaded files, from when they came.")
    jobs_seconds: int | None = Field(
        description="Jobs, from their end: then they cannot be asked for any more. Never before their pictures are gone."
    )


class AccountBody(BaseModel):
    """The account of a key."""

    id: str = Field(description="UUID.")
    mode: Mode
    tier: str = Field(
        description="What it may use of models that have tiers: free, creator, pro or business (everything).",
        examples=["business"],
    )
    balance: str = Field(description="Credits (US cents) of this mode.")
    limits: LimitsBody = Field(description="What this key may do, and what is left of it.")
    retention: RetentionBody = Field(description="How long what is made from now on is kept.")
    private: bool = Field(description="The pictures of this key's jobs are never behind links.")


class EntryBody(BaseModel):
    """One entry of the ledger."""

    id: str = Field(description="Later entries have larger ids.")
    kind: Literal["grant", "charge", "refund"] = Field(description="Given, paid for a job, or given back for it.")
    credits: Credits = Field(description="Credits (US cents); a charge is negative.", examples=["-1.5"])
    balance_after: Credits = Field(description="The balance once this entry was made.")
    job_id: str | None = Field(description="The job that was charged or refunded.")
    note: str = Field(description="Why.")
    created_at: Time


class LedgerBody(BaseModel):
    """A page of the ledger, newest first."""

    entries: list[EntryBody]
    next_cursor: Cursor
