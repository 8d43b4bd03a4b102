"""The catalogue's models with an eighth of their sides, so that tiny weights paint them soon: all else is as it is."""

from __future__ import annotations

from typing import Any

from gesso.catalogue import size_tables
from gesso.catalogue.load import Catalogue, load_catalogue
from gesso.catalogue.model import Model, Parameter, Resolution, Sizing
from gesso.catalogue.sizes import parse_sides

PART = 8
AREA = (1024 // PART) ** 2
LEAST_SIDE = 64


def small_catalogue(*args: Any, **settings: Any) -> Catalogue:
    """Return what `load_catalogue` does, with smaller pictures."""
    found = load_catalogue(*args, **settings)
    return Catalogue([smaller(model) for model in found.models], found.replaced, found.aliases)


def shrink_presets() -> None:
    """Have "square_hd" and the other names of sizes mean smaller ones, in this process from now on."""
    size_tables.PRESETS.update(small_presets())


def small_presets() -> dict[str, tuple[int, int]]:
    """Return "square_hd" and the other names of sizes with smaller ones."""
    return {
        name: (max(LEAST_SIDE, width // PART), max(LEAST_SIDE, height // PART))
        for name, (width, height) in size_tables.PRESETS.items()
    }


def look_in_few_pixels() -> None:
    """Have Qwen-Image-Edit look at pictures in few pixels, in this process from now on: in a megapixel otherwise."""
    from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_inpaint as inside
    from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_plus as plus

    plus.VAE_IMAGE_SIZE, plus.CONDITION_IMAGE_SIZE = 64 * 64, 56 * 56
    theirs = inside.calculate_dimensions
    inside.calculate_dimensions = lambda area, ratio: theirs(64 * 64, ratio)


def smaller(model: Model) -> Model:
    """Return a model whose sizes are an eighth, as far as its own choices go."""
    if not any(route.engine == "diffusers" for route in model.routes):
        return model
    parameters = tuple(_smaller_choices(one) for one in model.parameters)
    return model.model_copy(update={"parameters": parameters, "sizing": _smaller_sizes(model.sizing)})


def _smaller_sizes(sizing: Sizing) -> Sizing:
    sides = {name: getattr(sizing, name) for name in ("default_width", "default_height", "edit_long_side")}
    changed: dict[str, Any] = {name: None if side is None else max(64, side // PART) for name, side in sides.items()}
    resolutions = {name: _smaller(one) for name, one in sizing.resolutions.items()}
    changed |= {"area_pixels": AREA, "ratios": {}, "resolutions": resolutions}
    if sizing.edit_area_pixels is not None:
        changed["edit_area_pixels"] = AREA
    return sizing.model_copy(update=changed)


def _smaller(one: Resolution) -> Resolution:
    area = None if one.area_pixels is None else one.area_pixels // PART**2
    side = None if one.long_side is None else max(2 * LEAST_SIDE, one.long_side // PART)
    return one.model_copy(update={"area_pixels": area, "long_side": side})


def _smaller_choices(one: Parameter) -> Parameter:
    """Return a parameter of sizes in pixels with smaller ones."""
    changed: dict[str, Any] = {}
    if one.also_size is not None:
        changed["also_size"] = one.also_size.model_copy(update={"side_min": max(16, one.also_size.side_min // PART)})
    if one.role == "size" and one.enum is not None:
        changed |= {"enum": tuple(map(_an_eighth, one.enum)), "default": _an_eighth(one.default)}
    if one.role in ("width", "height") and one.enum is not None:
        changed |= {"enum": (64, 128, 192), "default": 64}
    return one.model_copy(update=changed)


def _an_eighth(text: object) -> str:
    sides = parse_sides(str(text))
    assert sides is not None
    return "*".join(str(max(LEAST_SIDE, side // PART)) for side in sides)
