"""Ovis-Image, SANA, Bria 3.2 and HunyuanImage, which paint from words alone: what an order becomes."""

from __future__ import annotations

from typing import Any

import pytest
from family_orders import checkpoint, grey, mask, order

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.checkpoint import About
from gesso.engines.diffusers.families.table import family_of
from gesso.engines.diffusers.order import Call, Order

TARGETS = {
    "OvisImagePipeline": "AIDC-AI/Ovis-Image-7B",
    "SanaPAGPipeline": "Efficient-Large-Model/Sana_1600M_1024px_BF16_diffusers",
    "BriaPipeline": "briaai/BRIA-3.2",
    "HunyuanImagePipeline": "hunyuanvideo-community/HunyuanImage-2.1-Diffusers",
}
GUIDED = About("HunyuanImagePipeline", (("guider", "AdaptiveProjectedMixGuidance"),))
DISTILLED = About("HunyuanImagePipeline", (("transformer", "HunyuanImageTransformer2DModel"),))
SIDES = {"width": 128, "height": 64}


def asked(pipeline: str, **more: Any) -> Order:
    return order(checkpoint(TARGETS[pipeline], pipeline), **({"width": 128, "height": 64} | more))


def called(pipeline: str, known: About = GUIDED, **more: Any) -> Call:
    return family_of(pipeline).call(asked(pipeline, **more), known)


@pytest.mark.parametrize(
    ("pipeline", "usual"),
    [
        ("OvisImagePipeline", {"negative_prompt": "", "num_inference_steps": 50, "guidance_scale": 5.0}),
        (
            "SanaPAGPipeline",
            {
                "negative_prompt": "",
                "num_inference_steps": 20,
                "guidance_scale": 4.5,
                "pag_scale": 3.0,
                "use_resolution_binning": False,
            },
        ),
        ("BriaPipeline", {"negative_prompt": None, "num_inference_steps": 30, "guidance_scale": 5.0}),
        ("HunyuanImagePipeline", {"num_inference_steps": 50}),
    ],
)
def test_what_is_not_asked_for_is_as_its_card_says(pipeline: str, usual: dict[str, Any]) -> None:
    call = called(pipeline)
    assert call.pipeline == pipeline
    assert call.arguments == usual | SIDES | {"prompt": "a fox"}
    assert call.size == (128, 64)


@pytest.mark.parametrize("pipeline", TARGETS)
def test_every_word_goes_into_the_call(pipeline: str) -> None:
    family = family_of(pipeline)
    usual = called(pipeline)
    values = {
        "prompt": "a car",
        "negative_prompt": "rain",
        "num_inference_steps": 9,
        "guidance_scale": 2,
        "pag_scale": 1,
    }
    for word in family.words & set(values):
        call = called(pipeline, arguments={word: values[word]})
        apart = {"guidance_scale", "negative_prompt"} if pipeline == "HunyuanImagePipeline" else set()
        assert call.arguments == dict(usual.arguments) | ({} if word in apart else {word: values[word]})
        assert (call.guider_scale != usual.guider_scale) == (word in apart and word == "guidance_scale")
        assert (call.negative_words != usual.negative_words) == (word in apart and word == "negative_prompt")
    assert family.words - set(values) <= {
        "width",
        "height",
        "seed",
        "count",
        "acceleration",
        "check_pictures",
        "expand_prompt",
        "model_version",
    }, "a word that nothing here tries"


@pytest.mark.parametrize(
    ("pipeline", "sides"),
    [
        ("OvisImagePipeline", (112, 80)),
        ("SanaPAGPipeline", (96, 96)),
        ("BriaPipeline", (112, 80)),
        ("HunyuanImagePipeline", (128, 64)),
    ],
)
def test_sides_that_cannot_be_painted_are_scaled_to(pipeline: str, sides: tuple[int, int]) -> None:
    call = called(pipeline, width=109, height=85)
    assert (call.arguments["width"], call.arguments["height"]) == sides
    assert call.size == (109, 85)


@pytest.mark.parametrize("pipeline", TARGETS)
@pytest.mark.parametrize("pictures", [{"image": grey()}, {"mask": mask()}, {"references": (grey(),)}])
def test_pictures_are_refused(pipeline: str, pictures: dict[str, Any]) -> None:
    with pytest.raises(EngineFailed, match="from words alone"):
        family_of(pipeline).way(asked(pipeline, **pictures))
    with pytest.raises(EngineFailed, match="from words alone"):
        called(pipeline, **pictures)


def test_sanas_perturbed_attention_is_of_the_block_its_authors_name() -> None:
    assert called("SanaPAGPipeline").settings == (("pag_applied_layers", "transformer_blocks.8"),)
    assert called("SanaPAGPipeline", arguments={"pag_scale": -1}).arguments["pag_scale"] == 0.0


def test_hunyuans_guidance_is_of_a_part_of_its_own() -> None:
    assert called("HunyuanImagePipeline").guider_scale == 3.5
    assert called("HunyuanImagePipeline", arguments={"guidance_scale": 2}).guider_scale == 2.0
    assert "distilled_guidance_scale" not in called("HunyuanImagePipeline").arguments


def test_what_hunyuan_distilled_has_guidance_as_an_input() -> None:
    call = called("HunyuanImagePipeline", DISTILLED)
    assert call.guider_scale is None
    assert call.negative_words is None
    assert call.arguments["distilled_guidance_scale"] == 3.25
    assert call.arguments["num_inference_steps"] == 8
    asked_for = {"guidance_scale": 5, "num_inference_steps": 12}
    call = called("HunyuanImagePipeline", DISTILLED, arguments=asked_for)
    assert call.arguments["distilled_guidance_scale"] == 5.0
    assert call.arguments["num_inference_steps"] == 12


@pytest.mark.parametrize("pipeline", TARGETS)
def test_the_same_order_gives_the_same_call(pipeline: str) -> None:
    first, again = called(pipeline), called(pipeline)
    assert (first.arguments, first.settings, first.size) == (again.arguments, again.settings, again.size)
