"""Which weights beside a checkpoint a request needs: those that only some requests use are not asked for by others."""

from __future__ import annotations

import pytest

from gesso.catalogue.describe import bare_choice
from gesso.catalogue.load import load_catalogue
from gesso.domain.request import PictureArgument, RouteChoice
from gesso.engines.diffusers.needed import SOMETIMES, needed_beside

ALL = {use: f"owner/{use}" for use in (*SOMETIMES, "adapter", "base")}
ALWAYS = {"adapter", "base"}


def route(*arguments: str, **said: str) -> RouteChoice:
    pictures = tuple(PictureArgument(argument=one, picture=f"reference[{i}]") for i, one in enumerate(arguments))
    named = {name.replace("control_type", "control_type[0]"): value for name, value in said.items()}
    return RouteChoice(engine="diffusers", fidelity="exact", runs="x", beside=ALL, pictures=pictures, arguments=named)


@pytest.mark.parametrize(
    ("asked", "more"),
    [
        (route(), set()),
        (route("image", "mask_image", "references", "vary_image"), set()),
        (route("image_prompts"), {"ip_adapter"}),
        (
            route("style[0]", "identity[0]", "identity[1]", "depth[0]"),
            {"ip_adapter", "ip_adapter_face", "control_depth"},
        ),
        (route("control[0]"), {"ip_adapter"}),
        (route("control[0]", control_type="ImagePrompt"), {"ip_adapter"}),
        (route("control[0]", control_type="FaceSwap"), {"ip_adapter_face"}),
        (route("control[0]", control_type="PyraCanny"), {"control_edges"}),
        (route("control[0]", control_type="CPDS"), {"control_depth"}),
        (route("control[1]", control_type="CPDS"), {"ip_adapter"}),  # another picture's type
        (route(control_type="CPDS"), set()),  # and no picture
        (route(performance="Extreme Speed"), {"quick"}),
        (route(performance="Speed"), set()),
    ],
)
def test_weights_are_needed_where_something_uses_them(asked: RouteChoice, more: set[str]) -> None:
    assert set(needed_beside(asked)) == ALWAYS | more


def test_of_every_model_what_all_requests_need_is_asked_for() -> None:
    for model in load_catalogue().models:
        for one in model.routes:
            if one.engine == "diffusers":
                needed = needed_beside(bare_choice(model, one))
                assert set(one.beside) - set(needed) <= SOMETIMES
