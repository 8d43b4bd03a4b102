"""What a vendor's file is handed for a request to a model of the catalogue."""

from __future__ import annotations

from typing import Any

from gesso.catalogue.canonical import to_request
from gesso.catalogue.check import check
from gesso.catalogue.load import load_catalogue
from gesso.catalogue.plan import choose
from gesso.domain.events import Task
from gesso.domain.request import RouteChoice
from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.given import asks_of
from gesso.engines.upstream.vendors import UPSTREAMS
from gesso.workers.files import File, files_for

SEED = 7
PICTURE = b"\x89PNG picture"
LINK = "https://example.org/a.png"


def routed(slug: str, vendor: str, **raw: Any) -> tuple[RouteChoice, tuple[Ask, ...]]:
    """Return the model's first route at a vendor for this input, and the calls it takes; an open seed becomes `SEED`.

    Every picture is `PICTURE`, with its number behind it from the second reference on.
    """
    catalogue = load_catalogue()
    model = catalogue.get(slug)
    checked = check(model, {"prompt": "a red fox", **raw})
    request = to_request(model, checked, draw_seed=lambda: SEED)
    route = next(one for one in model.routes if one.vendor == vendor)
    choice = choose(catalogue, model, route, request, checked)
    given = {one.picture for one in choice.pictures}
    files = files_for(choice, {name: File(_bytes_of(name), "image/png") for name in given})
    task = Task(job_id="job-1", request=request, route=choice, files=files)
    return choice, asks_of(task, UPSTREAMS[vendor].mask)


def _bytes_of(name: str) -> bytes:
    number = name.partition("[")[2].rstrip("]")
    return PICTURE if number in ("", "0") else PICTURE + number.encode()


def verdicts(choice: RouteChoice) -> dict[str, str]:
    """Return what becomes of each parameter."""
    return {one.parameter: one.verdict for one in choice.verdicts}
