"""For each parameter of a model two inputs that differ in it alone, such that it counts: what it needs beside it is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from open_weights_world import LORAS, WORDS, short
from valid_inputs import least

from gesso.catalogue.model import Argument, Model, Parameter, Route
from gesso.domain.picture import PictureReference

SEED = 7
# Values that say more than the next best would.
TELLING: dict[str, tuple[Any, ...]] = {
    "cn_type1": ("PyraCanny", "CPDS", "FaceSwap"),
    **dict.fromkeys(("cn_stop1", "cn_stop2", "cn_stop3", "cn_stop4"), (0.9,)),
    "outpaint_selections": ("Left",),
    "style_selections": ("Fooocus Sharp",),
    "uov_method": ("Vary (Strong)", "Upscale (1.5x)"),
    "use_karras_sigmas": (True,),
}


@dataclass(frozen=True)
class Trial:
    """Two inputs, and the parameter in which they differ. `counts` is False where what it needs is not there."""

    parameter: Parameter
    before: dict[str, Any]
    after: dict[str, Any]
    counts: bool = True


def trials(model: Model, route: Route) -> Iterator[Trial]:
    """Yield the trials of every parameter that has a second value; those with conditions without them too."""
    for one in model.parameters:
        if one.name in route.only_when:  # another value is another route
            continue
        argument = route.arguments.get(one.name, Argument(to=one.name))
        plain = _plain(model, route)
        needed = dict(plain)
        _give(model, route, one, argument, needed)
        needed.pop(one.name, None) if one.name not in plain else None
        for value in _values(model, route, one, needed.get(one.name, one.default)):
            yield Trial(one, needed, needed | {one.name: value})
            if needed != plain and one.name not in plain and one.role != "mask":  # a mask alone is refused
                yield Trial(one, plain, plain | {one.name: value}, counts=False)


def _plain(model: Model, route: Route) -> dict[str, Any]:
    given = {one.name: _picture(one, "first") if one.is_picture else value for one, value in _least(model)}
    seed = model.with_role("seed")
    given |= {} if seed is None else {seed.name: str(SEED) if seed.type == "string" else SEED}
    given |= {name: values[0] for name, values in route.only_when.items()}
    return short(model, given)


def _least(model: Model) -> Iterator[tuple[Parameter, Any]]:
    for name, value in least(model).items():
        parameter = model.parameter(name)
        assert parameter is not None
        yield parameter, value


def _give(model: Model, route: Route, one: Parameter, argument: Argument, given: dict[str, Any]) -> None:
    """Add to an input what a parameter needs to count."""
    for name, values in (*one.only_when.items(), *argument.only_when.items()):
        given[name] = values[0]
    for name, bound in argument.only_above.items():
        given[name] = int(bound) + 2
    wanted = [argument.only_with[0]] if argument.only_with else []
    image = model.with_role("image")
    if one.role == "mask" and image is not None:
        wanted.append(image.name)
    for name in wanted:
        other = model.parameter(name)
        if other is None or name in given:
            continue
        given[name] = next(_values(model, route, other, other.default))
        _give(model, route, other, route.arguments.get(name, Argument(to=name)), given)


def _values(model: Model, route: Route, one: Parameter, now: Any) -> Iterator[Any]:
    """Yield values other than the one there is."""
    if one.name in TELLING:
        yield from (value for value in TELLING[one.name] if value != now)
        return
    if one.is_picture:
        yield _picture(one, "other" if now else "first")
    elif one.also_size is not None:
        yield {"width": 96, "height": 80}
    elif one.enum is not None:
        others = [value for value in one.enum if value != now and value not in one.unset]
        yield from (others[-1:] if one.role in ("acceleration", "resolution") else others[:1])
    elif one.type == "boolean":
        yield not now
    elif one.role in ("loras", "lora_weights"):
        name = LORAS.get(route.target, "none")
        yield [{"path": f"{name}-1", "scale": 0.9}] if one.type == "array" else f"{name}-1"
    elif one.type in ("integer", "number"):
        yield _number(one, now)
    elif one.role == "seed":
        yield str(SEED + 1)
    elif one.type == "string":
        yield {"aspect_ratio": "16:9"}.get(one.role or "", WORDS[0] if now != WORDS[0] else WORDS[1])


def _number(one: Parameter, now: Any) -> Any:
    if one.role in ("width", "height"):
        return 128
    if one.role in ("steps", "prior_steps", "seed", "count"):
        return now + 1
    if one.name.startswith("outpaint_distance"):
        return 16.0
    least_one, most = one.minimum or 0, one.maximum if one.maximum is not None else 10
    middle = round(least_one + (most - least_one) * 0.6, 2)
    found = middle if middle != now else round(least_one + (most - least_one) * 0.8, 2)
    return int(found) if one.type == "integer" else float(found)


def _picture(one: Parameter, which: str) -> Any:
    found = PictureReference(blob=f"{one.name}-{which}")
    return [found] if one.type == "image_list" else found
