"""Every catalogue route of a vendor, asked with inputs the catalogue draws, as the vendor's file is handed it."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from PIL import Image

from gesso.catalogue.canonical import to_request
from gesso.catalogue.check import check
from gesso.catalogue.load import load_catalogue
from gesso.catalogue.model import Argument, Model, Parameter, Route
from gesso.catalogue.plan import choose
from gesso.domain.errors import InvalidInput
from gesso.domain.events import GivenFile, Task
from gesso.domain.picture import PictureReference
from gesso.domain.request import Request, RouteChoice
from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.given import asks_of
from gesso.engines.upstream.vendors import UPSTREAMS

CATALOGUE = load_catalogue()
DRAWS = 8
FILE = b"\x89PNG, says the test"


@dataclass(frozen=True, eq=False)
class Planned:
    """One ask of a route, and what it was made of."""

    model: Model
    route: Route
    given: dict[str, Any]
    request: Request
    choice: RouteChoice
    task: Task
    asks: tuple[Ask, ...]

    @property
    def ask(self) -> Ask:
        return self.asks[0]


def routes_of(vendor: str) -> list[tuple[Model, Route]]:
    """Return all routes of a vendor, in the catalogue's order."""
    found = [(model, route) for model in CATALOGUE.models for route in model.routes if route.vendor == vendor]
    assert found, f"the catalogue has no route of {vendor}"
    return found


def name_of(one: object) -> str:
    """Return a test's name for a route or model."""
    return one.target if isinstance(one, Route) else one.slug if isinstance(one, Model) else str(one)


def planned(model: Model, route: Route, given: dict[str, Any]) -> Planned:
    """Return what the route is asked for this input."""
    checked = check(model, given)
    request = to_request(model, checked, draw_seed=lambda: 7)
    choice = choose(CATALOGUE, model, route, request, checked)
    files = tuple(_file(one.argument, one.picture, one.many) for one in choice.pictures)
    task = Task("job-1", request, choice, files=files)
    return Planned(model, route, given, request, choice, task, asks_of(task, UPSTREAMS[route.vendor].mask))


def least(model: Model) -> dict[str, Any]:
    """Return the least input a model takes."""
    return _input(model, random.Random(0), 0.0)


def values_of(one: Parameter) -> list[Any]:
    """Return several values a parameter takes: all its choices, both ends of a range, some between."""
    found = list(one.allowed or ())
    found += [end for end in (one.minimum, one.maximum) if end is not None and not found]
    found += [_value(one, random.Random(seed)) for seed in range(DRAWS)]
    if one.type == "string" and one.allowed is None and one.role != "seed":
        found += ["snow on a red roof"[: one.max_length]]
    return [value for number, value in enumerate(found) if value not in found[:number]]


def drawn(model: Model, route: Route) -> Iterator[Planned]:
    """Yield the route asked with the least input, with all a model has, and with mixtures between."""
    yield planned(model, route, least(model))
    for seed in range(DRAWS):
        for share in (1.0, 0.5, 0.25):
            given = _input(model, random.Random(f"{model.slug}{seed}"), share)
            try:
                found = planned(model, route, given)
            except InvalidInput:  # its parts do not go together: an area beyond the model's, say
                continue
            yield found
            break


def arguments_of(model: Model, route: Route) -> set[str]:
    """Return every argument the route's map speaks of."""
    found = set(route.constants)
    for parameter in model.parameters:
        to = route.arguments.get(parameter.name, Argument(to=parameter.name)).to
        found |= {to} if isinstance(to, str) else set(to or ())
    return found


def check_arguments(one: Planned) -> None:
    """Check that what is sent is what the map says, and that every parameter has a verdict that fits it."""
    known = arguments_of(one.model, one.route)
    for ask in one.asks:
        assert set(ask.arguments) <= known
        assert {picture.argument for picture in ask.pictures} <= known
        assert None not in ask.arguments.values()
    assert [verdict.parameter for verdict in one.choice.verdicts] == [each.name for each in one.model.parameters]
    sent = set(one.ask.arguments) | {picture.argument for picture in one.ask.pictures}
    for verdict in one.choice.verdicts:
        argument = one.route.arguments.get(verdict.parameter, Argument(to=verdict.parameter))
        names = {argument.to} if isinstance(argument.to, str) else set(argument.to or ())
        if verdict.verdict != "ignored" and verdict.used is not None:
            assert names <= sent
    assert one.choice.repeats or one.request.count == 1 or _count(one) is not None


def _count(one: Planned) -> object:
    """Return what the vendor is told of how many pictures, where one call makes them all."""
    parameter = one.model.with_role("count")
    assert parameter is not None
    argument = one.route.arguments.get(parameter.name, Argument(to=parameter.name))
    return one.ask.arguments.get(argument.to) if isinstance(argument.to, str) else None


def _file(argument: str, picture: str, many: bool) -> GivenFile:
    role = picture.partition("[")[0]
    return GivenFile(argument, role, many, _mask() if role == "mask" else FILE, "image/png")


def _mask() -> bytes:
    data = io.BytesIO()
    Image.new("L", (8, 8), 255).save(data, "PNG")
    return data.getvalue()


def _input(model: Model, dice: random.Random, share: float) -> dict[str, Any]:
    given = {one.name: _value(one, dice) for one in model.parameters if one.must_be_given or dice.random() < share}
    image, mask = model.with_role("image"), model.with_role("mask")
    if image is not None and mask is not None and mask.name in given:
        given.setdefault(image.name, _value(image, dice))
    return given


def _value(one: Parameter, dice: random.Random) -> Any:
    if one.is_picture:
        picture = PictureReference(url="https://example.org/a.png")
        return [picture] * max(one.min_items or 0, min(2, one.max_items or 2)) if one.type == "image_list" else picture
    if one.allowed is not None:
        if one.also_size is not None and dice.random() < 0.3:
            return {"width": 1536, "height": 2048}
        return dice.choice(one.allowed)
    lowest, most = one.minimum or 0, 100 if one.maximum is None else one.maximum
    match one.type:
        case "boolean":
            return dice.random() < 0.5
        case "integer":
            if one.role in ("width", "height"):
                return dice.choice([512, 1024, 1280])
            step = int(one.multiple_of or 1)
            return dice.randint(-(-int(lowest) // step), int(most) // step) * step
        case "number":
            return round(dice.uniform(lowest, most), 2)
        case "array":
            return [{"path": "https://example.org/a.safetensors", "scale": 0.5}] if one.fields else [0.5]
    if one.role == "seed":
        return "7"
    if one.role == "aspect_ratio":
        return "4:3"
    if one.role == "size":
        return "1024x768"
    if one.role == "background":
        return "#336699"
    return "a red fox in the snow"[: one.max_length]
