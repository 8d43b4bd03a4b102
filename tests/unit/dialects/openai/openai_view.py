"""Jobs as OpenAI's dialect is shown them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from gesso.dialects.view import View
from gesso.domain.credits import Price
from gesso.domain.job import Failure, Job
from gesso.domain.picture import PictureReference, StoredPicture
from gesso.domain.request import Plan, Request, RouteChoice, Verdict


def stored(index: int = 0, width: int = 1024, height: int = 1024) -> StoredPicture:
    return StoredPicture(
        index=index,
        blob=f"b{index}",
        media_type="image/png",
        width=width,
        height=height,
        size_bytes=3,
        seed=1,
        pixel_hash="h",
    )


def view(
    *,
    state: str = "succeeded",
    pictures: tuple[StoredPicture, ...] = (),
    files: tuple[bytes | None, ...] | None = None,
    echo: dict[str, Any] | None = None,
    failure: Failure | None = None,
    ignored: tuple[str, ...] = (),
    images: int = 0,
    prompt: str = "a red balloon",
    **request: Any,
) -> View:
    verdicts = tuple(Verdict(parameter=name, verdict="ignored", reason="no") for name in ignored)
    route = RouteChoice(engine="builtin", fidelity="stand_in", runs="gesso-sketch", verdicts=verdicts)
    given = [PictureReference(blob=f"i{i}") for i in range(images)]
    job = Job(
        id="01890000-0000-7000-8000-000000000001",
        number=1,
        account_id="a",
        key_id="k",
        mode="test",
        dialect="openai",
        state=state,  # type: ignore[arg-type]
        model="openai-images",
        request=Request(
            model="openai-images",
            operation="edit" if images else "generate",
            prompt=prompt,
            seed=1,
            echo=echo or {},
            image=given[0] if given else None,
            references=tuple(given[1:]),
            **request,
        ),
        plan=Plan(routes=(route,), price=Price(amount=Decimal(1)), price_micro=1),
        pictures=pictures,
        failure=failure,
        created_at=1_700_000_000_000_000,
        started_at=1_700_000_001_000_000,
        ended_at=None if state in ("queued", "running") else 1_700_000_002_500_000,
    )
    links = tuple(f"https://h/blobs/{picture.blob}" for picture in pictures)
    return View(job=job, model=None, base="https://h/openai", host="https://h", links=links, files=files)
