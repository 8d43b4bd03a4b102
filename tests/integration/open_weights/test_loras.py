"""LoRAs on real pipelines: as plain diffusers puts them on, no trace of them afterwards, and none that does not fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

import torch
from equality import plain
from lora_painting import State, differ, load, ours, painted, theirs, untouched, use
from safetensors.torch import load_file, save_file

from gesso.engines.diffusers.child.loaded import Loaded, Refused
from gesso.engines.diffusers.child.put_loras import LeftBehind, with_loras
from gesso.engines.diffusers.families.table import family_of
from tiny_checkpoints.loras import save_lora

FAMILIES = [
    "flux1_dev",
    "flux1_kontext",
    "flux2_dev",
    "flux2_klein",
    "z_image_turbo",
    "sd35",
    "qwen_image",
    "sd15",
    "sdxl",
]


@pytest.fixture
def loaded(request: pytest.FixtureRequest, tiny: Callable[[str], Path]) -> Loaded:
    """Return a tiny checkpoint, loaded, by the name in the test's parameter (else FLUX.1)."""
    return load(tiny(getattr(request, "param", "flux1_dev")))


@pytest.mark.parametrize("loaded", FAMILIES, indirect=True)
def test_as_plain_diffusers_does_it_and_no_trace(loaded: Loaded, tmp_path: Path) -> None:
    first = use(save_lora(loaded.pipe, tmp_path / "a.safetensors", seed=1), 0.7)
    second = use(save_lora(loaded.pipe, tmp_path / "b.safetensors", seed=2, rank=2), -0.4)
    without = painted(loaded)
    with untouched(loaded):
        one, both = ours(loaded, first), ours(loaded, first, second)
    with untouched(loaded):
        assert np.array_equal(ours(loaded, first), one)  # the next request with it is the same again
    assert np.array_equal(theirs(loaded, first), one)
    assert np.array_equal(theirs(loaded, first, second), both)
    assert differ(one, without)
    assert differ(both, one)


def test_scales_belong_to_their_loras_in_order(loaded: Loaded, tmp_path: Path) -> None:
    files = [save_lora(loaded.pipe, tmp_path / f"{seed}.safetensors", seed=seed) for seed in (1, 2)]
    alone = [ours(loaded, use(file, 0.8)) for file in files]
    half = ours(loaded, use(files[0], 0.4))
    assert differ(alone[0], alone[1])
    assert differ(alone[0], half)
    for order, expected in ((files, alone[0]), (files[::-1], alone[1])):
        assert np.allclose(ours(loaded, use(order[0], 0.8), use(order[1], 0.0)), expected, atol=1e-4)
        assert not np.allclose(ours(loaded, use(order[0], 0.0), use(order[1], 0.8)), expected, atol=1e-2)
    twice = ours(loaded, use(files[0], 0.3), use(files[0], 0.5))  # the same one twice counts twice
    assert np.allclose(twice, alone[0], atol=1e-4)


def test_an_exception_within_leaves_no_trace(loaded: Loaded, tmp_path: Path) -> None:
    one = use(save_lora(loaded.pipe, tmp_path / "a.safetensors"))

    def stopped(*_: object) -> None:
        raise InterruptedError

    dice = torch.Generator().manual_seed(5)
    with untouched(loaded), pytest.raises(InterruptedError), with_loras(loaded, family_of("FluxPipeline"), [one]):
        loaded.pipe("x", num_inference_steps=2, width=64, height=64, generator=dice, callback_on_step_end=stopped)


def test_without_any_nothing_is_done(loaded: Loaded) -> None:
    with untouched(loaded), with_loras(loaded, family_of("OvisImagePipeline"), ()) as notes:
        assert notes == ()


def test_a_family_without_them_refuses(loaded: Loaded, tmp_path: Path) -> None:
    one = use(save_lora(loaded.pipe, tmp_path / "a.safetensors"))
    put = with_loras(loaded, family_of("OvisImagePipeline"), [one])
    with untouched(loaded), pytest.raises(Refused, match="takes no LoRA"), put:
        pass


def test_something_left_behind_is_told(loaded: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = use(save_lora(loaded.pipe, tmp_path / "a.safetensors"))
    with monkeypatch.context() as patched:
        patched.setattr(type(loaded.pipe), "unload_lora_weights", lambda _: None)
        with pytest.raises(LeftBehind):
            ours(loaded, one)
    loaded.pipe.unload_lora_weights()


# What does not fit


def damaged(state: State, how: str) -> State:
    """Return a LoRA's weights with something wrong."""
    first = next(name for name in state if "lora_A" in name)
    other = first.replace("lora_A", "lora_B")
    match how:
        case "another model's names":
            return {name.replace("transformer_blocks", "joint_blocks"): weight for name, weight in state.items()}
        case "one name too many":
            return state | {first.replace("to_q", "to_z").replace("to_k", "to_z"): state[first]}
        case "wider inputs":
            return {
                name: torch.cat([weight, weight], 1) if "lora_A" in name else weight for name, weight in state.items()
            }
        case "wider outputs of one layer":
            return state | {other: torch.cat([state[other], state[other]])}
        case "ranks that differ":
            return state | {first: torch.cat([state[first], state[first]])}
        case "one side alone":
            return {name: weight for name, weight in state.items() if name != other}
        case "three dimensions":
            return state | {first: state[first][None]}
        case "no rank":
            return state | {first: state[first][:0], other: state[other][:, :0]}
        case "a layer that cannot have one":
            return state | {
                "transformer.norm_out.norm.lora_A.weight": torch.ones(1, 1),
                "transformer.norm_out.norm.lora_B.weight": torch.ones(1, 1),
            }
        case "norms that would be written over":
            return state | {"transformer.transformer_blocks.0.attn.norm_q.weight": torch.full((16,), 9.0)}
        case "weights beside the LoRA":
            return state | {"transformer.proj_out.weight": torch.zeros(64, 32)}
        case "numbers nobody computes with":
            return {name: weight.to(torch.float8_e4m3fn) for name, weight in state.items()}
        case "no part of this pipeline":
            return {"unet." + name.partition(".")[2]: weight for name, weight in state.items()}
        case "kohya's names, and an alpha that converters never end on":
            return {
                "lora_unet_double_blocks_0_img_attn_proj.lora_down.weight": torch.ones(2, 32),
                "lora_unet_double_blocks_0_img_attn_proj.lora_up.weight": torch.ones(32, 2),
                "lora_unet_double_blocks_0_img_attn_proj.alpha": torch.tensor(-1.0),
            }
        case "kohya's names of another model":
            return {
                "lora_unet_input_blocks_1_0_x.lora_down.weight": torch.ones(2, 32),
                "lora_unet_input_blocks_1_0_x.lora_up.weight": torch.ones(32, 2),
            }
    raise ValueError(how)


@pytest.mark.parametrize(
    "how",
    [
        "another model's names",
        "one name too many",
        "wider inputs",
        "wider outputs of one layer",
        "ranks that differ",
        "one side alone",
        "three dimensions",
        "no rank",
        "a layer that cannot have one",
        "norms that would be written over",
        "weights beside the LoRA",
        "numbers nobody computes with",
        "no part of this pipeline",
        "kohya's names, and an alpha that converters never end on",
        "kohya's names of another model",
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_touched(
    how: str, loaded: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = save_lora(loaded.pipe, tmp_path / "right.safetensors")
    wrong = tmp_path / "wrong.safetensors"
    save_file({name: weight.clone().contiguous() for name, weight in damaged(load_file(right), how).items()}, wrong)
    calls: list[str] = []
    for room in (type(loaded.pipe.transformer), type(loaded.pipe)):
        for name in ("load_lora_adapter", "load_lora_weights", "load_lora_into_text_encoder"):
            if hasattr(room, name):
                monkeypatch.setattr(room, name, lambda *_, name=name, **__: calls.append(name))
    with untouched(loaded), pytest.raises(Refused) as caught:
        ours(loaded, use(right), use(wrong))
    assert calls == []
    assert str(tmp_path) not in str(caught.value)
    assert "LoRA" in str(caught.value)


@pytest.mark.parametrize(
    "loaded", ["flux2_klein", "z_image_turbo", "qwen_image", "sd35", "sdxl", "sd15"], indirect=True
)
def test_the_wrong_shapes_are_refused_by_every_family(loaded: Loaded, tmp_path: Path) -> None:
    state = load_file(save_lora(loaded.pipe, tmp_path / "right.safetensors"))
    wide = {n: torch.cat([w, w], 1).contiguous() if ("lora_A" in n or "down" in n) else w for n, w in state.items()}
    save_file(wide, tmp_path / "wide.safetensors")
    with untouched(loaded), pytest.raises(Refused, match="other shapes"):
        ours(loaded, use(tmp_path / "wide.safetensors"))


@pytest.mark.parametrize("loaded", ["sdxl"], indirect=True)
def test_one_for_another_family_is_refused(loaded: Loaded, tiny: Callable[[str], Path], tmp_path: Path) -> None:
    of_flux = use(save_lora(plain(tiny("flux1_dev"), "FluxPipeline"), tmp_path / "a.safetensors"))
    with untouched(loaded), pytest.raises(Refused, match="does not fit"):
        ours(loaded, of_flux)


def test_a_file_that_is_gone_or_was_changed_is_refused_without_its_path(loaded: Loaded, tmp_path: Path) -> None:
    one = use(save_lora(loaded.pipe, tmp_path / "a.safetensors"))
    for change in (lambda: one.ready.path.write_bytes(b"something else"), one.ready.path.unlink):
        change()
        with untouched(loaded), pytest.raises(Refused) as caught:
            ours(loaded, one)
        assert str(tmp_path) not in str(caught.value)
