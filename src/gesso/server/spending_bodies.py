"""The JSON of what an account's jobs cost it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from gesso.server.bodies import Credits, Mode, Time


class JobSumsBody(BaseModel):
    """Jobs and their money, added up."""

    jobs: int = Field(description="Jobs submitted, deleted ones as well.")
    succeeded: int = Field(description="Of these, the ones that succeeded.")
    failed: int = Field(description="Of these, the ones that failed.")
    cancelled: int = Field(description="Of these, the ones that were cancelled.")
    unfinished: int = Field(
        description="Of these, queued or running ones: they are charged, and may still be refunded."
    )
    pictures: int = Field(
        description="Pictures delivered. Those of jobs that cost nothing are not counted any more once the job is deleted."
    )
    charged: Credits = Field(description="Credits (US cents) charged when the jobs were accepted.", examples=["12.5"])
    refunded: Credits = Field(description="Credits given back for what was not delivered.", examples=["2.5"])
    kept: Credits = Field(description="What they cost: charged, less refunded.", examples=["10"])


class ReportRowBody(JobSumsBody):
    """One model, or one day."""

    model: str | None = Field(description="Slug of the model; null in a report by day.", examples=["flux-schnell"])
    day: str | None = Field(description="Day of submission (UTC); null in a report by model.", examples=[None])


class CreditsReportBody(BaseModel):
    """What the jobs of an account cost in this key's mode."""

    mode: Mode
    by: Literal["model", "day"] = Field(description="What a row is about.")
    since: Time = Field(description="Jobs submitted from then on.")
    until: Time = Field(description="Jobs submitted before then.")
    complete_since: Time | None = Field(
        description="Jobs that ended before may have been removed, as the account's retention is now, and are in no sum; "
        "the ledger still has their money. null: jobs are not removed."
    )
    rows: list[ReportRowBody] = Field(description="By the model's slug, or by day; none where there were no jobs.")
    total: JobSumsBody = Field(description="All rows together.")
