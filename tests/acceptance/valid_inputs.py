"""Inputs that a model takes, drawn from what its file says: the least, or any mixture of its parameters."""

from __future__ import annotations

import base64
import io
import random
from typing import Any

from PIL import Image

from gesso.catalogue.model import Model, Parameter

MOST_PICTURES = 4  # of one job: more take time and show nothing
MOST_STEPS = 6
WORDS = "a red balloon on a blue background"


def picture(width: int = 96, height: int = 64, mode: str = "RGB") -> str:
    """Return a small PNG as a data URI; in mode RGBA its middle is transparent."""
    data, gradient = io.BytesIO(), Image.radial_gradient("L").resize((width, height))
    made = gradient.convert(mode)
    if mode == "RGBA":
        made.putalpha(gradient)
    made.save(data, "PNG")
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()


def least(model: Model) -> dict[str, Any]:
    """Return only what has to be given."""
    dice = random.Random(0)
    return {one.name: value_for(one, dice) for one in model.parameters if one.required and one.default is None}


def drawn(model: Model, dice: random.Random) -> dict[str, Any]:
    """Return the least and, of all else, what the dice say."""
    given = least(model)
    for one in model.parameters:
        if one.name not in given and dice.random() < 0.6:
            given[one.name] = value_for(one, dice)
    image, mask = model.with_role("image"), model.with_role("mask")
    if image is not None and mask is not None and mask.name in given:
        given.setdefault(image.name, value_for(image, dice))  # a mask goes with an image
        if model.mask_polarity == "transparent":
            given[mask.name] = picture(mode="RGBA")
    return given


def value_for(parameter: Parameter, dice: random.Random) -> Any:
    """Return a value the parameter takes."""
    if parameter.is_picture:
        made = picture(mode="L" if parameter.role == "mask" else "RGB")
        return [made] if parameter.type == "image_list" else made
    if parameter.enum is not None:
        return dice.choice([one for one in parameter.enum if parameter.role != "count" or int(one) <= MOST_PICTURES])
    match parameter.type:
        case "boolean":
            return dice.random() < 0.5
        case "integer":
            return whole(parameter, dice)
        case "number":
            return round(dice.uniform(parameter.minimum or 0, min(parameter.maximum or 1, 30)), 2)
        case "array":
            return [{one.name: text_for(one) for one in parameter.fields if one.required}] if parameter.fields else []
    return text_for(parameter)


def whole(parameter: Parameter, dice: random.Random) -> int:
    """Return an integer within the range, few where it costs time."""
    if parameter.role in ("width", "height"):
        return dice.choice([512, 768, 1024])  # what every model that takes sides takes
    least_one, most = int(parameter.minimum or 0), int(parameter.maximum if parameter.maximum is not None else 100)
    most = min(most, {"count": MOST_PICTURES, "count_limit": MOST_PICTURES, "steps": max(MOST_STEPS, least_one)}.get(
        parameter.role or "", most
    ))  # fmt: skip
    step = int(parameter.multiple_of or 1)
    return dice.randint(-(-least_one // step), most // step) * step


def text_for(parameter: Parameter) -> str:
    """Return text of a fitting length; a seed written as text is a number."""
    if parameter.role == "seed":
        return "7"
    if parameter.role == "aspect_ratio":
        return "4:3"
    if parameter.role == "size":
        return "1024x768"
    if parameter.role == "background":
        return "#336699"
    return (WORDS if parameter.type == "string" else "https://example.org/weights")[: parameter.max_length]
