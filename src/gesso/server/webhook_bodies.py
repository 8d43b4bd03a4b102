"""The JSON of `/v1/webhooks`, as types."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from gesso.server.bodies import Cursor, Mode, Time
from gesso.server.job_bodies import HookEvent


class WebhookAsk(BaseModel):
    """What `POST /v1/webhooks` takes."""

    model_config = {"extra": "forbid"}

    url: str = Field(max_length=2048, description="An http(s) link.", examples=["https://example.com/hook"])
    events: list[HookEvent] | None = Field(
        default=None, min_length=1, description="What it is told of; left out, every end of a job."
    )
    dialect: str = Field(
        default="native",
        description="`native` hears of all jobs, as GET /v1/jobs/{id} shows them. Another dialect, such as `claid` or "
        "`magic_hour`, hears of the jobs asked in it, in its own words and signed its way.",
    )
    secret: str | None = Field(
        default=None,
        min_length=8,
        max_length=256,
        description="What it is signed with; left out, one is made. For `native`: whsec_ and base64 of 24 to 64 bytes.",
    )
    description: str = Field(default="", max_length=200, description="For you.")


class CircuitBody(BaseModel):
    """How a receiver is: the host of a target, as this account knows it."""

    state: Literal["closed", "open", "half_open"] = Field(
        description="`closed`: it is told. `open`: it failed again and again, and nothing is sent. `half_open`: one "
        "webhook tries whether it is back."
    )
    failures: int = Field(description="Attempts that failed, one after another.")
    open_until: Time | None = Field(description="When one tries again; null while it is closed.")
    waiting: int = Field(description="Deliveries that are due and wait for it, counted up to 10,000.")


class WebhookBody(BaseModel):
    """A target that hears of the account's jobs."""

    id: str = Field(description="UUID.")
    mode: Mode
    url: str = Field(description="Where it is told.")
    events: list[HookEvent] = Field(description="What it is told of.")
    dialect: str = Field(description="In whose words, and of whose jobs; `native`: of all.")
    description: str = Field(description="As it was given.")
    created_at: Time
    disabled_at: Time | None = Field(description="Since when it is told of nothing.")
    disabled_reason: str | None = Field(description="Why.")
    circuit: CircuitBody


class NewWebhookBody(WebhookBody):
    """A target as it was just made."""

    secret: str = Field(description="What it is signed with; shown this once.")


class WebhooksBody(BaseModel):
    """The targets of the key's account and mode, oldest first."""

    webhooks: list[WebhookBody]


class AttemptBody(BaseModel):
    """One try to deliver."""

    number: int = Field(description="From 1.")
    at: Time
    status: int | None = Field(description="The receiver's HTTP status; null when it did not answer.")
    response: str = Field(description="The beginning of what it answered, at most 1 KiB.")
    error: str = Field(description="Why there was no answer; empty when there was one.")


class DeliveryBody(BaseModel):
    """One event of one job for one target."""

    id: str = Field(description="UUID: the message's `webhook-id`, the same at every attempt.")
    job_id: str = Field(description="The job it tells of.")
    webhook_id: str | None = Field(description="The target; null for the one named with the job.")
    event: HookEvent
    dialect: str = Field(description="In whose words it is told.")
    url: str = Field(description="Where; empty once the job was deleted.")
    state: Literal["pending", "delivered", "failed"] = Field(description="pending is tried again at `next_at`.")
    reason: str | None = Field(description="Why it failed.")
    created_at: Time
    next_at: Time | None = Field(description="When it is tried next.")
    waiting: bool = Field(description="It is due, and waits until its receiver is back or has room.")
    ended_at: Time | None
    attempts: list[AttemptBody] = Field(description="Oldest first.")


class DeliveryPageBody(BaseModel):
    """A page of deliveries, newest first."""

    deliveries: list[DeliveryBody]
    next_cursor: Cursor


class JobDeliveriesBody(BaseModel):
    """The deliveries of a job, newest first."""

    deliveries: list[DeliveryBody]


class TestBody(BaseModel):
    """What came of a test."""

    delivered: bool = Field(description="It was answered with a status from 200 to 299.")
    status: int | None = Field(description="The receiver's HTTP status; null when it did not answer.")
    response: str = Field(description="The beginning of what it answered, at most 1 KiB.")
    error: str = Field(description="Why there was no answer; empty when there was one.")


class SecretBody(BaseModel):
    """What webhooks named with jobs are signed with, in this account and mode."""

    secret: str = Field(description="As Standard Webhooks writes it: whsec_ and base64.", examples=["whsec_…"])
    former_secret: str | None = Field(description="The one before; it signs too for 24 hours after the change.")
