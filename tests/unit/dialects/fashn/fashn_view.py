"""Predictions to render, made of nothing but what the rendering reads."""

from __future__ import annotations

from typing import Any

from gesso.dialects.call import Call
from gesso.dialects.view import View
from gesso.domain.clock import SECOND
from gesso.domain.credits import Price
from gesso.domain.job import Failure, Job
from gesso.domain.picture import StoredPicture
from gesso.domain.request import Plan, Request, RouteChoice

ID = "0199a0de-0000-7000-8000-000000000001"
PRICE = Price(amount=1, unit="fashn_credit")
CALL = Call("GET")


def view(
    state: Any = "succeeded",
    *,
    pictures: int = 1,
    kind: str = "image/png",
    values: dict[str, Any] | None = None,
    failure: str = "engine_failed",
    files: tuple[bytes | None, ...] | None = None,
    charged: int | None = None,
) -> View:
    """Return the view of a job of one FASHN credit a picture."""
    ended = state in ("succeeded", "failed", "cancelled")
    micro = PRICE.micro_credits(pictures) if charged is None else charged
    job = Job(
        id=ID,
        number=7,
        account_id="account",
        key_id="key",
        mode="test",
        dialect="fashn",
        state=state,
        model="fashn-edit",
        request=Request(model="fashn-edit", operation="edit", seed=42, values=values or {}),
        plan=Plan(
            routes=(RouteChoice(engine="builtin", fidelity="stand_in", runs="gesso-sketch"),),
            price=PRICE,
            price_micro=micro,
        ),
        charged_micro=micro,
        refunded_micro=micro if state in ("failed", "cancelled") else 0,
        pictures=tuple(_picture(index, kind) for index in range(pictures)) if state == "succeeded" else (),
        failure=Failure(code=failure, message="It broke.") if state == "failed" else None,
        created_at=SECOND,
        ended_at=2 * SECOND if ended else None,
    )
    links = tuple(f"https://host/blobs/{one.blob}?expires=1&signature=s" for one in job.pictures)
    return View(job=job, model=None, base="https://host/fashn", host="https://host", links=links, files=files)


def _picture(index: int, kind: str) -> StoredPicture:
    return StoredPicture(
        index=index,
        blob=f"picture-{index}",
        media_type=kind,
        width=64,
        height=64,
        size_bytes=3,
        seed=42 + index,
        pixel_hash="00",
    )
