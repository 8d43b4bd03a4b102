"""Models and random inputs for the catalogue's tests."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from gesso.catalogue.canonical import to_request
from gesso.catalogue.check import Checked, check
from gesso.catalogue.limits import bounds
from gesso.catalogue.load import load_catalogue
from gesso.catalogue.model import Model, Parameter
from gesso.domain.picture import PictureReference
from gesso.domain.request import Request

ODD_MODELS = Path(__file__).parent / "models"
CATALOGUE = load_catalogue([ODD_MODELS])
PICTURE = PictureReference(url="https://example.org/a.png")

MODELS = st.sampled_from(CATALOGUE.models)


def asked(slug: str, raw: dict[str, Any], unknown: Any = "refuse", seed: int = 7) -> tuple[Model, Checked, Request]:
    """Check an input and turn it into a request; a seed left open becomes `seed`."""
    model = CATALOGUE.get(slug)
    checked = check(model, raw, unknown=unknown)
    return model, checked, to_request(model, checked, draw_seed=lambda: seed)


def fitting(parameter: Parameter) -> st.SearchStrategy[Any]:
    """Values a parameter takes, in its own type."""
    if parameter.allowed is not None:
        choices = st.sampled_from(parameter.allowed)
        if parameter.also_size is None:
            return choices
        limits = parameter.also_size
        side = max(limits.side_min, math.ceil(math.sqrt(limits.area_min or 0)))
        side = -(-side // limits.multiple_of) * limits.multiple_of
        return choices | st.just({"width": side, "height": side})
    match parameter.type:
        case "integer" | "number":
            least, most = bounds(parameter)
            if parameter.type == "integer":
                step = int(parameter.multiple_of or 1)
                return st.integers(-(-int(least) // step), int(most) // step).map(lambda n: n * step)
            if parameter.multiple_of is not None:
                return st.integers(int(least), int(most)).map(float)
            return st.floats(least, most)
        case "boolean":
            return st.booleans()
        case "image":
            return st.just(PICTURE) | st.just("https://example.org/b.png")
        case "image_list":
            return st.lists(st.just(PICTURE), min_size=parameter.min_items or 0, max_size=parameter.max_items or 3)
        case "array":
            lora = st.builds(dict, path=st.just("a/b"), scale=st.floats(0, 4))
            item = st.floats(0, 1) if parameter.item == "number" else lora
            return st.lists(item, max_size=parameter.max_items or 3)
    if parameter.role == "seed":
        return st.integers(0, 2147483647).map(str)
    if parameter.role == "aspect_ratio":
        return st.sampled_from(["1:1", "16:9", "3:4", "2.39:1"])
    if parameter.role == "size":
        return st.sampled_from(["512x512", "1024x768", "1024x1536"])
    if parameter.pattern is not None:
        return st.from_regex(parameter.pattern, fullmatch=True)
    return st.text("abc äé漢", min_size=max(3, parameter.min_length or 0), max_size=12).filter(lambda t: t.strip())


def inputs(model: Model) -> st.SearchStrategy[dict[str, Any]]:
    """Inputs whose every value fits its own parameter; together they may still be refused (an area, a mask alone)."""
    required = {one.name: fitting(one) for one in model.parameters if one.must_be_given}
    optional = {one.name: fitting(one) for one in model.parameters if not one.must_be_given}
    return st.fixed_dictionaries(required, optional=optional)
