"""Jobs to render, made of nothing but what the rendering reads."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from gesso.catalogue.load import load_catalogue
from gesso.dialects.call import Call
from gesso.dialects.view import View
from gesso.domain.clock import SECOND
from gesso.domain.credits import Price
from gesso.domain.job import Failure, Job
from gesso.domain.picture import StoredPicture
from gesso.domain.request import Plan, Request, RouteChoice, Verdict

ID = "0199a0de-0000-7000-8000-000000000001"
NOW = 1_700_000_000 * SECOND
WITH_KEY = {"x-api-key": "gesso_test_…"}
WITH_BEARER = {"authorization": "Bearer gesso_test_…"}


def call(headers: dict[str, str] | None = None, **rest: Any) -> Call:
    return Call("GET", headers=headers or WITH_KEY, base="https://host/eachlabs", host="https://host", **rest)


def view(state: Any = "succeeded", *, model: str = "flux-2", pictures: int = 1, **changes: Any) -> View:
    """Return the view of a job of two dollars and a half, which ran for 1.5 s if it ended."""
    ended = state in ("succeeded", "failed", "cancelled")
    values = {"prompt": "a fox", "num_images": pictures, **changes.pop("values", {})}
    given = [Verdict(parameter=name, verdict="used", reason="it fits", given=name == "prompt") for name in values]
    job = Job(
        id=ID,
        number=7,
        account_id="account",
        key_id="key",
        mode="test",
        dialect="eachlabs",
        state=state,
        model=model,
        request=Request(
            model=model, operation="generate", seed=7, values=values, echo={"input": {"prompt": "a fox", "x": [1]}}
        ),
        plan=Plan(
            routes=(RouteChoice(engine="builtin", fidelity="stand_in", runs="gesso-sketch", verdicts=tuple(given)),),
            price=Price(amount=Decimal("2.5"), unit="usd"),
            price_micro=250_000_000,
        ),
        charged_micro=250_000_000,
        refunded_micro=0 if state == "succeeded" or not ended else 250_000_000,
        pictures=tuple(_picture(index) for index in range(pictures)) if state == "succeeded" else (),
        failure=Failure(code="engine_failed", message="It broke.") if state == "failed" else None,
        created_at=NOW,
        started_at=None if state == "queued" else NOW + SECOND,
        ended_at=NOW + SECOND + 1_500_000 if ended else None,
    )
    links = tuple(f"https://host/blobs/{picture.blob}" for picture in job.pictures)
    files = changes.pop("files", None)
    made = View(
        job=job.model_copy(update=changes),
        model=load_catalogue().find(model),
        base="https://host/eachlabs",
        host="https://host",
        links=links,
    )
    return replace(made, files=files)


def _picture(index: int) -> StoredPicture:
    return StoredPicture(
        index=index,
        blob=f"picture-{index}",
        media_type="image/webp",
        width=64,
        height=64,
        size_bytes=3,
        seed=7 + index,
        pixel_hash="00",
    )
