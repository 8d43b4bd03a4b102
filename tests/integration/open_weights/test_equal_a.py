"""FLUX.1, Kontext, FLUX.2, klein and Z-Image: what we paint is what plain diffusers paints, called by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

from equality import about_of, checkpoint, left_half, order, ours, painted, picture, plain, read
from PIL import Image
from safetensors.torch import load_file

from gesso.engines.diffusers.lora import LoraReady, LoraUse
from gesso.engines.diffusers.order import Given
from tiny_checkpoints.loras import save_lora

Tiny = Callable[[str], Path]
SIDES = {"width": 48, "height": 32}
FOX = {"prompt": "a red fox", "num_inference_steps": 2, **SIDES}
IMAGE, OTHER = picture(), picture(32, 64, 4, (90, 200, 255))


def as_pil(given: Any) -> Image.Image:
    return Image.fromarray(given if isinstance(given, np.ndarray) else given.rgb)


def same(found: np.ndarray, wanted: np.ndarray) -> None:
    """Fail where one pixel differs, or where nothing is to be seen."""
    assert wanted.std() > 5
    assert found.shape == wanted.shape
    assert np.array_equal(found, wanted)


# ── FLUX.1 ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("name", "own"), [("flux1_dev", {"guidance_scale": 3.5}), ("flux1_schnell", {})])
def test_flux1_from_words(tiny: Tiny, name: str, own: dict[str, Any]) -> None:
    most = {} if own else {"max_sequence_length": 256}
    same(ours(order(checkpoint(tiny(name)))), painted(plain(tiny(name), "FluxPipeline"), **FOX, **own, **most))


def test_flux1_from_a_picture(tiny: Tiny) -> None:
    asked = {"num_inference_steps": 4, "strength": 0.5, "guidance_scale": 2.0}
    pipe = plain(tiny("flux1_dev"), "FluxImg2ImgPipeline")
    wanted = painted(pipe, prompt="a red fox", image=as_pil(IMAGE), **SIDES, **asked)
    same(ours(order(checkpoint(tiny("flux1_dev")), image=IMAGE, arguments=asked)), wanted)


def test_flux1_inside_a_mask(tiny: Tiny) -> None:
    asked = {"num_inference_steps": 3, "strength": 0.9, "guidance_scale": 3.0}
    pipe = plain(tiny("flux1_dev"), "FluxInpaintPipeline")
    pictures = {"image": as_pil(IMAGE), "mask_image": as_pil(left_half())}
    wanted = painted(pipe, prompt="a red fox", **pictures, **SIDES, **asked)
    found = ours(order(checkpoint(tiny("flux1_dev")), image=IMAGE, mask=left_half(), arguments=asked))
    same(found, wanted)
    other = ours(order(checkpoint(tiny("flux1_dev")), image=IMAGE, mask=255 - left_half(), arguments=asked))
    away, other_away = (np.abs(one.astype(int) - IMAGE.rgb).mean((0, 2)) for one in (found, other))
    assert away[:16].mean() > other_away[:16].mean(), "white is painted anew, black is kept"
    assert away[32:].mean() < other_away[32:].mean()


def test_flux1_in_sides_it_cannot_paint(tiny: Tiny) -> None:
    pipe = plain(tiny("flux1_dev"), "FluxPipeline")
    wanted = painted(pipe, size=(50, 30), guidance_scale=3.5, **FOX)
    same(ours(order(checkpoint(tiny("flux1_dev")), width=50, height=30)), wanted)


# ── Kontext ───────────────────────────────────────────────────────────────────────────────────────────

KONTEXT = {"guidance_scale": 2.5, "max_area": 48 * 32, "_auto_resize": False}


def test_kontext_from_words(tiny: Tiny) -> None:
    pipe = plain(tiny("flux1_kontext"), "FluxKontextPipeline")
    same(ours(order(checkpoint(tiny("flux1_kontext")))), painted(pipe, **FOX, **KONTEXT))


def test_kontext_as_words_say(tiny: Tiny) -> None:
    pipe = plain(tiny("flux1_kontext"), "FluxKontextPipeline")
    wanted = painted(pipe, image=as_pil(IMAGE), **FOX, **KONTEXT)
    same(ours(order(checkpoint(tiny("flux1_kontext")), image=IMAGE)), wanted)


def test_kontext_with_several_pictures(tiny: Tiny) -> None:
    both = Image.new("RGB", (64, 32))
    both.paste(as_pil(IMAGE), (0, 0))
    both.paste(as_pil(OTHER).resize((16, 32), Image.Resampling.LANCZOS), (48, 0))
    pipe = plain(tiny("flux1_kontext"), "FluxKontextPipeline")
    wanted = painted(pipe, image=both, **FOX, **KONTEXT)
    asked = order(checkpoint(tiny("flux1_kontext")), image=IMAGE, given=(Given("references", OTHER),))
    same(ours(asked), wanted)


@pytest.mark.parametrize("referring", [False, True])
def test_kontext_as_words_say_inside_a_mask(tiny: Tiny, referring: bool) -> None:
    pipe = plain(tiny("flux1_kontext"), "FluxKontextInpaintPipeline")
    pictures = {"image": as_pil(IMAGE), "mask_image": as_pil(left_half())}
    pictures |= {"image_reference": as_pil(OTHER)} if referring else {}
    wanted = painted(pipe, strength=1.0, **pictures, **FOX, **KONTEXT)
    given = (Given("references", OTHER),) if referring else ()
    same(ours(order(checkpoint(tiny("flux1_kontext")), image=IMAGE, mask=left_half(), given=given)), wanted)


# ── FLUX.2 ────────────────────────────────────────────────────────────────────────────────────────────


def test_flux2_from_words(tiny: Tiny) -> None:
    pipe = plain(tiny("flux2_dev"), "Flux2Pipeline")
    same(ours(order(checkpoint(tiny("flux2_dev")))), painted(pipe, guidance_scale=4.0, **FOX))


def test_flux2_as_words_say_of_several_pictures(tiny: Tiny) -> None:
    first, second = picture(64, 80), picture(96, 64, 4)
    pipe = plain(tiny("flux2_dev"), "Flux2Pipeline")
    wanted = painted(pipe, image=[as_pil(first), as_pil(second)], guidance_scale=4.0, **FOX)
    asked = order(checkpoint(tiny("flux2_dev")), image=first, given=(Given("references", second),))
    same(ours(asked), wanted)
    alone = painted(pipe, image=as_pil(first), guidance_scale=4.0, **FOX)
    same(ours(order(checkpoint(tiny("flux2_dev")), image=first)), alone)
    assert not np.array_equal(alone, wanted)


def test_flux2_turbo(tiny: Tiny, tmp_path: Path) -> None:
    adapter = lora(tiny("flux2_dev"), tmp_path / "turbo.safetensors", 1)
    noise = [1.0, 0.6509, 0.4374, 0.2932, 0.1893, 0.1108, 0.0495, 0.00031]
    pipe = plain(tiny("flux2_dev"), "Flux2Pipeline")
    pipe.load_lora_weights(load_file(adapter.ready.path))
    wanted = painted(pipe, **FOX | {"num_inference_steps": 8, "sigmas": noise, "guidance_scale": 2.5})
    pipe.unload_lora_weights()
    weights = checkpoint(tiny("flux2_dev"), beside=(("adapter", adapter.ready.path),))
    same(ours(order(weights, arguments={"num_inference_steps": 8}, loras=(adapter,))), wanted)


# ── klein ─────────────────────────────────────────────────────────────────────────────────────────────


def test_klein_base_away_from_negative_words(tiny: Tiny) -> None:
    pipe = plain(tiny("flux2_klein_base"), "Flux2KleinPipeline")
    against = pipe.encode_prompt("rain on a street")[0]
    asked = {"guidance_scale": 3.0, "negative_prompt": "rain on a street"}
    wanted = painted(pipe, negative_prompt_embeds=against, guidance_scale=3.0, **FOX)
    same(ours(order(checkpoint(tiny("flux2_klein_base")), arguments=asked)), wanted)
    without = painted(pipe, guidance_scale=3.0, **FOX)
    same(ours(order(checkpoint(tiny("flux2_klein_base")), arguments={"guidance_scale": 3.0})), without)
    assert not np.array_equal(without, wanted)


def test_klein_distilled(tiny: Tiny) -> None:
    pipe = plain(tiny("flux2_klein"), "Flux2KleinPipeline")
    asked = {"guidance_scale": 3.0, "negative_prompt": "rain on a street"}
    same(ours(order(checkpoint(tiny("flux2_klein")), arguments=asked)), painted(pipe, guidance_scale=3.0, **FOX))


@pytest.mark.parametrize("name", ["flux2_klein", "flux2_klein_base"])
def test_klein_as_words_say_of_several_pictures(tiny: Tiny, name: str) -> None:
    first, second = picture(64, 80), picture(96, 64, 4)
    pipe = plain(tiny(name), "Flux2KleinPipeline")
    wanted = painted(pipe, image=[as_pil(first), as_pil(second)], guidance_scale=4.0, **FOX)
    same(ours(order(checkpoint(tiny(name)), image=first, given=(Given("references", second),))), wanted)
    alone = painted(pipe, image=as_pil(first), guidance_scale=4.0, **FOX)
    same(ours(order(checkpoint(tiny(name)), image=first)), alone)


@pytest.mark.parametrize("referring", [False, True])
@pytest.mark.parametrize("name", ["flux2_klein", "flux2_klein_base"])
def test_klein_as_words_say_inside_a_mask(tiny: Tiny, name: str, referring: bool) -> None:
    pipe = plain(tiny(name), "Flux2KleinInpaintPipeline")
    pictures = {"image": as_pil(IMAGE), "mask_image": as_pil(left_half())}
    pictures |= {"image_reference": as_pil(OTHER)} if referring else {}
    wanted = painted(pipe, strength=1.0, guidance_scale=4.0, **pictures, **FOX)
    given = (Given("references", OTHER),) if referring else ()
    same(ours(order(checkpoint(tiny(name)), image=IMAGE, mask=left_half(), given=given)), wanted)


# ── Z-Image ───────────────────────────────────────────────────────────────────────────────────────────


def test_z_image_turbo_from_words(tiny: Tiny) -> None:
    pipe = plain(tiny("z_image_turbo"), "ZImagePipeline")
    same(ours(order(checkpoint(tiny("z_image_turbo")))), painted(pipe, guidance_scale=0.0, **FOX))


def test_z_image_guided(tiny: Tiny) -> None:
    pipe = plain(tiny("z_image_turbo"), "ZImagePipeline")
    wanted = painted(pipe, guidance_scale=2.0, negative_prompt="rain", **FOX)
    asked = {"guidance_scale": 3.0, "negative_prompt": "rain"}
    same(ours(order(checkpoint(tiny("z_image_turbo")), arguments=asked)), wanted)


def test_z_image_from_a_picture(tiny: Tiny) -> None:
    asked = {"strength": 0.5, "num_inference_steps": 4}
    pipe = plain(tiny("z_image_turbo"), "ZImageImg2ImgPipeline")
    wanted = painted(pipe, prompt="a red fox", image=as_pil(IMAGE), guidance_scale=0.0, **SIDES, **asked)
    same(ours(order(checkpoint(tiny("z_image_turbo")), image=IMAGE, arguments=asked)), wanted)


def test_z_image_inside_a_mask(tiny: Tiny) -> None:
    pipe = plain(tiny("z_image_turbo"), "ZImageInpaintPipeline")
    pictures = {"image": as_pil(IMAGE), "mask_image": as_pil(left_half())}
    wanted = painted(pipe, strength=1.0, guidance_scale=0.0, **pictures, **FOX)
    same(ours(order(checkpoint(tiny("z_image_turbo")), image=IMAGE, mask=left_half())), wanted)


# ── LoRAs ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.filterwarnings("ignore:Already found a `peft_config`:UserWarning")  # two are what is wanted
@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("flux1_dev", {"guidance_scale": 3.5}),
        ("flux1_kontext", KONTEXT),
        ("flux2_dev", {"guidance_scale": 4.0}),
        ("flux2_klein_base", {"guidance_scale": 4.0}),
        ("z_image_turbo", {"guidance_scale": 0.0}),
    ],
)
def test_with_two_loras(name: str, own: dict[str, Any], tiny: Tiny, tmp_path: Path) -> None:
    uses = tuple(lora(tiny(name), tmp_path / f"{number}.safetensors", number, 0.3 + number / 4) for number in (1, 2))
    pipe = plain(tiny(name), about_of(tiny(name)).pipeline)
    before = painted(pipe, **FOX, **own)
    for use in uses:
        pipe.load_lora_weights(load_file(use.ready.path), adapter_name=use.ready.path.stem)
    pipe.set_adapters(["1", "2"], [use.scale for use in uses])
    wanted = painted(pipe, **FOX, **own)
    pipe.unload_lora_weights()
    assert not np.array_equal(before, wanted)
    same(ours(order(checkpoint(tiny(name)), loras=uses)), wanted)
    same(ours(order(checkpoint(tiny(name)))), before)


def lora(folder: Path, file: Path, seed: int, scale: float = 1.0) -> LoraUse:
    """Write a LoRA for a checkpoint, to be put on at a scale."""
    save_lora(read(folder), file, seed=seed)
    read.cache_clear()
    said = file.read_bytes()
    return LoraUse(LoraReady(hashlib.sha256(said).hexdigest(), file, len(said)), scale)
