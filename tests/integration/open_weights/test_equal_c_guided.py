"""SDXL guided by pictures, as Fooocus, Omni-Zero and Bria ask for it: the pixels of plain diffusers, called by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

import diffusers
import torch
from beside import save_beside
from diffusers.image_processor import IPAdapterMaskProcessor
from equality import checkpoint, left_half, order, ours, painted, picture, plain, read
from PIL import Image

from gesso.engines.diffusers.checkpoint import Checkpoint
from gesso.engines.diffusers.families.fooocus import PERFORMANCES, SCHEDULING, Performance
from gesso.engines.diffusers.families.maps import contrasts, edges
from gesso.engines.diffusers.order import Given

Tiny = Callable[[str], Path]
SIDE = 64
SIDES = {"width": SIDE, "height": SIDE}
STEPS = 4
IMAGE, FIRST, SECOND = (
    picture(SIDE, SIDE),
    picture(SIDE, SIDE, 4, (90, 200, 255)),
    picture(SIDE, SIDE, 16, (20, 255, 60)),
)
WORDS: dict[str, Any] = {"prompt": "a red fox", "guidance_scale": 3.0, "negative_prompt": "fog"}
FOOOCUS: dict[str, Any] = {"performance": "Speed", "guidance_scale": 3.0, "negative_prompt": "fog"}


@pytest.fixture(scope="module")
def beside(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return where a ControlNet for edges and one for depth lie, an IP-Adapter and one for faces."""
    return save_beside(tmp_path_factory.mktemp("beside"), read(tiny("sdxl")).unet)


@pytest.fixture
def weights(tiny: Tiny, beside: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Checkpoint:
    monkeypatch.setitem(PERFORMANCES, "Speed", Performance(STEPS, 2))
    return checkpoint(tiny("sdxl"), beside=tuple(beside.items()))


def fooocus(weights: Checkpoint, *given: Given, image: Any = None, mask: Any = None, **asked: Any) -> np.ndarray:
    arguments = {"prompt": "a red fox"} | FOOOCUS | asked
    made = order(weights, given=given, image=image, mask=mask, arguments=arguments, **SIDES)
    made.arguments.pop("num_inference_steps")  # type: ignore[attr-defined]  # performance says them
    return ours(made)


def hand(weights: Checkpoint, kind: str, **parts: Any) -> Any:
    """Return a pipeline with Fooocus' scheduler."""
    pipe = plain(weights.path, kind, **parts)
    named: Any = getattr(diffusers, SCHEDULING.name)
    pipe.scheduler = named.from_config(pipe.scheduler.config, **dict(SCHEDULING.settings))
    return pipe


def control(beside: dict[str, Path], name: str) -> Any:
    return diffusers.ControlNetModel.from_pretrained(beside[name])


def as_pil(given: Any) -> Image.Image:
    return Image.fromarray(given if isinstance(given, np.ndarray) else given.rgb)


def same(found: np.ndarray, wanted: np.ndarray) -> None:
    assert wanted.std() > 5
    assert found.shape == wanted.shape
    assert np.array_equal(found, wanted)


# ── plain Fooocus, its pictures ───────────────────────────────────────────────────────────────────────


def test_words_and_a_style(weights: Checkpoint) -> None:
    wanted = painted(hand(weights, "StableDiffusionXLPipeline"), num_inference_steps=STEPS, **SIDES, **WORDS)
    same(fooocus(weights), wanted)
    assert not np.array_equal(wanted, fooocus(weights, styles="SAI Anime"))
    assert not np.array_equal(wanted, fooocus(weights, performance="Quality"))


def test_a_picture_varied_and_enlarged(weights: Checkpoint) -> None:
    shown = Given("vary_image", FIRST)
    pipe = hand(weights, "StableDiffusionXLImg2ImgPipeline")
    wanted = painted(pipe, image=as_pil(FIRST), strength=0.5, num_inference_steps=4, **WORDS)
    same(fooocus(weights, shown, variation="Vary (Subtle)"), wanted)
    large = as_pil(FIRST).resize((96, 96), Image.Resampling.LANCZOS)
    wanted = painted(pipe, image=large, strength=0.382, num_inference_steps=6, **WORDS)
    same(fooocus(weights, shown, variation="Upscale (1.5x)"), wanted)


def test_a_picture_extended(weights: Checkpoint) -> None:
    canvas = np.pad(IMAGE.rgb, ((0, 0), (0, 32), (0, 0)), mode="edge")
    mask = np.zeros(canvas.shape[:2], np.uint8)
    mask[:, SIDE:] = 255
    pipe = hand(weights, "StableDiffusionXLInpaintPipeline")
    pictures = {"image": as_pil(canvas), "mask_image": as_pil(mask), "strength": 1.0}
    wanted = painted(pipe, num_inference_steps=STEPS, width=96, height=SIDE, **pictures, **WORDS)
    same(fooocus(weights, image=IMAGE, outpaint_right=32), wanted)


# ── ControlNets ───────────────────────────────────────────────────────────────────────────────────────


def test_edges_guide_from_words(weights: Checkpoint, beside: dict[str, Path]) -> None:
    pipe = hand(weights, "StableDiffusionXLControlNetPipeline", controlnet=control(beside, "control_edges"))
    how = {"controlnet_conditioning_scale": 0.7, "control_guidance_end": 0.5}
    lines = as_pil(edges(FIRST.rgb))
    wanted = painted(pipe, image=lines, num_inference_steps=STEPS, **SIDES, **WORDS, **how)
    asked = {"control_type[0]": "PyraCanny", "control_weight[0]": 0.7, "control_stop[0]": 0.5}
    found = fooocus(weights, Given("control[0]", FIRST), **asked)
    same(found, wanted)
    for changed in ({"control_weight[0]": 1.5}, {"control_stop[0]": 1.0}, {"control_type[0]": "CPDS"}):
        assert not np.array_equal(found, fooocus(weights, Given("control[0]", FIRST), **(asked | changed)))


def test_contrasts_guide_from_a_picture(weights: Checkpoint, beside: dict[str, Path]) -> None:
    pipe = hand(weights, "StableDiffusionXLControlNetImg2ImgPipeline", controlnet=control(beside, "control_depth"))
    how = {"controlnet_conditioning_scale": 1.0, "control_guidance_end": 0.5, "strength": 0.5}
    pictures = {"image": as_pil(IMAGE), "control_image": as_pil(contrasts(FIRST.rgb))}
    wanted = painted(pipe, num_inference_steps=4, **SIDES, **WORDS, **how, **pictures)
    same(fooocus(weights, Given("control[2]", FIRST), image=IMAGE, **{"control_type[2]": "CPDS"}), wanted)


def test_two_guide_inside_a_mask(weights: Checkpoint, beside: dict[str, Path]) -> None:
    both = [control(beside, name) for name in ("control_edges", "control_depth")]
    pipe = hand(weights, "StableDiffusionXLControlNetInpaintPipeline", controlnet=both)
    mask = left_half(SIDE, SIDE)
    maps = [as_pil(edges(FIRST.rgb)), as_pil(contrasts(SECOND.rgb))]
    how = {"controlnet_conditioning_scale": [1.0, 0.4], "control_guidance_end": [0.5, 1.0], "strength": 1.0}
    pictures = {"image": as_pil(IMAGE), "mask_image": as_pil(mask), "control_image": maps}
    wanted = painted(pipe, num_inference_steps=STEPS, **SIDES, **WORDS, **how, **pictures)
    given = (Given("control[0]", FIRST), Given("control[1]", SECOND))
    asked = {
        "control_type[0]": "PyraCanny",
        "control_type[1]": "CPDS",
        "control_weight[1]": 0.4,
        "control_stop[1]": 1.0,
    }
    same(fooocus(weights, *given, image=IMAGE, mask=mask, **asked), wanted)


# ── IP-Adapters ───────────────────────────────────────────────────────────────────────────────────────


def with_adapters(pipe: Any, beside: dict[str, Path], names: list[str], scale: Any) -> Any:
    pipe.load_ip_adapter(
        str(beside["ip_adapter"]), subfolder="sdxl_models", weight_name=names, image_encoder_folder="image_encoder"
    )
    pipe.set_ip_adapter_scale(scale)
    return pipe


CONTENT, FACE = "ip-adapter.safetensors", "ip-adapter-plus-face.safetensors"


@pytest.mark.parametrize(("mode", "scale"), [("regular", 0.7), ("style_only", {"up": {"block_0": [0.0, 0.7]}})])
def test_pictures_guide_as_bria_has_it(weights: Checkpoint, beside: dict[str, Path], mode: str, scale: Any) -> None:
    without = ours(order(weights, arguments=WORDS, **SIDES))
    pipe = with_adapters(plain(weights.path, "StableDiffusionXLPipeline"), beside, [CONTENT], scale)
    shown = [[as_pil(FIRST), as_pil(SECOND)]]
    wanted = painted(pipe, num_inference_steps=2, ip_adapter_image=shown, **SIDES, **WORDS)
    pipe.unload_ip_adapter()
    given = (Given("image_prompts", FIRST), Given("image_prompts", SECOND))
    asked = WORDS | {"image_prompt_mode": mode, "image_prompt_scale": 0.7}
    same(ours(order(weights, given=given, arguments=asked, **SIDES)), wanted)
    assert not np.array_equal(wanted, without)
    assert np.array_equal(ours(order(weights, arguments=WORDS, **SIDES)), without), "no trace of the adapter is left"


def test_content_and_a_face_guide_until_their_share_of_the_steps(weights: Checkpoint, beside: dict[str, Path]) -> None:
    pipe = with_adapters(hand(weights, "StableDiffusionXLPipeline"), beside, [CONTENT, FACE], [0.8, 0.6])
    shown = [[as_pil(FIRST)], [as_pil(SECOND)]]

    def ends(pipe: Any, step: int, _time: Any, words: dict[str, Any]) -> dict[str, Any]:
        pipe.set_ip_adapter_scale([0.8 if step + 2 <= 0.5 * STEPS else 0.0, 0.6 if step + 2 <= 0.75 * STEPS else 0.0])
        return words

    wanted = painted(
        pipe, num_inference_steps=STEPS, ip_adapter_image=shown, callback_on_step_end=ends, **SIDES, **WORDS
    )
    pipe.unload_ip_adapter()
    given = (Given("control[0]", FIRST), Given("control[3]", SECOND))
    asked = {
        "control_weight[0]": 0.8,
        "control_stop[0]": 0.5,
        "control_type[3]": "FaceSwap",
        "control_weight[3]": 0.6,
        "control_stop[3]": 0.75,
    }
    found = fooocus(weights, *given, **asked)
    same(found, wanted)
    for changed in ({"control_stop[0]": 0.25}, {"control_stop[3]": 1.0}, {"control_type[3]": "ImagePrompt"}):
        assert not np.array_equal(found, fooocus(weights, *given, **(asked | changed)))


def test_two_people_in_their_halves_in_a_style_over_depth(weights: Checkpoint, beside: dict[str, Path]) -> None:
    depth = control(beside, "control_depth")
    pipe = plain(weights.path, "StableDiffusionXLControlNetImg2ImgPipeline", controlnet=depth)
    scales = [0.9, 0.8, {"up": {"block_0": [0.0, 0.7]}}]
    with_adapters(pipe, beside, [FACE, FACE, CONTENT], scales)
    left = left_half(SIDE, SIDE)
    masks = [region(left), region(255 - left), None]

    def region_from(pipe: Any, step: int, _time: Any, words: dict[str, Any]) -> dict[str, Any]:
        within = (step + 1) / STEPS >= 0.25 and (step + 2) / STEPS <= 0.75
        pipe._cross_attention_kwargs = {"ip_adapter_masks": masks} if within else None
        return words

    wanted = painted(
        pipe,
        image=as_pil(IMAGE),
        control_image=as_pil(SECOND),
        strength=1.0,
        controlnet_conditioning_scale=0.3,
        control_guidance_end=1.0,
        num_inference_steps=STEPS,
        ip_adapter_image=[[as_pil(FIRST)], [as_pil(SECOND)], [as_pil(IMAGE)]],
        callback_on_step_end=region_from,
        **SIDES,
        **WORDS,
    )
    pipe.unload_ip_adapter()
    given = (
        Given("identity[0]", FIRST),
        Given("identity[1]", SECOND),
        Given("style[0]", IMAGE),
        Given("depth[0]", SECOND),
    )
    asked = WORDS | {
        "num_inference_steps": STEPS,
        "strength": 1.0,
        "identity_scale[0]": 0.9,
        "identity_scale[1]": 0.8,
        "style_scale[0]": 0.7,
        "depth_scale[0]": 0.3,
        "mask_start": 0.25,
        "mask_end": 0.75,
    }
    found = ours(order(weights, given=given, image=IMAGE, arguments=asked, **SIDES))
    same(found, wanted)
    for word, value in (
        ("identity_scale[0]", 0.1),
        ("identity_scale[1]", 0.1),
        ("style_scale[0]", 0.1),
        ("depth_scale[0]", 2.0),
        ("mask_start", 0.5),
        ("mask_end", 1.0),
        ("strength", 0.5),
    ):
        other = ours(order(weights, given=given, image=IMAGE, arguments=asked | {word: value}, **SIDES))
        assert not np.array_equal(found, other), word


def region(mask: np.ndarray) -> torch.Tensor:
    made = IPAdapterMaskProcessor().preprocess([as_pil(mask)])
    return made.reshape(1, 1, SIDE, SIDE)
