"""Orders painted as the process of a device paints them: what it tells, and that nothing but the order counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

import torch
from equality import call_of, checkpoint, order, picture, straight
from painting import Shelf, pixels, told, tools

from gesso.engines.diffusers.child.accelerate import at_level
from gesso.engines.diffusers.child.cut import cut_words
from gesso.engines.diffusers.child.encode import Encoder
from gesso.engines.diffusers.child.previews import Viewer, viewer_of
from gesso.engines.diffusers.child.seeds import dice
from gesso.engines.diffusers.child.siblings import pipeline_for
from gesso.engines.diffusers.child.stop import Work
from gesso.engines.diffusers.families import sd3
from gesso.engines.diffusers.families.table import family_of
from gesso.engines.diffusers.messages import Ended, FromChild, Noted, Painted, Previewed, Stepped, Timed
from gesso.engines.diffusers.order import LatentLayout, Order

Tiny = Callable[[str], Path]
# One of each way to denoise, to encode, to decode: every autoencoder and every layout of latents is among them.
KINDS = [
    "flux1_dev",
    "flux2_klein_base",
    "z_image_turbo",
    "qwen_image",
    "sana",
    "sd15",
    "kandinsky22",
    "hunyuan_image21",
]
SIDES = {"flux1_dev": (48, 32), "sana": (64, 64), "kandinsky22": (64, 64), "hunyuan_image21": (64, 64)}


def of_kind(tiny: Tiny, kind: str, **more: Any) -> Order:
    """Return an order of a tiny checkpoint in a size it can paint, of three steps."""
    width, height = SIDES.get(kind, (64, 32))
    steps = {"num_inference_steps": 3} | ({"prior_num_inference_steps": 2} if kind == "kandinsky22" else {})
    pipeline = {"kandinsky22": "KandinskyV22CombinedPipeline"}.get(kind, "")
    return order(
        checkpoint(tiny(kind), pipeline),
        **{"width": width, "height": height, "arguments": steps | more.pop("arguments", {}), **more},
    )


@pytest.fixture(scope="module")
def shelf() -> Shelf:
    """What is loaded stays for all tests of this file that take it: each finds it as it was."""
    return Shelf()


def stopping(stage: str, step: int) -> Callable[[Work, FromChild], None]:
    """Return what stops every job after a step of a stage."""

    def hear(work: Work, message: FromChild) -> None:
        if isinstance(message, Stepped) and (message.stage, message.done) == (stage, step):
            work._stopped.update(work._open)  # as the thread that listens does it, between two messages

    return hear


def steps_told(messages: Sequence[FromChild]) -> list[tuple[str, int, int]]:
    return [(said.stage, said.done, said.total) for said in messages if isinstance(said, Stepped)]


def test_a_picture_is_what_its_call_makes_and_its_stages_are_told(tiny: Tiny) -> None:
    one = order(checkpoint(tiny("flux1_dev")))
    messages = told([one], tools())
    (painted,) = pixels(messages)
    assert np.array_equal(painted, straight(call_of(one), one.checkpoint.path, one.seed))
    assert messages[-1] == Ended("job")
    steps = steps_told(messages)
    assert steps[-4:] == [("encode", 1, 1), ("denoise", 1, 2), ("denoise", 2, 2), ("decode", 1, 1)]
    loads = steps[:-4]
    assert {stage for stage, _, _ in loads} == {"load"}
    assert [done for _, done, _ in loads] == list(range(len(loads)))
    seconds = {said.stage: said.seconds for said in messages if isinstance(said, Timed)}
    assert seconds.keys() == {"load", "encode", "denoise", "decode"}
    assert min(seconds.values()) >= 0


def test_the_steps_of_a_prior_are_a_stage_of_their_own(tiny: Tiny, shelf: Shelf) -> None:
    messages = told([of_kind(tiny, "kandinsky22")], tools(shelf))
    steps = [step for step in steps_told(messages) if step[0] != "load"]
    prior, denoise = [("prior", 1, 2), ("prior", 2, 2)], [("denoise", done, 3) for done in (1, 2, 3)]
    assert steps == [("encode", 1, 1), *prior, *denoise, ("decode", 1, 1)]


def test_fewer_steps_are_told_where_a_picture_is_begun_with(tiny: Tiny, shelf: Shelf) -> None:
    arguments = {"num_inference_steps": 4, "strength": 0.5}
    one = of_kind(tiny, "flux1_dev", image=picture(48, 32), operation="edit", arguments=arguments)
    messages = told([one], tools(shelf))
    assert [step for step in steps_told(messages) if step[0] == "denoise"] == [("denoise", 1, 2), ("denoise", 2, 2)]
    assert [said.note.data for said in messages if isinstance(said, Noted)] == [{"asked": 4, "made": 2}]


def test_what_is_enlarged_a_good_deal_is_noted(tiny: Tiny, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sd3, "MOST", 32 * 32)
    messages = told([of_kind(tiny, "sd35", width=64, height=64)], tools(shelf))
    assert pixels(messages)[0].shape == (64, 64, 3)
    (note,) = [said.note for said in messages if isinstance(said, Noted)]
    assert (note.code, note.data) == ("enlarged", {"painted": [32, 32], "size": [64, 64]})
    rounded = told([of_kind(tiny, "sd35", width=30, height=31)], tools(shelf))
    assert not [said for said in rounded if isinstance(said, Noted)], "it is painted in 32 x 32"


def test_dice_are_the_seed_s_and_begin_again_after_the_last() -> None:
    assert [dice(seed).initial_seed() for seed in (0, 123456789, (1 << 32) - 1)] == [0, 123456789, (1 << 32) - 1]
    assert dice((1 << 32) + 5).initial_seed() == 5
    assert dice(7).device.type == "cpu"


def test_picture_i_is_the_one_picture_of_its_seed(tiny: Tiny, shelf: Shelf) -> None:
    last = (1 << 32) - 1
    seeds = [last - 1, last, (last + 1) % (1 << 32)]
    job = [replace(of_kind(tiny, "flux1_dev"), index=index, seed=seed) for index, seed in enumerate(seeds)]
    encoder = Encoder(1 << 24)
    together = [pixels(told([one], tools(shelf), encoder))[0] for one in job]
    for index in (2, 0, 1):  # in another order, by a process that just began
        alone = told([replace(job[index], job="alone", index=0)], tools(Shelf()))
        assert np.array_equal(pixels(alone)[0], together[index])
        assert [said.seed for said in alone if isinstance(said, Painted)] == [seeds[index]]
    assert not np.array_equal(together[0], together[1])
    assert not np.array_equal(together[1], together[2])


@pytest.mark.parametrize("kind", KINDS)
def test_looking_on_changes_nothing(kind: str, tiny: Tiny, shelf: Shelf) -> None:
    one = of_kind(tiny, kind)
    torch.manual_seed(3)
    alone = told([one], tools(shelf))
    global_dice = torch.get_rng_state()
    torch.manual_seed(3)
    watched = told([replace(one, preview_steps=(1, 3))], tools(shelf))
    assert torch.equal(torch.get_rng_state(), global_dice)
    assert np.array_equal(pixels(watched)[0], pixels(alone)[0])
    seen = [said for said in watched if isinstance(said, Previewed)]
    assert [said.number for said in seen] == [0, 1]
    for said in seen:
        assert said.pixels.dtype == np.uint8
        assert said.pixels.shape == (one.height, one.width, 3)
    assert not np.array_equal(seen[0].pixels, seen[1].pixels)
    assert watched.index(seen[1]) < watched.index(Stepped("job", 0, "decode", 1, 1))
    assert not [said for said in alone if isinstance(said, Previewed)]
    viewer = next(iter(held for one, held in shelf.loaded.items() if one.path.name == kind)).kept["viewer"]
    told([replace(one, preview_steps=(1,))], tools(shelf))
    assert next(iter(held for one, held in shelf.loaded.items() if one.path.name == kind)).kept["viewer"] is viewer


def test_a_preview_that_cannot_be_made_harms_nothing(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf()
    one = of_kind(tiny, "sd15")
    alone = pixels(told([one], tools(shelf)))[0]
    watched = replace(one, preview_steps=(1, 2))

    def cannot(*_: Any) -> None:
        raise ValueError("latents of another shape")

    with monkeypatch.context() as patched:
        patched.setattr(Viewer, "show", cannot)
        messages = told([watched], tools(shelf))
        assert np.array_equal(pixels(messages)[0], alone)
        assert not [said for said in messages if isinstance(said, Previewed)]
    loaded = shelf.loaded[one.checkpoint]
    del loaded.kept["viewer"]
    monkeypatch.setattr(type(loaded.pipe.vae), "decode", cannot)
    assert viewer_of(loaded, LatentLayout(packed=False)) is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_stopped_at_a_step_leaves_no_trace(kind: str, tiny: Tiny, shelf: Shelf) -> None:
    one = of_kind(tiny, kind)
    before = pixels(told([one], tools(shelf)))[0]
    stopped = told([replace(one, seed=9)], tools(shelf), hear=stopping("denoise", 2))
    assert steps_told(stopped)[-1][:2] == ("denoise", 2)
    assert stopped[-1] == Ended("job", stopped=True)
    assert not pixels(stopped)
    assert np.array_equal(pixels(told([one], tools(shelf)))[0], before)


def test_perturbed_attention_does_not_stay_after_a_stop(tiny: Tiny, shelf: Shelf) -> None:
    plain = of_kind(tiny, "sana", arguments={"pag_scale": 0.0})
    before = pixels(told([plain], tools(shelf)))[0]
    perturbed = of_kind(tiny, "sana", arguments={"pag_scale": 3.0})
    assert told([perturbed], tools(shelf), hear=stopping("denoise", 1))[-1] == Ended("job", stopped=True)
    assert np.array_equal(pixels(told([plain], tools(shelf)))[0], before)


def test_a_stop_leaves_no_trace_of_guessed_steps_or_of_weights_that_come_and_go(tiny: Tiny) -> None:
    shelf = Shelf()
    plain = of_kind(tiny, "flux1_dev", arguments={"num_inference_steps": 5})
    exact = pixels(told([plain], tools(shelf)))[0]
    offloaded = replace(plain, checkpoint=replace(plain.checkpoint, offload="group"))
    quick = replace(plain, level="regular")
    for one in (offloaded, quick):
        before = pixels(told([one], tools(shelf, at_level=at_level)))[0]
        stopped = told([replace(one, seed=9)], tools(shelf, at_level=at_level), hear=stopping("denoise", 3))
        assert stopped[-1] == Ended("job", stopped=True)
        assert np.array_equal(pixels(told([one], tools(shelf, at_level=at_level)))[0], before)
    assert np.array_equal(pixels(told([offloaded], tools(shelf)))[0], exact)
    assert np.array_equal(pixels(told([plain], tools(shelf)))[0], exact)


def test_a_picture_can_be_stopped_in_its_prior(tiny: Tiny, shelf: Shelf) -> None:
    stopped = told([of_kind(tiny, "kandinsky22")], tools(shelf), hear=stopping("prior", 1))
    assert steps_told(stopped)[-1] == ("prior", 1, 2)
    assert stopped[-1] == Ended("job", stopped=True)


def test_what_nobody_wants_is_not_even_loaded(tiny: Tiny) -> None:
    shelf = Shelf()
    stopped = told([of_kind(tiny, "sd15")], tools(shelf), hear=stopping("load", 0))
    assert stopped[-1] == Ended("job", stopped=True)
    assert {stage for stage, _, _ in steps_told(stopped)} == {"load"}
    assert shelf.loaded, "what was begun to be loaded is there for the next job"


def test_the_checker_sees_what_was_painted(tiny: Tiny, shelf: Shelf) -> None:
    looked: list[np.ndarray] = []

    def check(seen: np.ndarray) -> float:
        looked.append(seen)
        return 0.5

    one = of_kind(tiny, "sd15", check_picture=True)
    safe = told([one], tools(shelf, check=check, threshold=0.5))
    assert np.array_equal(pixels(safe)[0], looked[0])
    assert "check" in {said.stage for said in safe if isinstance(said, Timed)}
    unsafe = told([one], tools(shelf, check=check, threshold=0.4))
    assert not pixels(unsafe)
    assert getattr(unsafe[-1], "trouble", "") == "unsafe"
    told([replace(one, check_picture=False)], tools(shelf, check=check, threshold=0.4))
    assert len(looked) == 2, "nobody asked for the third look"


def test_without_a_checker_the_job_says_so(tiny: Tiny, shelf: Shelf) -> None:
    messages = told([of_kind(tiny, "sd15", check_picture=True)], tools(shelf))
    assert [said.note.code for said in messages if isinstance(said, Noted)] == ["unchecked"]
    assert len(pixels(messages)) == 1


def test_words_that_are_not_read_are_noted(tiny: Tiny, shelf: Shelf) -> None:
    long = "a red fox on the grass, " * 20
    notes = [said.note for said in told([of_kind(tiny, "sd15", prompt=long)], tools(shelf)) if isinstance(said, Noted)]
    assert [note.code for note in notes] == ["prompt_cut"]
    assert notes[0].data["argument"] == "prompt"
    assert notes[0].data["read"] == 77
    assert notes[0].data["pieces"] > 100
    against = told([of_kind(tiny, "sd15", arguments={"negative_prompt": long})], tools(shelf))
    assert [said.note.data["argument"] for said in against if isinstance(said, Noted)] == ["negative_prompt"]
    read = told([of_kind(tiny, "flux1_dev", prompt=long)], tools(shelf))
    assert not [said for said in read if isinstance(said, Noted)], "its second text encoder reads it to the end"


READ = {"flux1_dev": 512, "flux2_klein_base": 512, "z_image_turbo": 512, "qwen_image": None, "sana": 300, "sd15": 77}


@pytest.mark.parametrize("kind", KINDS)
def test_every_family_says_how_much_it_reads(kind: str, tiny: Tiny, shelf: Shelf) -> None:
    loaded = tools(shelf).weights.get(of_kind(tiny, kind).checkpoint, lambda done, total: None)
    limit = READ.get(kind, {"kandinsky22": 77, "hunyuan_image21": 1000}.get(kind))

    def cut(words: str) -> list[int]:
        one = of_kind(tiny, kind, prompt=words)
        call = family_of(one.checkpoint.pipeline).call(one, loaded.about)
        with pipeline_for(loaded, call) as pipe:
            return [note.data["read"] for note in cut_words(pipe, call) if note.data["argument"] == "prompt"]

    assert cut("a red fox") == []
    found = cut("a red fox on the grass, " * 400)
    assert len(found) == 1
    assert limit is None or found == [limit]
