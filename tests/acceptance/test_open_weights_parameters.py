"""Each parameter of each route to open weights, changed alone: it changes the call or the picture as its verdict says.

The engine as it is, on a thread of this process, where a pipeline that is called can be listened to.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np
import pytest
from few_pixels import small_presets
from open_weights_world import MODELS, UNPUBLISHED
from parameter_trials import SEED, Trial, trials

from gesso.catalogue import size_tables
from gesso.catalogue.canonical import to_request
from gesso.catalogue.check import check
from gesso.catalogue.load import load_catalogue
from gesso.catalogue.model import Model, Route
from gesso.catalogue.plan import choose
from gesso.catalogue.roles import SERVER_ROLES
from gesso.catalogue.sizes import output_size
from gesso.domain.events import Task
from gesso.domain.picture import DecodedPicture, PictureReference, RawPicture
from gesso.domain.request import Request, RouteChoice, Verdict
from gesso.engines.diffusers.engine import DiffusersEngine
from gesso.engines.diffusers.engine_settings import EngineSettings
from gesso.engines.diffusers.loras.settings import LoraSettings
from gesso.outgoing.fetch import Policy

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.heavy,
    pytest.mark.diffusers,
    # warnings that peft gives at a second LoRA, and diffusers to itself
    pytest.mark.filterwarnings("ignore:Already found a `peft_config` attribute:UserWarning"),
    pytest.mark.filterwarnings("ignore:`callback_steps` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"),
]
ROUTES = [(model, route) for model in MODELS for route in model.routes if route.pipeline]
CATALOGUE = load_catalogue()
SIDES = 96, 64
# What a verdict says where a value asks for nothing: that is what happens without it too.
NOTHING = ("off", "nothing is hurried", "as it always is there", "the answer carries links", "not given")


@dataclass(frozen=True)
class Painted:
    """What pipelines were called with, and the pictures."""

    calls: list[dict[str, Any]]
    pictures: list[np.ndarray]

    def like(self, other: Painted) -> bool:
        """Tell whether calls and pictures are the same."""
        return alike(self.calls, other.calls) and alike(self.pictures, other.pictures)


class Painter:
    """Paints with the engine; what was painted once is known."""

    def __init__(self, engine: DiffusersEngine, runner: asyncio.Runner, heard: list[dict[str, Any]]) -> None:
        self._engine, self._runner, self._heard = engine, runner, heard
        self._known: dict[str, Painted] = {}

    def paint(self, request: Request, choice: RouteChoice) -> Painted:
        """Paint a request by a route."""
        pictures = [request.image, request.mask, *request.references]
        said = [
            request.count,
            request.width,
            request.height,
            request.size_rule,
            pictures,
            choice.pictures,
            choice.target,
        ]
        key = json.dumps([*map(str, said), choice.beside, choice.arguments], sort_keys=True)
        if key not in self._known:
            self._known[key] = self._runner.run(self._painted(request, choice))
        return self._known[key]

    async def _painted(self, request: Request, choice: RouteChoice) -> Painted:
        image = None if request.image is None else picture(request.image, output_size(request, *SIDES))
        mask = None
        if image is not None and request.mask is not None:
            mask = np.zeros((image.height, image.width), np.uint8)
            mask[:, : image.width // 2] = 255
        references = tuple(picture(one, SIDES) for one in request.references)
        self._heard.clear()
        task = Task("job", request, choice, image, mask, references)
        found = [event.pixels async for event in self._engine.run(task) if isinstance(event, RawPicture)]
        return Painted(list(self._heard), found)


@pytest.fixture(scope="module")
def painter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Painter]:
    pytest.importorskip("diffusers", reason="needs the extra diffusers")
    from tiny_checkpoints.places import save_every, save_loras

    folder = tmp_path_factory.mktemp("parameters")
    places = save_every(folder)
    settings = EngineSettings(folder / "none", checkpoints=places, devices=("cpu",), threads=1)
    registered = {name: str(place) for name, place in save_loras(folder, places).items()}
    heard: list[dict[str, Any]] = []
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner() as runner:
        few_pixels(patch)
        for name, size in small_presets().items():
            patch.setitem(size_tables.PRESETS, name, size)
        listened(heard, patch)
        loras = LoraSettings(folder / "loras", registered=registered)
        engine = DiffusersEngine(settings, loras=loras, policy=Policy(), isolation="thread")
        yield Painter(engine, runner, heard)
        runner.run(engine.close())


def few_pixels(patch: pytest.MonkeyPatch) -> None:
    """Have Qwen-Image-Edit look at pictures in few pixels: it scales them all to a megapixel otherwise."""
    from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_inpaint as inside
    from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_plus as plus

    patch.setattr(plus, "VAE_IMAGE_SIZE", 64 * 64)
    patch.setattr(plus, "CONDITION_IMAGE_SIZE", 56 * 56)
    theirs = inside.calculate_dimensions
    patch.setattr(inside, "calculate_dimensions", lambda area, ratio: theirs(64 * 64, ratio))


def listened(heard: list[dict[str, Any]], patch: pytest.MonkeyPatch) -> None:
    """Write down what pipelines are called with, and what was put on them."""
    from gesso.engines.diffusers.child import toolbox

    ours, known = toolbox.pipeline_for, set()

    @contextmanager
    def pipeline_for(loaded: Any, call: Any) -> Iterator[Any]:
        with ours(loaded, call) as pipe:
            if type(pipe) not in known:
                known.add(type(pipe))
                patch.setattr(type(pipe), "__call__", listening(type(pipe).__call__, heard))
            yield pipe

    patch.setattr(toolbox, "pipeline_for", pipeline_for)


def listening(call: Any, heard: list[dict[str, Any]]) -> Any:
    """Return a pipeline's call that writes down what it is given."""

    @wraps(call)
    def listened_to(self: Any, **given: Any) -> Any:
        seen = {name: value for name, value in given.items() if "callback" not in name}
        seen |= {"class": type(self).__name__, "generator": given["generator"].initial_seed()}
        if hasattr(self, "scheduler"):
            seen["scheduler"] = [type(self.scheduler).__name__, repr(sorted(self.scheduler.config.items(), key=str))]
        if hasattr(self, "guider"):
            seen["guider"] = repr(self.guider.config.guidance_scale)
        heard.append(seen)
        return call(self, **given)

    return listened_to


def alike(one: Any, other: Any) -> bool:
    """Tell whether two things are the same: numbers, words, arrays, tensors, pictures; dicts or lists of them."""
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(alike(one[name], other[name]) for name in one)
        )
    if isinstance(one, list | tuple):
        return isinstance(other, list | tuple) and len(one) == len(other) and all(map(alike, one, other))
    first, second = np.asarray(one), np.asarray(other)
    return first.shape == second.shape and bool(np.array_equal(first, second))


def picture(reference: PictureReference, size: tuple[int, int]) -> DecodedPicture:
    """Return the picture of that name: always the same."""
    dice = np.random.default_rng(zlib.crc32(str(reference.blob).encode()))
    width, height = size
    coarse = dice.integers(0, 256, (4, 4, 3), np.uint8)
    rgb = coarse[np.arange(height)[:, None] * 4 // height, np.arange(width)[None, :] * 4 // width]
    return DecodedPicture(rgb, None, "png")


def chosen(model: Model, route: Route, raw: dict[str, Any]) -> tuple[Request, RouteChoice]:
    """Return the request that an input is, and the route worked out for it."""
    checked = check(model, raw)
    request = to_request(model, checked, draw_seed=lambda: SEED)
    return request, choose(CATALOGUE, model, route, request, checked)


def verdict_of(choice: RouteChoice, trial: Trial) -> Verdict:
    return next(one for one in choice.verdicts if one.parameter == trial.parameter.name)


def handed_over(request: Request, choice: RouteChoice) -> Any:
    """Return what reaches the engine: words, pictures, size and number."""
    where = {one.picture: one.argument for one in choice.pictures}
    named = {"image": request.image, "mask": request.mask}
    named |= {f"reference[{i}]": one for i, one in enumerate(request.references)}
    shown = {argument: named[name] for name, argument in where.items()}
    size = request.width, request.height, request.size_rule if request.image is not None else None
    return choice.arguments, sorted((name, str(one)) for name, one in shown.items()), size, request.count


def tried(painter: Painter | None, model: Model, route: Route, trial: Trial) -> str | None:
    """Return what is wrong with a parameter's verdict, or None. Without a painter, only what is handed over is looked at."""
    before, after = chosen(model, route, trial.before), chosen(model, route, trial.after)
    verdict = verdict_of(after[1], trial)
    what = f"{trial.parameter.name} = {trial.after[trial.parameter.name]!r} is {verdict.verdict} ({verdict.reason})"
    same = handed_over(*before) == handed_over(*after)
    if not trial.counts and verdict.verdict != "ignored" and same:
        return f"{what}, and without what it needs it is not ignored"
    if verdict.verdict == "ignored" or verdict.reason.startswith(NOTHING) or trial.parameter.role in SERVER_ROLES:
        return None if before[1].arguments == after[1].arguments else f"{what}, and changes the arguments"
    if same:
        return f"{what}, and changes nothing that is handed over"
    if trial.parameter.role == "prompt_expansion":
        return None  # FLUX.2 writes at length; that it does is its family's test
    if painter is not None and painter.paint(*before).like(painter.paint(*after)):
        return f"{what}, and changes neither call nor picture"
    return None


@pytest.mark.parametrize(("model", "route"), ROUTES, ids=lambda one: getattr(one, "slug", None) or one.pipeline)
def test_each_parameter_does_what_its_verdict_says(painter: Painter, model: Model, route: Route) -> None:
    """Ignored: nothing that is handed over changes. Else what pipelines are called with does, or the picture."""
    found = [tried(None if model.slug == UNPUBLISHED else painter, model, route, one) for one in trials(model, route)]
    assert [one for one in found if one is not None] == []
    assert len(found) >= 2
