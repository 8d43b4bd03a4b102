"""What an engine tells while it works. Frozen and picklable, so that an engine may live in another process."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from gesso.domain.frozen import Frozen
from gesso.domain.picture import DecodedPicture, DigitalSource, RawPicture
from gesso.domain.request import Request, RouteChoice
from gesso.domain.upstream import CallEnded


@dataclass(frozen=True, eq=False)
class GivenFile:
    """A picture as a file for an engine that passes it on: upright, sRGB, without the asker's metadata."""

    argument: str
    role: str  # "image", "mask" or "reference"
    many: bool
    data: bytes
    media_type: str
    link: str | None = None  # under which a vendor can fetch it

    @property
    def base64(self) -> str:
        """The file as base64."""
        return base64.b64encode(self.data).decode()

    @property
    def data_uri(self) -> str:
        """The file as a data URI."""
        return f"data:{self.media_type};base64,{self.base64}"

    @property
    def filename(self) -> str:
        """A name for the file, with the extension of its type."""
        return f"{self.role}.{self.media_type.removeprefix('image/')}"


@dataclass(frozen=True, eq=False)
class Task:
    """What an engine is handed: the request, the chosen route, the decoded pictures, and where it stopped before."""

    job_id: str
    request: Request
    route: RouteChoice
    image: DecodedPicture | None = None
    mask: Any = None  # uint8 [height, width], 255 = repaint, same size as the image; or None
    references: tuple[DecodedPicture, ...] = ()
    files: tuple[GivenFile, ...] = ()  # instead of decoded pictures, for engines that take files
    checkpoint: str | None = None


@dataclass(frozen=True, eq=False)
class Preview:
    """A picture as far as it is painted: its index within the job, which preview of it this is (from 0), its pixels.

    `pixels` is uint8 [height, width, 3 or 4], in the picture's shape, of any size up to the picture's.
    """

    picture: int
    number: int
    pixels: Any
    source: DigitalSource = "trained"


@dataclass(frozen=True)
class Progress:
    """How far it is: `done` of `total` units of `stage` ("denoise", "decode", …).

    Where the request asks for previews it may carry one.
    """

    stage: str
    done: int
    total: int
    preview: Preview | None = None


@dataclass(frozen=True)
class Checkpoint:
    """A token that `run_job` commits before it lets the engine go on."""

    token: str


@dataclass(frozen=True)
class Note:
    """A line for the job's report: a stable code, a sentence for people, and its data."""

    code: str
    message: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Timing:
    """Seconds spent in a stage ("denoise", "decode", …); added up into the answer's Server-Timing."""

    stage: str
    seconds: float


Event = Progress | RawPicture | Checkpoint | Note | Timing | CallEnded


class PreviewFile(Frozen):
    """An encoded preview: of which picture, which of its previews (both from 0), the file."""

    picture: int
    number: int
    media_type: str
    data: bytes = Field(repr=False)


class Snapshot(Frozen):
    """What the feed carries about one job: newer replaces older, the row is the truth.

    `previews` are the newest few, oldest first; one told before may be there again.
    """

    job_id: str
    version: int  # grows with every snapshot of this job in this process
    state: str
    stage: str = ""
    done: int = 0
    total: int = 0
    previews: tuple[PreviewFile, ...] = ()
