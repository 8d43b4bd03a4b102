"""What an engine tells while it works. Frozen and picklable, so that an engine may live in another process."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gesso.domain.frozen import Frozen
from gesso.domain.picture import DecodedPicture, RawPicture
from gesso.domain.request import Request, RouteChoice


@dataclass(frozen=True, eq=False)
class Task:
    """What an engine is handed: the request, the chosen route, the decoded pictures, and where it stopped before."""

    job_id: str
    request: Request
    route: RouteChoice
    image: DecodedPicture | None = None
    mask: Any = None  # uint8 [height, width], 255 = repaint, same size as the image; or None
    references: tuple[DecodedPicture, ...] = ()
    checkpoint: str | None = None


@dataclass(frozen=True)
class Progress:
    """How far it is: `done` of `total` units of `stage` ("denoise", "decode", …)."""

    stage: str
    done: int
    total: int


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


Event = Progress | RawPicture | Checkpoint | Note | Timing


class Snapshot(Frozen):
    """What the feed carries about one job: newer replaces older, the row is the truth."""

    job_id: str
    version: int  # grows with every snapshot of this job in this process
    state: str
    stage: str = ""
    done: int = 0
    total: int = 0
