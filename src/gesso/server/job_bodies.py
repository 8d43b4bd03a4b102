"""The JSON of jobs: what is asked, what would happen, what came of it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from gesso.server.bodies import Credits, Cursor, Fidelity, Mode, Operation, State, Time

HookEvent = Literal["started", "succeeded", "failed", "cancelled"]


class HookAsk(BaseModel):
    """Where to tell of a job."""

    model_config = {"extra": "forbid"}

    url: str = Field(max_length=2048, description="An http(s) link.", examples=["https://example.com/hook"])
    events: list[HookEvent] = Field(
        default=["succeeded", "failed", "cancelled"], min_length=1, description="What it is told of."
    )


class JobAsk(BaseModel):
    """What `POST /v1/jobs` takes as JSON."""

    model_config = {"extra": "forbid"}

    model: str = Field(description="Slug of a catalogue model, or `slug:adapter`.", examples=["gesso-sketch"])
    input: dict[str, Any] = Field(
        description="The model's own parameters; GET /v1/models/{slug} has their JSON Schema.",
        examples=[{"prompt": "a red balloon on a blue background"}],
    )
    metadata: dict[str, Any] = Field(default={}, description="Kept with the job and given back; at most 16 KiB.")
    strict: bool = Field(default=False, description="Refuse the request if a given parameter would be ignored.")
    priority: Literal["normal", "low"] | None = Field(
        default=None, description="low lets others go first. Left out, the priority of the key."
    )
    previews: int = Field(
        default=0,
        ge=0,
        le=3,
        description="How many previews of each picture to send with the job's events while it is painted. They change nothing of it.",
    )
    delivery: Literal["links", "inline"] | None = Field(
        default=None,
        description="inline: the pictures are private. They come in the answer about the ended job, are never behind a "
        "link, and go a minute after an answer carried them, an hour after the end at the latest. Left out, links, or "
        "inline where the key is private.",
    )
    keep_seconds: int | None = Field(
        default=None,
        ge=1,
        le=100 * 365 * 24 * 3600,
        description="How long the pictures are kept after the job's end, at most; never longer than the account's own "
        "time (GET /v1/account).",
    )
    webhook: str | HookAsk | None = Field(
        default=None,
        description="Where to tell of the job: a link, or a link and events. Signed with the account's secret "
        "(GET /v1/webhooks/secret) as Standard Webhooks are.",
    )


class PictureBody(BaseModel):
    """One finished picture."""

    index: int = Field(description="0 for the first picture of the job.")
    url: str | None = Field(
        description="Signed link that needs no key and expires; show the job again for a fresh one. Null once the picture "
        "is gone, and of a private one."
    )
    data: str | None = Field(default=None, description="The file in base64: of a private picture.")
    media_type: str = Field(examples=["image/png"], description="image/png, image/jpeg or image/webp.")
    width: int = Field(description="In pixels.")
    height: int = Field(description="In pixels.")
    size_bytes: int = Field(description="Size of the file.")
    seed: int = Field(description="This seed, asked for with one picture, gives this picture again.")
    pixel_hash: str = Field(description="SHA-256 of the decoded pixels: height, width, channels (uint32), bytes.")


class VerdictBody(BaseModel):
    """What became of one parameter."""

    parameter: str = Field(description="Its name.", examples=["num_inference_steps"])
    verdict: Literal["used", "mapped", "clamped", "ignored"] = Field(
        description="mapped: passed on under another name or value; clamped: moved into the route's narrower range."
    )
    reason: str = Field(description="Why, for people.")
    given: bool = Field(description="The request named it; otherwise its default is spoken of.")
    got: Any = Field(default=None, description="The value asked for, or the default; null for prompts and pictures.")
    used: Any = Field(default=None, description="The value the engine got.")


class RouteBody(BaseModel):
    """How a job is run."""

    engine: str = Field(description="The engine.", examples=["builtin"])
    fidelity: Fidelity
    runs: str = Field(description="The model that really runs; another than asked for when it stands in.")


class PriceBody(BaseModel):
    """What a job costs."""

    amount: str = Field(description="Price of one picture, in `unit`.")
    unit: str = Field(description="The model's own unit of money.", examples=["credit", "usd"])
    credits: str = Field(description="Price of the whole job, in credits (US cents).")


class NoteBody(BaseModel):
    """A remark on a job: of the engine, on the route (code `plan`), or on its test fault (code `test_fault`)."""

    code: str = Field(description="The kind of remark, stable.", examples=["unknown_words", "region"])
    message: str = Field(description="For people.")
    data: dict[str, Any] = Field(default={}, description="The same for programs; its keys depend on the code.")


class ProgressBody(BaseModel):
    """How far a running job is."""

    stage: str = Field(description="What is being done.", examples=["denoise"])
    done: int = Field(description="Steps of this stage that are done.")
    total: int = Field(description="Steps this stage has.")


class FailureBody(BaseModel):
    """Why a job failed."""

    code: str = Field(description="For programs; stable.", examples=["image_not_retrievable"])
    message: str = Field(description="For people.")


class JobBody(BaseModel):
    """A job: what was asked, how it is run, what came of it."""

    id: str = Field(description="UUID; job ids sort by the time they were made.")
    state: State = Field(description="queued and running change; succeeded, failed and cancelled are for good.")
    model: str = Field(description="Slug of the model asked for.", examples=["gesso-sketch"])
    operation: Operation | None = Field(description="Null once the job was deleted.")
    mode: Mode
    priority: Literal["high", "normal", "low"] = Field(description="Jobs of a higher one are started first.")
    created_at: Time
    started_at: Time | None
    ended_at: Time | None
    deleted_at: Time | None
    seed: int | None = Field(description="The seed of the first picture; the one drawn when none was given.")
    progress: ProgressBody | None = Field(description="Only while it runs.")
    pictures: list[PictureBody] = Field(
        description="Empty until the job succeeded. Private ones are only in the answer of a submit or of "
        "GET /v1/jobs/{id}, as long as they are kept."
    )
    private: bool = Field(
        description="No link leads to its pictures, and they are not kept once they were handed over."
    )
    pictures_until: Time | None = Field(
        description="When its pictures go, or went. Null before the end, and where it is not known."
    )
    pictures_gone: bool = Field(description="It succeeded, and its pictures are not kept any more.")
    error: FailureBody | None = Field(description="Only of a failed job.")
    route: RouteBody
    parameters: list[VerdictBody] = Field(description="What became of every parameter of the model.")
    notes: list[NoteBody] = Field(description="Remarks, such as words it did not understand.")
    price: PriceBody
    charged: Credits
    refunded: Credits
    metadata: dict[str, Any] = Field(description="As it was sent.")


class JobPageBody(BaseModel):
    """A page of jobs, newest first."""

    jobs: list[JobBody]
    next_cursor: Cursor


class QuoteBody(BaseModel):
    """The answer of `POST /v1/jobs?quote=true`: what would happen; nothing was run or charged."""

    model: str = Field(description="Slug of the model.")
    operation: Operation
    route: RouteBody
    parameters: list[VerdictBody] = Field(description="What would become of every parameter of the model.")
    notes: list[NoteBody] = Field(description="What there is to remark, such as that another model would stand in.")
    price: PriceBody
    pictures: int = Field(description="How many pictures the job would have.")
    width: int | None = Field(description="Of each picture, in pixels; null where the image edited decides.")
    height: int | None = Field(description="Of each picture, in pixels; null where the image edited decides.")
