"""LoRAs on real pipelines: as plain diffusers puts them on, and no trace of them afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

import torch
from equality import about_of, checkpoint, plain
from safetensors.torch import load_file, save_file

from gesso.engines.diffusers.child.loaded import Loaded, Refused
from gesso.engines.diffusers.child.put_loras import LeftBehind, with_loras
from gesso.engines.diffusers.families.table import family_of
from gesso.engines.diffusers.lora import LoraReady, LoraUse
from gesso.engines.diffusers.loras.check import check_lora
from tiny_checkpoints.loras import save_lora

OWN: dict[str, dict[str, Any]] = {"z_image_turbo": {"guidance_scale": 0.0}, "qwen_image": {"negative_prompt": " "}}
FAMILIES = ["flux1_dev", "flux2_klein", "z_image_turbo", "sd35", "qwen_image", "sd15", "sdxl"]
State = dict[str, torch.Tensor]


@pytest.fixture
def loaded(request: pytest.FixtureRequest, tiny: Callable[[str], Path]) -> Loaded:
    """Return a tiny checkpoint, loaded, by the name in the test's parameter (else FLUX.1)."""
    folder = tiny(getattr(request, "param", "flux1_dev"))
    about = about_of(folder)
    return Loaded(plain(folder, about.pipeline), about, checkpoint(folder), 0, "cpu")


def use(file: Path, scale: float = 1.0) -> LoraUse:
    check_lora(file)
    return LoraUse(LoraReady(sha256(file.read_bytes()).hexdigest(), file, file.stat().st_size), scale)


def painted(loaded: Loaded) -> np.ndarray:
    """Return two steps' work at 64 × 64, the same each time."""
    generator = torch.Generator().manual_seed(5)
    own = OWN.get(loaded.checkpoint.path.name, {})
    made = loaded.pipe(
        prompt="a red fox", num_inference_steps=2, generator=generator, output_type="np", width=64, height=64, **own
    )
    return np.asarray(made.images[0])


def ours(loaded: Loaded, *uses: LoraUse) -> np.ndarray:
    with with_loras(loaded, family_of(loaded.checkpoint.pipeline), uses):
        return painted(loaded)


def theirs(loaded: Loaded, *uses: LoraUse) -> np.ndarray:
    """Return what plain diffusers paints with the files, by its own documentation."""
    pipe = loaded.pipe
    names = [f"theirs_{number}" for number in range(len(uses))]
    for name, one in zip(names, uses, strict=True):
        path = one.ready.path
        pipe.load_lora_weights(str(path.parent), weight_name=path.name, adapter_name=name, local_files_only=True)
    pipe.set_adapters(names, [one.scale for one in uses])
    try:
        return painted(loaded)
    finally:
        pipe.unload_lora_weights()


@contextmanager
def untouched(loaded: Loaded) -> Iterator[None]:
    """Hold that what follows leaves the pictures, every weight and the global dice as they were."""
    before, weights, dice = painted(loaded), weights_of(loaded), torch.random.get_rng_state()
    yield
    assert torch.equal(torch.random.get_rng_state(), dice)
    after = weights_of(loaded)
    assert after.keys() == weights.keys()
    assert all(torch.equal(after[name], weights[name]) for name in weights)
    assert np.array_equal(painted(loaded), before)


def weights_of(loaded: Loaded) -> State:
    return {
        f"{part}.{name}": weight.detach().clone()
        for part, model in loaded.pipe.components.items()
        if isinstance(model, torch.nn.Module)
        for name, weight in model.state_dict().items()
    }


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

    with untouched(loaded), pytest.raises(InterruptedError), with_loras(loaded, family_of("FluxPipeline"), [one]):
        dice = torch.Generator().manual_seed(5)
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


# Other forms


def kohya(state: State, prefix: str, alpha: float) -> State:
    """Return weights in the names that kohya's scripts give them."""
    found: State = {}
    for name, weight in state.items():
        module, _, side = name.removeprefix(f"{prefix}.").partition(".lora")
        base = f"lora_unet_{module.replace('.', '_')}"
        down = "A" in side or "down" in side
        found[f"{base}.lora_{'down' if down else 'up'}.weight"] = weight
        found[f"{base}.alpha"] = torch.tensor(alpha)
    return found


@pytest.mark.parametrize("loaded", ["sd15", "sdxl"], indirect=True)
def test_kohyas_names_work_and_their_alphas_count(loaded: Loaded, tmp_path: Path) -> None:
    state = load_file(save_lora(loaded.pipe, tmp_path / "a.safetensors", rank=4))
    for alpha in (4.0, 1.0):
        save_file(kohya(state, "unet", alpha), tmp_path / f"{alpha}.safetensors")
    whole, quarter = use(tmp_path / "4.0.safetensors"), use(tmp_path / "1.0.safetensors")
    with untouched(loaded):
        assert np.allclose(ours(loaded, whole), ours(loaded, use(tmp_path / "a.safetensors")), atol=1e-4)
        found = ours(loaded, quarter)
    assert np.array_equal(found, theirs(loaded, quarter))
    assert np.allclose(found, ours(loaded, use(tmp_path / "a.safetensors", 0.25)), atol=1e-4)


def test_kohyas_names_for_flux_work(loaded: Loaded, tmp_path: Path) -> None:
    torch.manual_seed(3)
    layers = {"double_blocks_0_img_attn_proj": 32, "double_blocks_1_img_attn_qkv": 96}
    state: State = {}
    for name, width in layers.items():
        state[f"lora_unet_{name}.lora_down.weight"] = torch.randn(2, 32)
        state[f"lora_unet_{name}.lora_up.weight"] = torch.randn(width, 2) * 0.5
        state[f"lora_unet_{name}.alpha"] = torch.tensor(1.0)
    save_file(state, tmp_path / "kohya.safetensors")
    one = use(tmp_path / "kohya.safetensors", 0.9)
    with untouched(loaded):
        found = ours(loaded, one)
    assert np.array_equal(found, theirs(loaded, one))
    assert differ(found, painted(loaded))


@pytest.mark.parametrize("loaded", ["sd15", "sdxl", "flux1_dev"], indirect=True)
def test_a_text_encoder_may_have_a_part_too(loaded: Loaded, tmp_path: Path) -> None:
    text_encoder = loaded.pipe.text_encoder
    state = dict(load_file(save_lora(loaded.pipe, tmp_path / "a.safetensors")))
    layer = next(name for name, _ in text_encoder.named_modules() if name.endswith("q_proj"))
    width = text_encoder.get_submodule(layer).in_features
    torch.manual_seed(4)
    for side, shape in (("down", (2, width)), ("up", (width, 2))):
        state[f"text_encoder.{layer}.lora_linear_layer.{side}.weight"] = torch.randn(shape)
    save_file(state, tmp_path / "b.safetensors")
    without, one = use(tmp_path / "a.safetensors", 0.5), use(tmp_path / "b.safetensors", 0.5)
    with untouched(loaded):
        found = ours(loaded, one, without)
    assert np.array_equal(found, theirs(loaded, one, without))
    assert differ(found, ours(loaded, without, without))


@pytest.mark.parametrize("loaded", ["flux1_dev", "sdxl"], indirect=True)
def test_alphas_of_the_files_metadata_count(loaded: Loaded, tmp_path: Path) -> None:
    file = save_lora(loaded.pipe, tmp_path / "a.safetensors", rank=4)
    part = family_of(loaded.checkpoint.pipeline).denoiser
    told = {f"{part}.r": 4, f"{part}.lora_alpha": 2, f"{part}.target_modules": ["to_q", "to_k", "to_v", "to_out.0"]}
    save_file(load_file(file), tmp_path / "b.safetensors", {"lora_adapter_metadata": json.dumps(told), "format": "pt"})
    one = use(tmp_path / "b.safetensors")
    with untouched(loaded):
        found = ours(loaded, one)
    assert np.array_equal(found, theirs(loaded, one))
    assert np.allclose(found, ours(loaded, use(file, 0.5)), atol=1e-4)


@pytest.mark.parametrize(
    "told",
    [
        "[" * 5000,
        "5",
        '{"transformer.lora_alpha": "x"}',
        '{"transformer.lora_alpha": NaN}',
        '{"transformer.lora_alpha": 1, "transformer.alpha_pattern": {"(a+)+$": 2}}',
        '{"transformer.lora_alpha": 1, "transformer.alpha_pattern": 7}',
    ],
)
def test_metadata_that_mean_harm_are_refused(told: str, loaded: Loaded, tmp_path: Path) -> None:
    state = load_file(save_lora(loaded.pipe, tmp_path / "a.safetensors"))
    save_file(state, tmp_path / "b.safetensors", {"lora_adapter_metadata": told})
    with untouched(loaded), pytest.raises(Refused):
        ours(loaded, use(tmp_path / "b.safetensors"))


def test_no_other_word_of_the_metadata_reaches_the_library(loaded: Loaded, tmp_path: Path) -> None:
    file = save_lora(loaded.pipe, tmp_path / "a.safetensors")
    told = {"transformer.megatron_core": "antigravity", "transformer.init_lora_weights": "pissa", "transformer.r": 99}
    save_file(load_file(file), tmp_path / "b.safetensors", {"lora_adapter_metadata": json.dumps(told)})
    with untouched(loaded):
        assert np.array_equal(ours(loaded, use(tmp_path / "b.safetensors")), ours(loaded, use(file)))


def test_what_is_left_out_is_noted(loaded: Loaded, tmp_path: Path) -> None:
    state = load_file(save_lora(loaded.pipe, tmp_path / "a.safetensors"))
    layer = next(iter(state)).partition(".lora")[0]
    more = {"text_encoder_2.x.lora_linear_layer.down.weight": torch.ones(1, 1), f"{layer}.dora_scale": torch.ones(1)}
    save_file(state | more, tmp_path / "b.safetensors")
    with untouched(loaded), with_loras(loaded, family_of("FluxPipeline"), [use(tmp_path / "b.safetensors")]) as notes:
        assert [note.code for note in notes] == ["lora_without_dora", "lora_part_left_out"]


def differ(one: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether two pictures differ by more than a grey level somewhere."""
    return float(np.abs(one - other).max()) > 1 / 255
