"""Fooocus' parameters: what each changes in the call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from family_orders import about, checkpoint, grey, mask, order

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.families.maps import contrasts, edges
from gesso.engines.diffusers.families.sdxl import StableDiffusionXL
from gesso.engines.diffusers.order import Call, Given, Order

XL = checkpoint(
    "fooocus", "StableDiffusionXLPipeline", "control_edges", "control_depth", "ip_adapter", "ip_adapter_face"
)
QUICK = checkpoint("fooocus", "StableDiffusionXLPipeline", "quick")
USUAL = {"performance": "Speed", "variation": "Disabled", "styles": "Fooocus Sharp"}


def ordered(weights: Any = XL, **fields: Any) -> Order:
    return order(weights, arguments=USUAL | fields.pop("arguments", {}), **fields)


def call(weights: Any = XL, **fields: Any) -> Call:
    return StableDiffusionXL().call(ordered(weights, **fields), about())


def way(**fields: Any) -> str:
    found = StableDiffusionXL().way(ordered(**fields))
    classes = {"generate": "", "image_to_image": "Img2Img", "inpaint": "Inpaint"}
    assert call(**fields).pipeline == f"StableDiffusionXL{classes[found]}Pipeline"
    return found


def test_performance_is_steps_and_scheduler() -> None:
    speed, quality = call(), call(arguments={"performance": "Quality"})
    assert (speed.arguments["num_inference_steps"], quality.arguments["num_inference_steps"]) == (30, 60)
    assert speed.arguments["guidance_scale"] == 7.0
    assert speed.scheduling is not None
    assert speed.scheduling.name == "DPMSolverMultistepScheduler"
    with pytest.raises(EngineFailed, match="no performance 'Warp'"):
        call(arguments={"performance": "Warp"})


def test_extreme_speed_needs_its_adapter() -> None:
    asked = {"performance": "Extreme Speed", "guidance_scale": 6}
    quick = call(QUICK, arguments=asked)
    assert quick.scheduling is not None
    assert quick.scheduling.name == "LCMScheduler"
    assert (quick.arguments["num_inference_steps"], quick.arguments["guidance_scale"]) == (8, 1.0)
    without = call(arguments=asked)
    assert without.arguments == call(arguments={"guidance_scale": 6}).arguments
    assert without.scheduling == call().scheduling


@pytest.mark.parametrize(
    ("method", "factor", "size", "strength", "steps"),
    [
        ("Vary (Subtle)", 0, (40, 24), 0.5, 36),
        ("Vary (Strong)", 0, (40, 24), 0.85, 22),
        ("Upscale (1.5x)", 0, (60, 36), 0.382, 48),
        ("Upscale (2x)", 0, (80, 48), 0.382, 48),
        ("Upscale (Fast 2x)", 0, (80, 48), 0.2, 90),
        ("Upscale (Custom)", 3, (120, 72), 0.382, 48),
        ("Upscale (Custom)", 0, (40, 24), 0.382, 48),
    ],
)
def test_a_picture_is_varied_or_enlarged(
    method: str, factor: float, size: tuple[int, int], strength: float, steps: int
) -> None:
    asked = {"variation": method, "variation_factor": factor}
    shown = (Given("vary_image", grey(40, 24)),)
    assert way(arguments=asked, given=shown) == "image_to_image"
    found = call(arguments=asked, given=shown)
    assert found.size == size
    assert found.arguments["strength"] == strength
    assert found.arguments["num_inference_steps"] == steps
    assert int(steps * strength) == 18


def test_a_picture_to_vary_goes_before_the_one_to_repaint() -> None:
    shown = (Given("vary_image", grey(40, 24, 9)),)
    asked = {"variation": "Vary (Subtle)"}
    assert way(arguments=asked, given=shown, image=grey(), mask=mask()) == "image_to_image"
    assert call(arguments=asked, given=shown, image=grey(), mask=mask()).pictures["image"].max() == 9
    assert way(given=shown, image=grey(), mask=mask()) == "inpaint", "disabled, it counts for nothing"
    with pytest.raises(EngineFailed, match="no way 'Melt'"):
        call(arguments={"variation": "Melt"}, given=shown)


def test_what_is_enlarged_is_painted_at_most_in_four_megapixels() -> None:
    shown = (Given("vary_image", grey(3000, 1500)),)
    found = call(arguments={"variation": "Upscale (2x)"}, given=shown)
    assert found.size == (6000, 3000)
    height, width = found.pictures["image"].shape[:2]
    assert (width, height) == (2896, 1448)


def test_repainting_has_words_of_its_own() -> None:
    found = call(image=grey(), mask=mask(), arguments={"inpaint_prompt": "a hat"})
    assert found.pipeline == "StableDiffusionXLInpaintPipeline"
    assert found.arguments["prompt"].startswith("a hat, a fox, ")
    assert np.array_equal(found.pictures["mask_image"], mask())
    assert "a hat" not in call(arguments={"inpaint_prompt": "a hat"}).arguments["prompt"], "nothing is repainted"


def test_a_picture_alone_is_varied_a_little() -> None:
    assert way(image=grey()) == "image_to_image"
    assert call(image=grey()).arguments["strength"] == 0.5


@pytest.mark.parametrize(
    ("asked", "size", "kept"),
    [
        ({"outpaint_left": 16}, (80, 48), (slice(0, 48), slice(16, 80))),
        ({"outpaint_right": 16}, (80, 48), (slice(0, 48), slice(0, 64))),
        ({"outpaint_top": 8}, (64, 56), (slice(8, 56), slice(0, 64))),
        ({"outpaint_bottom": 8}, (64, 56), (slice(0, 48), slice(0, 64))),
        ({"outpaint_sides": "Left,Top"}, (83, 62), None),
        ({"outpaint_sides": ["Right"], "outpaint_right": 16}, (80, 48), (slice(0, 48), slice(0, 64))),
    ],
)
def test_a_picture_is_extended(asked: dict[str, Any], size: tuple[int, int], kept: Any) -> None:
    picture = grey()
    picture.rgb[0, 0] = 0  # the border goes on outwards
    assert way(image=picture, arguments=asked) == "inpaint"
    found = call(image=picture, arguments=asked)
    assert found.size == size
    if kept is not None:
        expected = np.full(size[::-1], 255, np.uint8)
        expected[kept] = 0
        assert np.array_equal(found.pictures["mask_image"], expected)
        assert np.array_equal(found.pictures["image"][kept], picture.rgb)
    both = call(image=picture, mask=mask(), arguments=asked).pictures["mask_image"]
    assert both.mean() > found.pictures["mask_image"].mean(), "a mask is painted besides"


def test_no_side_to_extend_is_no_mask() -> None:
    assert way(image=grey(), arguments={"outpaint_sides": "", "outpaint_left": 0}) == "image_to_image"


@pytest.mark.parametrize(
    ("kind", "part", "make", "usual"),
    [("PyraCanny", "control_edges", edges, (1.0, 0.5)), ("CPDS", "control_depth", contrasts, (1.0, 0.5))],
)
def test_forms_of_a_picture_guide_through_a_control_network(
    kind: str, part: str, make: Any, usual: tuple[float, float]
) -> None:
    shown = grey()
    shown.rgb[16:32, 16:40] = 255
    given = (Given("control[1]", shown),)
    found = call(given=given, arguments={"control_type[1]": kind})
    assert found.pipeline == "StableDiffusionXLControlNetPipeline"
    assert (found.arguments["controlnet_conditioning_scale"], found.arguments["control_guidance_end"]) == usual
    assert np.array_equal(found.pictures["image"], make(shown.rgb))
    assert attached(found) == [("control", (part,))]
    asked = {"control_type[1]": kind, "control_weight[1]": 0.3, "control_stop[1]": 0.8, "control_weight[0]": 2}
    found = call(given=given, arguments=asked)
    assert (found.arguments["controlnet_conditioning_scale"], found.arguments["control_guidance_end"]) == (0.3, 0.8)


def test_a_guiding_picture_is_cut_to_the_shape_of_what_is_painted() -> None:
    shown = grey(200, 48, 0)
    shown.rgb[:, 100:] = 255
    (lines,) = call(given=(Given("control[0]", shown),), arguments={"control_type[0]": "PyraCanny"}).pictures.values()
    assert lines.shape == (48, 64, 3)
    assert lines[:, 30:34].max() == 255
    assert not lines[:, :24].any(), "the middle is kept"


@pytest.mark.parametrize(
    ("kind", "part", "usual"), [("ImagePrompt", "ip_adapter", (0.6, 0.5)), ("FaceSwap", "ip_adapter_face", (0.75, 0.9))]
)
def test_content_and_faces_guide_through_an_adapter(kind: str, part: str, usual: tuple[float, float]) -> None:
    given = (Given("control[0]", grey(value=3)),)
    found = call(given=given, arguments={"control_type[0]": kind})
    (one,) = found.attachments
    assert (one.kind, one.parts, one.scale, one.until) == ("ip_adapter", (part,), [usual[0]], (usual[1],))
    assert found.pictures["ip_adapter_image"][0][0].max() == 3
    asked = {"control_type[0]": kind, "control_weight[0]": 0.2, "control_stop[0]": 1}
    (one,) = call(given=given, arguments=asked).attachments
    assert (one.scale, one.until) == ([0.2], ())


def test_four_guiding_pictures_of_each_type_at_once() -> None:
    kinds = ("CPDS", "FaceSwap", "PyraCanny", "ImagePrompt")
    asked = {f"control_type[{place}]": kind for place, kind in enumerate(kinds)}
    given = tuple(Given(f"control[{place}]", grey(value=place)) for place in range(4))
    found = call(given=given, arguments=asked, image=grey(), mask=mask())
    assert found.pipeline == "StableDiffusionXLControlNetInpaintPipeline"
    assert len(found.pictures["control_image"]) == 2
    assert found.arguments["controlnet_conditioning_scale"] == [1.0, 1.0]
    assert attached(found) == [
        ("control", ("control_depth", "control_edges")),
        ("ip_adapter", ("ip_adapter_face", "ip_adapter")),
    ]
    assert [pictures[0].max() for pictures in found.pictures["ip_adapter_image"]] == [1, 3]


def test_a_type_of_guiding_picture_that_there_is_not_is_refused() -> None:
    with pytest.raises(EngineFailed, match="no guiding picture of type 'Mood'"):
        call(given=(Given("control[0]", grey()),), arguments={"control_type[0]": "Mood"})


def attached(found: Call) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.kind, one.parts) for one in found.attachments]
