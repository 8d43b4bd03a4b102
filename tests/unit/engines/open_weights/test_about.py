"""What a checkpoint's small files say of it, and which sentence tells what is missing or broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from checkpoint_folders import WEIGHTS, save_folder, save_part, save_tensors

from gesso.engines.diffusers.about import NotWhole, part_files, read_about
from gesso.engines.diffusers.tensors import BrokenFile, read_head

FILE = 4 * 8 * 2 + 5 * 4 + 8  # bytes of the tensors of one file
MODEL = "diffusion_pytorch_model.safetensors"


def test_a_checkpoint_says_its_class_its_parts_its_settings_and_its_size(tmp_path: Path) -> None:
    about = read_about(save_folder(tmp_path / "one", is_distilled=True, note=None))
    assert about.pipeline == "FluxPipeline"
    assert dict(about.parts)["transformer"] == "FluxTransformer2DModel"
    assert about.has("tokenizer")
    assert not about.has("image_encoder")
    assert about.settings == (("is_distilled", True), ("note", None))
    assert about.weights_bytes == 4 * FILE


def test_a_head_tells_what_a_file_holds(tmp_path: Path) -> None:
    head = read_head(save_tensors(tmp_path / "a.safetensors"))
    assert head.names == set(WEIGHTS)
    assert (head.floats, head.bytes) == (32 + 5, FILE)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def grown(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\0")


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def pickled(file: Path) -> None:
    file.write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR." * 20)


def without_json(file: Path) -> None:
    file.write_bytes((4).to_bytes(8, "little") + b"{,,}")


def nameless(file: Path) -> None:
    head = json.dumps({"a": {"dtype": "F32", "shape": [1]}}).encode()
    file.write_bytes(len(head).to_bytes(8, "little") + head)


@pytest.mark.parametrize(
    "told",
    [
        {"dtype": "F32", "shape": ["a"], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1.5], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": 4, "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1], "data_offsets": [0, "4"]},
        {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 8]},
        {"dtype": "F32", "shape": [1], "data_offsets": [0, 1e400]},
        7,
    ],
)
def test_a_head_that_makes_no_sense_is_none(told: object, tmp_path: Path) -> None:
    head = json.dumps({"a": told}).encode()
    (tmp_path / "a.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + bytes(4))
    with pytest.raises(BrokenFile, match="is no safetensors file"):
        read_head(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (cut, "is cut off"),
        (grown, "is longer than it says"),
        (emptied, "is no safetensors file"),
        (pickled, "is no safetensors file"),
        (without_json, "is no safetensors file"),
        (nameless, "is no safetensors file"),
        (Path.unlink, "transformer holds no weights"),
    ],
)
def test_a_broken_file_is_named_without_its_path(broken: Callable[[Path], None], said: str, tmp_path: Path) -> None:
    folder = save_folder(tmp_path / "one")
    file = folder / "transformer" / MODEL
    broken(file)
    with pytest.raises(NotWhole) as failure:
        read_about(folder)
    assert str(failure.value) == (said if "holds" in said else f"transformer/{MODEL} {said}")
    if file.exists():
        with pytest.raises(BrokenFile):
            read_head(file)


@pytest.mark.parametrize(
    ("taken", "said"),
    [
        ("model_index.json", "model_index.json is missing"),
        ("vae", "vae is missing"),
        ("tokenizer", "tokenizer is missing"),
        (
            "text_encoder/model-00002-of-00002.safetensors",
            "text_encoder/model-00002-of-00002.safetensors is missing",
        ),
        ("", "its folder is not there"),
    ],
)
def test_what_is_missing_is_named(taken: str, said: str, tmp_path: Path) -> None:
    folder = save_folder(tmp_path / "one")
    (folder / taken).rename(tmp_path / "taken")
    with pytest.raises(NotWhole) as failure:
        read_about(folder)
    assert str(failure.value) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "model_index.json is no JSON"),
        ("[]", "model_index.json is not what it should be"),
        ("{}", "model_index.json names no class"),
    ],
)
def test_an_index_that_is_none(text: str, said: str, tmp_path: Path) -> None:
    folder = save_folder(tmp_path / "one")
    (folder / "model_index.json").write_text(text)
    with pytest.raises(NotWhole, match=rf"^{said}$"):
        read_about(folder)


@pytest.mark.parametrize(
    "shards",
    [{}, {"weight_map": {}}, {"weight_map": {"a": "../../else.safetensors"}}, {"weight_map": {"a": ["b"], "c": 1}}],
)
def test_an_index_of_shards_names_files_beside_it(shards: dict[str, object], tmp_path: Path) -> None:
    folder = save_folder(tmp_path / "one")
    save_tensors(tmp_path / "else.safetensors")
    (folder / "text_encoder" / "model.safetensors.index.json").write_text(json.dumps(shards))
    with pytest.raises(NotWhole, match=r"^text_encoder/model\.safetensors\.index\.json names no files$"):
        read_about(folder)


def test_pickles_are_not_read(tmp_path: Path) -> None:
    folder = save_folder(tmp_path / "one")
    (folder / "vae" / MODEL).rename(folder / "vae" / "diffusion_pytorch_model.bin")
    with pytest.raises(NotWhole, match=r"^vae holds its weights as a pickle, .*: only safetensors are read$"):
        read_about(folder)
    assert read_about(folder, without=("vae",)).weights_bytes == 3 * FILE


@pytest.mark.parametrize("kind", ["CLIPTokenizer", "T5TokenizerFast", "Qwen2VLProcessor"])
def test_a_tokenizer_has_words(kind: str, tmp_path: Path) -> None:
    folder = save_folder(tmp_path / "one", tokenizer=["transformers", kind])
    words = folder / "tokenizer" / "tokenizer.json"
    words.rename(words.with_name("spiece.model"))
    assert read_about(folder).has("tokenizer")
    (folder / "tokenizer" / "spiece.model").rename(words.with_name("tokenizer_config.json"))
    with pytest.raises(NotWhole, match=r"^tokenizer holds no vocabulary$"):
        read_about(folder)


def test_a_tokenizer_of_bytes_needs_none(tmp_path: Path) -> None:
    folder = save_folder(tmp_path / "one", tokenizer=["transformers", "ByT5Tokenizer"])
    (folder / "tokenizer" / "tokenizer.json").rename(folder / "tokenizer" / "tokenizer_config.json")
    assert read_about(folder).has("tokenizer")


def test_the_small_variant_is_taken_where_there_is_no_other(tmp_path: Path) -> None:
    save_part(tmp_path, "unet", "diffusion_pytorch_model.fp16")
    found = part_files(tmp_path, "unet")
    assert found is not None
    assert found.variant == "fp16"
    save_part(tmp_path, "unet")
    both = part_files(tmp_path, "unet")
    assert both is not None
    assert (both.variant, [file.name for file in both.files]) == (None, [MODEL])
