"""Jobs as Magic Hour's renderers are handed them."""

from __future__ import annotations

from typing import Any

from gesso.catalogue.load import load_catalogue
from gesso.dialects.view import View
from gesso.domain.credits import Price
from gesso.domain.job import Failure, Job
from gesso.domain.picture import StoredPicture
from gesso.domain.request import Operation, Plan, Request, RouteChoice

JOB = "0199f2a4-7b1c-7c3e-9a55-3f0e5d2c1b0a"
BLOB = "0199f2a4-7b1c-7c3e-9a55-3f0e5d2c1b0b"
NOON = 1_763_640_000_000_000  # 2025-11-20T12:00:00Z, microseconds
MODELS: dict[Operation, str] = {"edit": "magic-hour-qwen-edit", "generate": "magic-hour-generator-default"}


def view_of(operation: Operation = "edit", echo: dict[str, Any] | None = None, **more: Any) -> View:
    """Return the view of a job of two pictures at 10 Magic Hour credits each."""
    model = MODELS[operation]
    route = RouteChoice(engine="builtin", fidelity="stand_in", runs="gesso-sketch")
    facts: dict[str, Any] = {
        "id": JOB,
        "number": 1,
        "account_id": "a",
        "key_id": "k",
        "mode": "test",
        "dialect": "magic_hour",
        "state": "queued",
        "model": model,
        "request": Request(model=model, operation=operation, count=2, seed=1, echo=echo or {}),
        "plan": Plan(routes=(route,), price=Price(amount=10, unit="magic_hour_credit"), price_micro=2_000_000),
        "charged_micro": 2_000_000,
        "created_at": NOON,
    }
    job = Job(**(facts | more))
    links = tuple(f"http://here/blobs/{picture.blob}?expires=1&signature=x" for picture in job.pictures)
    return View(job, load_catalogue().find(model), "http://here/magic-hour", "http://here", links, NOON)


def picture(media_type: str = "image/png") -> StoredPicture:
    """Return one delivered picture."""
    return StoredPicture(
        index=0, blob=BLOB, media_type=media_type, width=64, height=64, size_bytes=1, seed=1, pixel_hash="0"
    )


def failed(code: str) -> dict[str, Any]:
    """Return the facts of a failed job that was paid back."""
    return {"state": "failed", "failure": Failure(code=code, message="It went wrong."), "refunded_micro": 2_000_000}
