"""The JSON of the native API, as types: what is answered is what OpenAPI says.

Here are the words all share, mistakes, files and health; jobs, models, accounts and webhooks have files of their own.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
Operation = Annotated[Literal["generate", "edit"], Field(description="From words alone, or of a picture.")]
Mode = Annotated[Literal["live", "test"], Field(description="A key, a job and a ledger entry see only their own mode.")]
Fidelity = Annotated[
    Literal["exact", "approximate", "stand_in"],
    Field(description="How true the route is: the model itself, another build of it, or another model."),
]
Time = Annotated[str, Field(description="UTC, RFC 3339.", examples=["2026-01-31T12:00:00.000000Z"])]
Credits = Annotated[str, Field(description="Credits (US cents), a decimal number.", examples=["1.5"])]
Cursor = Annotated[str | None, Field(description="Send it as `cursor` for the next page; null on the last.")]


class ProblemItem(BaseModel):
    """One mistake in the input."""

    field: str = Field(description="The field or parameter that is wrong.", examples=["steps"])
    code: str = Field(description="The kind of mistake, stable.", examples=["out_of_range"])
    message: str = Field(description="For people.", examples=["steps is 99: it must be between 1 and 50."])
    value: Any = Field(default=None, description="What came.", examples=[99])
    allowed: Any = Field(default=None, description="What is allowed.", examples=[{"minimum": 1, "maximum": 50}])


class ProblemBody(BaseModel):
    """A problem document (RFC 9457)."""

    type: str = Field(description="The code as a URI.", examples=["urn:gesso:error:invalid_input"])
    title: str = Field(description="The status in words.", examples=["Unprocessable Entity"])
    status: int = Field(description="The HTTP status.", examples=[422])
    detail: str = Field(description="What is wrong and what to do, for people.")
    code: str = Field(description="What is wrong, for programs; stable.", examples=["invalid_input"])
    request_id: str = Field(description="Also the header X-Request-Id; the server's log lines have it too.")
    errors: list[ProblemItem] = Field(default=[], description="Every mistake in the input; empty for other errors.")


class FileBody(BaseModel):
    """An uploaded picture."""

    id: str = Field(description="UUID.")
    reference: str = Field(description="Accepted wherever a picture is.", examples=["gesso://files/<id>"])
    url: str = Field(description="Signed link that needs no key and expires; show the file again for a fresh one.")
    media_type: str = Field(description="What its bytes are, whatever the upload said.", examples=["image/jpeg"])
    size_bytes: int = Field(description="Size of the file.")
    sha256: str = Field(description="Of the bytes, in hexadecimal.")
    filename: str | None = Field(description="As it was uploaded, if it had a name.")
    created_at: Time
    expires_at: Time | None = Field(description="When it is deleted.")


class FilesBody(BaseModel):
    """Files, newest first."""

    files: list[FileBody]


class UploadBody(BaseModel):
    """A started upload."""

    id: str = Field(description="Id the file will have.")
    reference: str = Field(description="Accepted wherever a picture is, once the PUT succeeded.")
    put_url: str = Field(description="PUT the picture's bytes here, once, without credentials.")
    expires_at: Time = Field(description="Until when the PUT may be sent.")
    max_bytes: int = Field(description="Largest picture accepted.")


class HealthBody(BaseModel):
    """The process answers."""

    status: Literal["ok"]
    version: str = Field(description="Of Gesso.")


class ReadyBody(BaseModel):
    """Whether this process can do its part: `not_ready` says no; `degraded`: it answers, but some jobs may wait."""

    status: Literal["ready", "degraded", "not_ready"]
    checks: dict[str, str] = Field(description="What was looked at: `ok`, or what is wrong.")
