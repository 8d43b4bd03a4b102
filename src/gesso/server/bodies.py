"""The JSON of the native API, as types: what is answered is what OpenAPI says."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field


class ProblemItem(BaseModel):
    field: str
    code: str
    message: str
    value: Any = None
    allowed: Any = None


class ProblemBody(BaseModel):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[ProblemItem] = []


class JobAsk(BaseModel):
    """What `POST /v1/jobs` takes as JSON."""

    model_config = {"extra": "forbid"}

    model: str = Field(description="Slug of a catalogue model.", examples=["gesso-sketch"])
    input: dict[str, Any] = Field(
        description="The model's own parameters; GET /v1/models/{slug} has their JSON Schema.",
        examples=[{"prompt": "a red balloon on a blue background"}],
    )
    metadata: dict[str, Any] = Field(default={}, description="Kept with the job and given back; at most 16 KiB.")
    strict: bool = Field(default=False, description="Refuse the request if a given parameter would be ignored.")


class PictureBody(BaseModel):
    index: int
    url: str
    media_type: str
    width: int
    height: int
    size_bytes: int
    seed: int
    pixel_hash: str = Field(description="SHA-256 of the decoded pixels: height, width, channels (uint32), bytes.")


class VerdictBody(BaseModel):
    parameter: str
    verdict: Literal["used", "mapped", "clamped", "ignored"]
    reason: str
    given: bool = Field(description="The request named it; otherwise its default is spoken of.")
    got: Any = None
    used: Any = None


class RouteBody(BaseModel):
    engine: str
    fidelity: Literal["exact", "approximate", "stand_in"]
    runs: str


class PriceBody(BaseModel):
    amount: str = Field(description="Price of one picture, in `unit`.")
    unit: str
    credits: str = Field(description="Price of the whole job, in credits (US cents).")


class NoteBody(BaseModel):
    code: str
    message: str
    data: dict[str, Any] = {}


class ProgressBody(BaseModel):
    stage: str
    done: int
    total: int


class FailureBody(BaseModel):
    code: str
    message: str


State = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class JobBody(BaseModel):
    id: str
    state: State
    model: str
    operation: Literal["generate", "edit"] | None
    mode: Literal["live", "test"]
    created_at: str
    started_at: str | None
    ended_at: str | None
    deleted_at: str | None
    seed: int | None
    progress: ProgressBody | None
    pictures: list[PictureBody]
    error: FailureBody | None
    route: RouteBody
    parameters: list[VerdictBody]
    notes: list[NoteBody]
    price: PriceBody
    charged: str
    refunded: str
    metadata: dict[str, Any]


class JobPageBody(BaseModel):
    jobs: list[JobBody]
    next_cursor: str | None


class QuoteBody(BaseModel):
    """The answer of `POST /v1/jobs?quote=true`: what would happen; nothing was run or charged."""

    model: str
    operation: Literal["generate", "edit"]
    route: RouteBody
    parameters: list[VerdictBody]
    price: PriceBody
    pictures: int
    width: int | None
    height: int | None


class RouteStateBody(BaseModel):
    engine: str
    fidelity: Literal["exact", "approximate", "stand_in"]
    runs: str
    ready: bool
    reason: str | None


class ModelBody(BaseModel):
    slug: str
    name: str
    owner: str
    licence: str
    operations: list[Literal["generate", "edit"]]
    names: dict[str, list[str]]
    price: dict[str, str]
    routes: list[RouteStateBody]


class ModelDetailBody(ModelBody):
    input_schema: dict[str, Any]


class ModelsBody(BaseModel):
    models: list[ModelBody]


class FileBody(BaseModel):
    id: str
    reference: str = Field(description="Accepted wherever a picture is.")
    url: str
    media_type: str
    size_bytes: int
    sha256: str
    filename: str | None
    created_at: str
    expires_at: str | None


class FilesBody(BaseModel):
    files: list[FileBody]


class UploadBody(BaseModel):
    id: str
    reference: str = Field(description="Accepted wherever a picture is, once the PUT succeeded.")
    put_url: str = Field(description="PUT the picture's bytes here, once, without credentials.")
    expires_at: str
    max_bytes: int


class AccountBody(BaseModel):
    id: str
    mode: Literal["live", "test"]
    tier: str
    balance: str = Field(description="Credits (US cents) of this mode.")


class EntryBody(BaseModel):
    id: str
    kind: Literal["grant", "charge", "refund"]
    credits: str
    balance_after: str
    job_id: str | None
    note: str
    created_at: str


class LedgerBody(BaseModel):
    entries: list[EntryBody]
    next_cursor: str | None


class HealthBody(BaseModel):
    status: Literal["ok"]
    version: str


class ReadyBody(BaseModel):
    status: Literal["ready", "not_ready"]
    checks: dict[str, str]
