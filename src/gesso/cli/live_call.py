"""One real call at a vendor, without a server or a database: what is going to be asked, and what came of it."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gesso.catalogue.describe import bare_choice
from gesso.catalogue.load import Catalogue
from gesso.catalogue.model import Model, Route
from gesso.domain.errors import JobFailed, OperatorError
from gesso.domain.events import Checkpoint, Note, Progress, Task
from gesso.domain.ids import new_id
from gesso.domain.picture import RawPicture
from gesso.domain.request import Request, RouteChoice
from gesso.domain.upstream import CallEnded
from gesso.engines.upstream.engine import UpstreamEngine
from gesso.engines.upstream.trials import EDIT_PROMPT, PROMPT, TRIALS, Trial
from gesso.imaging.decode import inspect
from gesso.intake.prepare import prepare
from gesso.workers.files import files_for, files_of
from gesso.workers.inputs import Fetched, decode_inputs, holding

if TYPE_CHECKING:
    from gesso.intake.prepare import Rules

SAMPLE_PIXELS = 512  # a side of the picture that is sent where a vendor only edits


@dataclass(frozen=True, eq=False)
class LiveCall:
    """What is going to be asked of a vendor."""

    trial: Trial
    request: Request
    route: RouteChoice
    sample: bytes | None  # the picture that is sent


@dataclass(frozen=True, eq=False)
class LiveResult:
    """What came of it. `outcome` is "done", or why there is nothing; `words` are the vendor's, or what is wrong here."""

    outcome: str
    words: str
    seconds: float
    ended: CallEnded | None
    picture: RawPicture | None
    failure: str = ""  # as an asker of a job would be told


def live_call(vendor: str, catalogue: Catalogue, engine: UpstreamEngine, rules: Rules) -> LiveCall:
    """Return the first of the vendor's trials that is ready; raise `OperatorError` saying what the first one needs."""
    reasons: list[str] = []
    for trial in TRIALS[vendor]:
        model = catalogue.get(trial.model)
        route = next((one for one in model.routes if one.vendor == vendor), None)
        if route is None:
            reasons.append(f"your own file of {model.slug} has no route there")
            continue
        readiness = engine.readiness(bare_choice(model, route))
        if readiness.ready:
            return _prepared(trial, model, route, rules)
        reasons.append(readiness.reason)
    raise OperatorError(f"{vendor} cannot be tried: {reasons[0]}. Nothing was sent.")


def _prepared(trial: Trial, model: Model, route: Route, rules: Rules) -> LiveCall:
    values: dict[str, Any] = {"prompt": EDIT_PROMPT if trial.image else PROMPT, **trial.values}
    sample = sample_picture() if trial.image else None
    if sample is not None:
        values[trial.image] = sample
    only = model.model_copy(update={"routes": (route,)})
    prepared = prepare(rules, only, values, fidelities=("exact", "approximate", "stand_in"))
    return LiveCall(trial, prepared.request, prepared.plan.routes[0], sample)


def sample_picture() -> bytes:
    """Return the picture that is sent where a vendor only edits: a red circle on white, as a PNG."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (SAMPLE_PIXELS, SAMPLE_PIXELS), "white")
    quarter = SAMPLE_PIXELS // 4
    ImageDraw.Draw(image).ellipse((quarter, quarter, 3 * quarter, 3 * quarter), fill="red")
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def run_live_call(
    call: LiveCall, engine: UpstreamEngine, rules: Rules, on_progress: Callable[[Progress], None]
) -> LiveResult:
    """Send it and wait for its end. Interrupted, it is stopped at the vendor, where the vendor has a call for that."""
    return asyncio.run(_run(call, engine, rules, on_progress))


async def _run(
    call: LiveCall, engine: UpstreamEngine, rules: Rules, on_progress: Callable[[Progress], None]
) -> LiveResult:
    fetched: Mapping[str, Fetched] = {}
    if call.sample is not None:
        name = call.route.pictures[0].picture
        fetched = {name: Fetched(name, inspect(call.sample, name, rules.decode_limits), holding(call.sample))}
    inputs = await decode_inputs(call.request, fetched, rules.decode_limits, fitted=False)
    task = Task(new_id(), call.request, call.route, files=files_for(call.route, await files_of(inputs)))
    told = _Told(on_progress)
    began, failure = time.perf_counter(), ""
    try:
        async with aclosing(engine.run(task)) as events:
            async for event in events:
                told.take(event)
    except JobFailed as error:
        failure = error.message
    except asyncio.CancelledError:
        await engine.withdraw(call.route, told.token)
        raise
    finally:
        seconds = time.perf_counter() - began
        await engine.close()
    return told.result(seconds, failure)


class _Told:
    """Collects what the engine tells."""

    def __init__(self, on_progress: Callable[[Progress], None]) -> None:
        self._on_progress = on_progress
        self.token: str | None = None
        self._ended: CallEnded | None = None
        self._picture: RawPicture | None = None
        self._words = ""

    def take(self, event: object) -> None:
        match event:
            case Progress():
                self._on_progress(event)
            case Checkpoint(token):
                self.token = token
            case CallEnded():
                self._ended = event
            case RawPicture():
                self._picture = event
            case Note("upstream", _, data):
                self._words = str(data.get("words", ""))
            case Note(_, message, _):
                self._words = message

    def result(self, seconds: float, failure: str) -> LiveResult:
        outcome = "unknown" if self._ended is None else self._ended.outcome
        if outcome == "done" and self._picture is None:
            outcome = "no_picture"
        return LiveResult(outcome, self._words, seconds, self._ended, self._picture, failure)
