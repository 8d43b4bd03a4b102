"""One small job in the words of each API: how it is asked for, and how its end is seen."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from instant_engine import SIDE

MODEL = "gesso-sketch"
PROMPT = "a duck"
OWN = {"prompt": PROMPT, "width": SIDE, "height": SIDE}


@dataclass(frozen=True)
class Subject:
    """A request that makes one picture. With `poll` its answer has an id, and that path is asked until `done` is in the body.

    `id` is where the first answer has the id, `like` is what it is compared with.
    """

    name: str
    like: str
    path: str
    body: dict[str, Any]
    done: str
    headers: dict[str, str] = field(default_factory=dict)
    poll: str = ""
    id: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        return asdict(self)


WAIT = {"Prefer": "wait=60"}
SYNC, ASYNC = "native, held", "native, polled"
SUBJECTS = (
    Subject(SYNC, SYNC, "/v1/jobs", {"model": MODEL, "input": OWN}, '"state":"succeeded"', WAIT),
    Subject(
        ASYNC, ASYNC, "/v1/jobs", {"model": MODEL, "input": OWN}, '"state":"succeeded"', {}, "/v1/jobs/{id}", ("id",)
    ),
    Subject("openai", SYNC, "/openai/v1/images/generations", {"model": MODEL, "prompt": PROMPT}, '"b64_json"'),
    Subject("friendli", SYNC, "/friendli/dedicated/v1/images/generations", {"model": MODEL, "prompt": PROMPT}, '"url"'),
    Subject(
        "replicate",
        SYNC,
        f"/replicate/v1/models/gesso/{MODEL}/predictions",
        {"input": OWN},
        '"status":"succeeded"',
        {"Prefer": "wait"},
    ),
    Subject(
        "claid", SYNC, "/claid/v1/image/generate", {"input": PROMPT, "options": {"number_of_images": 1}}, '"tmp_url"'
    ),
    Subject(
        "fashn",
        ASYNC,
        "/fashn/v1/run",
        {"model_name": MODEL, "inputs": OWN},
        '"status":"completed"',
        {},
        "/fashn/v1/status/{id}",
        ("id",),
    ),
    Subject(
        "eachlabs",
        ASYNC,
        "/eachlabs/v1/prediction",
        {"model": MODEL, "version": "0.0.1", "input": OWN},
        '"status":"success"',
        {},
        "/eachlabs/v1/prediction/{id}",
        ("predictionID",),
    ),
    Subject(
        "magic_hour",
        ASYNC,
        "/magic-hour/v1/ai-image-generator",
        {"image_count": 1, "style": {"prompt": PROMPT}},
        '"status":"complete"',
        {},
        "/magic-hour/v1/image-projects/{id}",
        ("id",),
    ),
)
# What a job of each is asked about while it runs; the id is that of a job that does not end.
POLLS = {
    "native": ("/v1/jobs", {"model": MODEL, "input": OWN}, ("id",), "/v1/jobs/{id}"),
    "fashn": ("/fashn/v1/run", {"model_name": MODEL, "inputs": OWN}, ("id",), "/fashn/v1/status/{id}"),
    "eachlabs": (
        "/eachlabs/v1/prediction",
        {"model": MODEL, "input": OWN},
        ("predictionID",),
        "/eachlabs/v1/prediction/{id}",
    ),
    "magic_hour": (
        "/magic-hour/v1/ai-image-generator",
        {"image_count": 1, "style": {"prompt": PROMPT}},
        ("id",),
        "/magic-hour/v1/image-projects/{id}",
    ),
    "replicate": (
        f"/replicate/v1/models/gesso/{MODEL}/predictions",
        {"input": OWN},
        ("id",),
        "/replicate/v1/predictions/{id}",
    ),
}
