"""Levels of acceleration: what they change, for which families, that they say so, and that no trace of them is left."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

from equality import checkpoint, order, picture

from gesso.engines.diffusers.child.accelerate import compiled
from gesso.engines.diffusers.child.encode import Encoder
from gesso.engines.diffusers.child.load import load
from gesso.engines.diffusers.child.paint import paint
from gesso.engines.diffusers.child.stop import Work
from gesso.engines.diffusers.child.toolbox import tools_of
from gesso.engines.diffusers.child_settings import ChildSettings
from gesso.engines.diffusers.families.table import family_of
from gesso.engines.diffusers.levels import CACHED, COMPILED, ONE_PASS, can_be_faster
from gesso.engines.diffusers.messages import FromChild, Noted, Painted
from gesso.engines.diffusers.order import LEVELS, Level
from tiny_checkpoints.table import TINY

STEPS = 7
pytestmark = pytest.mark.usefixtures("few_pixels")
ONE_EACH = ("flux1_dev", "flux1_kontext", "flux2_dev", "flux2_klein_base", "z_image_turbo", "sd35", "qwen_image",
            "qwen_image_edit", "ovis_image", "sana", "sd15", "bria32", "hunyuan_image21")  # fmt: skip

PIPELINES = (
    "FluxPipeline", "FluxKontextPipeline", "Flux2Pipeline", "Flux2KleinPipeline", "ZImagePipeline",
    "QwenImagePipeline", "QwenImageEditPlusPipeline", "OvisImagePipeline", "HunyuanImagePipeline",
)  # fmt: skip


@pytest.mark.parametrize("name", ONE_EACH)
def test_a_level_changes_what_it_says_and_leaves_no_trace(name: str, tiny: Callable[[str], Path]) -> None:
    here = checkpoint(tiny(name))
    family = family_of(here.pipeline)
    tools, encoder = tools_of(ChildSettings("cpu")), Encoder(1 << 20)

    def painted(level: Level) -> tuple[np.ndarray, list[str]]:
        told: list[FromChild] = []
        side = max(2 * TINY[name].step, 32)
        more: dict[str, Any] = {}
        if family.name == "qwen_edit":
            more = {"operation": "edit", "image": picture(side, side)}
        sides = {"width": side, "height": side}
        paint(
            Work((order(here, arguments={"num_inference_steps": STEPS}, level=level, **sides, **more),), told.append),
            tools,
            encoder,
        )
        pixels = [one.pixels for one in told if isinstance(one, Painted)]
        assert pixels, told[-1]
        return pixels[0], [one.note.code for one in told if isinstance(one, Noted)]

    exact, notes = painted("none")
    assert not {"accelerated", "not_accelerated"} & set(notes)
    for level in LEVELS[1:]:
        found, notes = painted(level)
        if family.name in CACHED:
            assert "accelerated" in notes
            assert not np.array_equal(found, exact), "steps were guessed"
        else:
            assert "not_accelerated" in notes
            assert np.array_equal(found, exact)
        again, _ = painted("none")
        assert np.array_equal(again, exact), f"a trace of the level {level} is left"


@pytest.mark.parametrize(
    "name", ["flux1_dev", "flux2_klein", "z_image_turbo", "qwen_image", "ovis_image", "hunyuan_image21"]
)
def test_blocks_run_compiled_only_as_long_as_asked(name: str, tiny: Callable[[str], Path]) -> None:
    here = checkpoint(tiny(name))
    loaded = load(here, "cpu", lambda done, total: None)
    assert family_of(here.pipeline).name in COMPILED
    calls: list[str] = []

    def count(block: Any) -> None:
        """Stand in for the compiler: calls are counted, and go on as they are."""

        def call(*words: Any, **named: Any) -> Any:
            calls.append(type(block).__name__)
            return block._call_impl(*words, **named)

        block._compiled_call_impl = call

    def paint_plainly() -> None:
        side = 2 * TINY[name].step
        loaded.pipe(prompt="a red fox", num_inference_steps=2, width=side, height=side, output_type="np")

    for _ in range(2):
        with compiled(loaded, loaded.part("transformer"), count) as any_blocks:
            assert any_blocks
            paint_plainly()
        assert calls
        calls.clear()
        paint_plainly()
        assert calls == []


def test_families_of_the_table_are_families() -> None:
    names = {family_of(checkpoint_class).name for checkpoint_class in PIPELINES}
    assert names >= CACHED | COMPILED


SIBLINGS = (
    "FluxImg2ImgPipeline", "FluxInpaintPipeline", "FluxKontextInpaintPipeline", "Flux2KleinInpaintPipeline",
    "QwenImageImg2ImgPipeline", "QwenImageInpaintPipeline", "QwenImageEditInpaintPipeline",
)  # fmt: skip


@pytest.mark.parametrize("name", [one for one in (*PIPELINES, *SIBLINGS) if one != "ZImagePipeline"])
def test_who_names_the_passes_of_a_step_is_known(name: str) -> None:
    import diffusers

    assert ("cache_context" in inspect.getsource(getattr(diffusers, name))) == (name not in ONE_PASS)


def test_a_picture_painted_over_is_quicker_too(tiny: Callable[[str], Path]) -> None:
    tools, encoder = tools_of(ChildSettings("cpu")), Encoder(1 << 20)
    found = []
    for level in ("none", "regular", "none"):
        told: list[FromChild] = []
        given = {"num_inference_steps": 8, "strength": 1.0}
        asked = order(checkpoint(tiny("flux1_dev")), operation="edit", image=picture(), arguments=given, level=level)
        paint(Work((asked,), told.append), tools, encoder)
        found += [one.pixels for one in told if isinstance(one, Painted)]
    assert not np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


def test_what_can_be_faster_hangs_on_the_device() -> None:
    assert can_be_faster("flux1", "cpu")
    assert not can_be_faster("z_image", "cpu")
    assert can_be_faster("z_image", "cuda:1")
    assert not can_be_faster("sd15", "cuda:0")
