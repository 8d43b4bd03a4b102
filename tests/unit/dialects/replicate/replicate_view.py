"""Jobs to render, made of nothing but what the rendering reads."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from gesso.catalogue.load import load_catalogue
from gesso.dialects.view import View
from gesso.domain.clock import SECOND
from gesso.domain.credits import Price
from gesso.domain.job import Failure, Job
from gesso.domain.picture import StoredPicture
from gesso.domain.request import Plan, Request, RouteChoice, Verdict

ID = "0199a0de-0000-7000-8000-000000000001"
NOW = 1_777_629_600 * SECOND  # 2026-05-01T10:00:00Z
HOST = "https://host"


def made_job(state: Any = "succeeded", *, model: str = "flux-schnell", pictures: int = 2, **changes: Any) -> Job:
    ended = state in ("succeeded", "failed", "cancelled")
    echo = {"model": "black-forest-labs/flux-schnell", "input": {"prompt": "a fox"}, "data": False}
    ignored = Verdict(parameter="go_fast", verdict="ignored", reason="one speed", given=True)
    route = RouteChoice(engine="builtin", fidelity="stand_in", runs="gesso-sketch", verdicts=(ignored,))
    values: dict[str, Any] = {
        "id": ID,
        "number": 7,
        "account_id": "account",
        "key_id": "key",
        "mode": "test",
        "dialect": "replicate",
        "state": state,
        "model": model,
        "request": Request(model=model, operation="generate", seed=7, values={"prompt": "a fox"}, echo=echo),
        "plan": Plan(routes=(route,), price=Price(amount=Decimal(1)), price_micro=1, notes=("It stands in.",)),
        "pictures": tuple(_picture(index) for index in range(pictures)) if state == "succeeded" else (),
        "failure": Failure(code="engine_failed", message="It broke.") if state == "failed" else None,
        "created_at": NOW,
        "started_at": None if state == "queued" else NOW + SECOND,
        "ended_at": NOW + 4_200_000 if ended else None,
    }
    return Job(**{**values, **changes})


def view_of(job: Job, **changes: Any) -> View:
    links = tuple(f"{HOST}/blobs/{picture.blob}" for picture in job.pictures)
    made = {"model": load_catalogue().find(job.model), "base": f"{HOST}/replicate", "host": HOST, "links": links}
    return View(job=job, **{**made, **changes})


def _picture(index: int) -> StoredPicture:
    blob = f"picture-{index}"
    rest = {"media_type": "image/webp", "width": 64, "height": 64, "size_bytes": 3, "seed": index, "pixel_hash": "00"}
    return StoredPicture(index=index, blob=blob, **rest)
