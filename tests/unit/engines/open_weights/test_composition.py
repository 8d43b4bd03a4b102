"""What a checkpoint is put together from, and how much memory that will take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from checkpoint_folders import Shapes, save_folder, save_part, save_tensors

from gesso.engines.diffusers.about import NotWhole
from gesso.engines.diffusers.checkpoint import Checkpoint
from gesso.engines.diffusers.composition import compose
from gesso.engines.diffusers.needs import Needs, needs_of

FLOATS = 4 * 8 + 5  # of one file
LARGE: Shapes = {"transformer_blocks.0.attn.to_q.weight": ("F32", (64, 64))}


def checkpoint(path: Path, **more: Any) -> Checkpoint:
    return Checkpoint("maker/one", more.pop("pipeline", "FluxPipeline"), path, **more)


def of(found: Any, part: str) -> Any:
    return next(source for source in found.sources if source.part == part)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return save_folder(tmp_path / "base")


def test_a_folder_is_all_there_is(base: Path) -> None:
    found = compose(checkpoint(base))
    assert found.frame == base
    assert {source.part: source.folder.parent for source in found.sources} == dict.fromkeys(
        ("transformer", "vae", "text_encoder"), base
    )
    assert of(found, "text_encoder").floats == 2 * FLOATS


def test_a_transformer_that_is_one_file_is_completed_by_its_base(base: Path, tmp_path: Path) -> None:
    file = save_tensors(tmp_path / "srpo.safetensors", LARGE)
    (base / "transformer" / "diffusion_pytorch_model.safetensors").unlink()
    found = compose(checkpoint(file, kind="single_file", base=base))
    assert (of(found, "transformer").file, of(found, "transformer").folder) == (file, base / "transformer")
    assert of(found, "vae").file is None
    assert found.about.pipeline == "FluxPipeline"
    assert found.about.weights_bytes == 64 * 64 * 4 + 3 * (4 * 8 * 2 + 5 * 4 + 8)


def test_a_transformer_that_is_a_folder_is_completed_by_its_base(base: Path, tmp_path: Path) -> None:
    save_part(tmp_path, "srpo", shapes=LARGE)
    found = compose(checkpoint(tmp_path / "srpo", beside=(("base", base),)))
    assert (of(found, "transformer").folder, of(found, "transformer").floats) == (tmp_path / "srpo", 64 * 64)
    assert (found.frame, len(found.sources)) == (base, 3)


def test_one_file_of_everything_leaves_its_base_the_small_files(base: Path, tmp_path: Path) -> None:
    names = ("model.diffusion_model.a", "first_stage_model.b", "text_encoders.clip_l.c")
    file = save_tensors(tmp_path / "all.safetensors", dict.fromkeys(names, ("F16", (10,))))
    for weights in base.rglob("*.safetensors"):
        weights.unlink()
    found = compose(checkpoint(file, kind="single_file", base=base))
    assert {source.part: source.file for source in found.sources} == dict.fromkeys(
        ("transformer", "vae", "text_encoder"), file
    )
    assert found.about.weights_bytes == 3 * 10 * 2


def test_one_file_without_a_base_says_what_it_lacks(tmp_path: Path) -> None:
    file = save_tensors(tmp_path / "all.safetensors")
    with pytest.raises(
        NotWhole, match=r"^it is one file: a checkpoint of its kind is needed to complete it, its base$"
    ):
        compose(checkpoint(file, kind="single_file"))


def test_one_file_that_is_a_pickle_is_not_read(base: Path, tmp_path: Path) -> None:
    (tmp_path / "all.ckpt").write_bytes(b"\x80\x04.")
    with pytest.raises(NotWhole, match=r"^it is no safetensors file: only those are read$"):
        compose(checkpoint(tmp_path / "all.ckpt", kind="single_file", base=base))


@pytest.mark.parametrize("layout", ["folder", "checkpoint", "file"])
def test_an_encoder_of_pictures_from_elsewhere(layout: str, base: Path, tmp_path: Path) -> None:
    save_part(tmp_path / "other", "vae", shapes=LARGE)
    place = {
        "folder": tmp_path / "other" / "vae",
        "checkpoint": tmp_path / "other",
        "file": tmp_path / "other" / "vae" / "diffusion_pytorch_model.safetensors",
    }[layout]
    for weights in (base / "vae").iterdir():
        weights.unlink()
    (base / "vae").rmdir()
    found = of(compose(checkpoint(base, beside=(("vae", place),))), "vae")
    assert found.floats == 64 * 64
    assert (found.file is not None) == (layout == "file")


def test_a_prior_is_beside_or_where_the_readme_says(tmp_path: Path) -> None:
    decoder, prior = save_folder(tmp_path / "decoder"), save_folder(tmp_path / "prior")
    combined = "KandinskyV22CombinedPipeline"
    with pytest.raises(NotWhole, match=r"^its prior is missing$"):
        compose(checkpoint(decoder, pipeline=combined))
    (decoder / "README.md").write_text("---\nprior:\n- kandinsky-community/prior\n---\n")
    with pytest.raises(NotWhole, match=r"^its prior is missing$"):
        compose(checkpoint(decoder, pipeline=combined))
    (decoder / "README.md").write_text(f"---\nprior:\n- {prior}\n---\n")
    for one in (
        checkpoint(decoder, pipeline=combined),
        checkpoint(decoder, pipeline=combined, beside=(("prior", prior),)),
    ):
        found = compose(one)
        assert found.prior == prior
        assert of(found, "prior_transformer").folder == prior / "transformer"
        assert found.about.has("prior_tokenizer")
        assert len(found.sources) == 6


def test_what_looks_for_nudity_in_some_families_only_is_left_out(base: Path) -> None:
    index = json.loads((base / "model_index.json").read_text())
    index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    (base / "model_index.json").write_text(json.dumps(index))
    assert {source.part for source in compose(checkpoint(base)).sources} == {"transformer", "vae", "text_encoder"}


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"precision": "bfloat16"}, Needs(4 * FLOATS * 2)),
        ({"precision": "float32"}, Needs(4 * FLOATS * 4)),
        ({"precision": "float32", "offload": "model"}, Needs(2 * FLOATS * 4, 4 * FLOATS * 4)),
        ({"precision": "bfloat16", "quantisation": "fp8"}, Needs(FLOATS * 1 + 3 * FLOATS * 2)),
        ({"precision": "bfloat16", "quantisation": "int8"}, Needs(3 * FLOATS * 1 + FLOATS * 2)),
    ],
)
def test_what_it_takes_is_known_before_it_is_loaded(how: dict[str, Any], expected: Needs, base: Path) -> None:
    assert needs_of(checkpoint(base, **how)) == expected


def test_groups_of_layers_take_little_of_the_device(base: Path) -> None:
    needs = needs_of(checkpoint(base, offload="group", precision="float32"))
    assert 0 < needs.device_bytes < 2 * FLOATS * 4 / 4
    assert needs.host_bytes == 4 * FLOATS * 4
