"""Run one request in this process: check → plan → engine → encode. No server, key, database or network."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from gesso.catalogue.adapters import adapter_of
from gesso.catalogue.load import Catalogue
from gesso.catalogue.vendors import VENDORS, needs_links
from gesso.domain.errors import ModelNotReady
from gesso.domain.events import Event, Note, Progress, Task
from gesso.domain.ids import new_id
from gesso.domain.job import ReportNote
from gesso.domain.picture import MEDIA_TYPES, PictureReference, RawPicture
from gesso.domain.request import Plan, Request
from gesso.engines.registry import Engines
from gesso.imaging.finish import finish
from gesso.installation import engines_of, rules_of
from gesso.intake.accept import FIDELITIES
from gesso.intake.prepare import Prepared, find_asked, prepare, with_alias
from gesso.settings import Settings
from gesso.workers.files import files_for, files_of
from gesso.workers.inputs import Fetched, decode_inputs, holding

OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class LocalPicture:
    """One finished file."""

    index: int
    data: bytes
    media_type: str
    width: int
    height: int
    seed: int
    pixel_hash: str


@dataclass(frozen=True)
class LocalResult:
    """What came of it."""

    request: Request
    plan: Plan
    pictures: tuple[LocalPicture, ...]
    notes: tuple[ReportNote, ...]
    seconds: float


def run_here(
    settings: Settings, catalogue: Catalogue, name: str, values: Mapping[str, Any], on_progress: OnProgress
) -> LocalResult:
    """Run "slug" or "slug:adapter" on the engines of this installation; a picture in `values` is its bytes.

    Raises the same errors as a submit, and `EngineFailed`.
    """
    return asyncio.run(_run(settings, catalogue, name, values, on_progress))


async def _run(
    settings: Settings, catalogue: Catalogue, name: str, values: Mapping[str, Any], on_progress: OnProgress
) -> LocalResult:
    began = time.perf_counter()
    engines = Engines(engines_of(settings))
    rules = rules_of(settings, catalogue, engines)
    asked = find_asked(catalogue, name)
    adapter = adapter_of(asked.model, name)
    prepared = prepare(rules, asked.model, values, fidelities=FIDELITIES["stand_in"], adapter=adapter)
    request, route = prepared.request, prepared.plan.routes[0]
    if needs_links(route):
        vendor = VENDORS[route.vendor].name
        raise ModelNotReady(f"{vendor} fetches pictures under links, which only a server can make: gesso serve")
    by_field = _bytes_by_field(prepared)
    inputs = await decode_inputs(request, by_field, rules.decode_limits, fitted=not route.vendor)
    if route.vendor:
        task = Task(new_id(), request, route, files=files_for(route, await files_of(inputs)))
    else:
        task = Task(new_id(), request, route, inputs.image, inputs.mask, inputs.references)
    result = _Result(request, on_progress, settings.upstream_credentials)
    try:
        async with aclosing(engines[route.engine].run(task)) as events:
            async for event in events:
                result.take(event)
    finally:
        await engines.close()
    pictures = tuple(sorted(result.pictures, key=lambda picture: picture.index))
    return LocalResult(
        request, with_alias(prepared.plan, asked), pictures, tuple(result.notes), time.perf_counter() - began
    )


def _bytes_by_field(prepared: Prepared) -> dict[str, Fetched]:
    """Return the request's pictures under the names that `decode_inputs` knows."""
    inline = {picture.blob: picture for picture in prepared.inline}
    request = prepared.request
    named: dict[str, PictureReference | None] = {"image": request.image, "mask": request.mask}
    named |= {f"reference[{i}]": reference for i, reference in enumerate(request.references)}
    return {
        field: Fetched(field, inline[reference.blob].header, holding(inline[reference.blob].data))
        for field, reference in named.items()
        if reference is not None and reference.blob is not None and reference.blob in inline
    }


class _Result:
    """Collects the engine's events."""

    def __init__(self, request: Request, on_progress: OnProgress, credentials: bool) -> None:
        self._request, self._on_progress, self._credentials = request, on_progress, credentials
        self.pictures: list[LocalPicture] = []
        self.notes: list[ReportNote] = []

    def take(self, event: Event) -> None:
        match event:
            case Progress():
                self._on_progress(event)
            case Note(code, message, data):
                self.notes.append(ReportNote(code=code, message=message, data=data))
            case RawPicture():
                self.pictures.append(self._encode(event))
            case _:
                pass

    def _encode(self, raw: RawPicture) -> LocalPicture:
        request = self._request
        data = finish(raw, request, credentials=self._credentials)
        height, width = raw.pixels.shape[:2]
        media_type = MEDIA_TYPES[request.output_format]
        return LocalPicture(raw.index, data, media_type, width, height, raw.seed, raw.pixel_hash())
