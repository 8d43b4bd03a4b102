"""The safety checker on a classifier of random weights: its labels, its number, and what is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

import torch
from safetensors.torch import load_file, save_file
from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessorPil

from gesso.engines.diffusers.child.checker import check_of, unsafe_labels
from gesso.engines.diffusers.child.loaded import CannotLoad
from gesso.engines.diffusers.child.toolbox import tools_of
from gesso.engines.diffusers.child_settings import ChildSettings


def save(folder: Path, labels: Mapping[int, str], *, toward: int | None = None, several: bool = False) -> Path:
    """Write a tiny classifier; it is nearly sure of the label `toward`, whatever it is shown."""
    torch.manual_seed(3)
    config = ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=32,
        patch_size=16,
        id2label=dict(labels),
        label2id={label: number for number, label in labels.items()},
        problem_type="multi_label_classification" if several else None,
    )
    model = ViTForImageClassification(config)
    with torch.no_grad():
        model.classifier.weight.mul_(20.0)
        if toward is not None:
            model.classifier.weight.zero_()
            model.classifier.bias.fill_(-8.0)
            model.classifier.bias[toward] = 8.0
    model.save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


def picture(seed: int, side: int = 48) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side + 16, 3), np.uint8)


@pytest.mark.parametrize("several", [False, True])
def test_it_tells_how_unsafe_a_picture_is(several: bool, tmp_path: Path) -> None:
    labels = {0: "normal", 1: "nsfw"}
    assert check_of(save(tmp_path / "a", labels, toward=1, several=several), "cpu")(picture(0)) > 0.99
    assert check_of(save(tmp_path / "b", labels, toward=0, several=several), "cpu")(picture(0)) < 0.01


def test_it_is_the_library_s_own_number_and_hangs_on_the_picture(tmp_path: Path) -> None:
    from transformers import pipeline

    labels = {0: "drawings", 1: "hentai", 2: "neutral", 3: "porn", 4: "sexy"}
    folder = save(tmp_path, labels)
    theirs = pipeline("image-classification", model=str(folder), device="cpu", top_k=None)
    check = check_of(folder, "cpu")
    from PIL import Image

    found = [check(picture(seed)) for seed in range(3)]
    for seed, number in enumerate(found):
        scores = {one["label"]: one["score"] for one in theirs(Image.fromarray(picture(seed)))}
        assert number == pytest.approx(scores["hentai"] + scores["porn"] + scores["sexy"], abs=1e-5)
    assert len(set(found)) == 3
    assert all(0 <= number <= 1 for number in found)


def test_a_device_paints_with_the_one_that_is_set_up(tmp_path: Path) -> None:
    folder = save(tmp_path, {0: "normal", 1: "nsfw"}, toward=1)
    tools = tools_of(ChildSettings("cpu", safety_model=folder, safety_threshold=0.9))
    assert tools.check is not None
    assert tools.check(picture(0)) > tools.threshold == 0.9
    assert tools_of(ChildSettings("cpu")).check is None


@pytest.mark.parametrize(
    ("labels", "unsafe"),
    [
        (("normal", "nsfw"), (1,)),
        (("SFW", "NSFW"), (1,)),
        (("NSFW", "SFW"), (0,)),
        (("drawings", "hentai", "neutral", "porn", "sexy"), (1, 3, 4)),
        (("safe", "unsafe"), (1,)),
        (("not_nsfw", "is_nsfw"), (1,)),
        (("non-violent", "Violence"), (1,)),
        (("sfw-neutral", "nsfw-gore", "nsfw-suggestive"), (1, 2)),
        (("cat", "dog", "sexton"), ()),
        (("LABEL_0", "LABEL_1"), ()),
    ],
)
def test_which_labels_say_unsafe(labels: tuple[str, ...], unsafe: tuple[int, ...]) -> None:
    assert unsafe_labels(dict(enumerate(labels))) == unsafe


def test_a_classifier_of_something_else_is_told_at_the_first_picture(tmp_path: Path) -> None:
    check = check_of(save(tmp_path, {0: "cat", 1: "dog"}), "cpu")
    with pytest.raises(CannotLoad, match="no label that says unsafe"):
        check(picture(0))


@pytest.mark.parametrize(
    "what", ["nothing", "another kind", "no weights", "pickled weights", "damaged weights", "part of the weights"]
)
def test_what_is_no_classifier_is_told_without_its_path(what: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    save(folder, {0: "sfw", 1: "nsfw"})
    weights = folder / "model.safetensors"
    match what:
        case "nothing":
            for file in folder.iterdir():
                file.unlink()
        case "another kind":
            (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))
        case "no weights":
            weights.unlink()
        case "pickled weights":
            torch.save(ViTForImageClassification.from_pretrained(folder).state_dict(), folder / "pytorch_model.bin")
            weights.unlink()
        case "damaged weights":
            weights.write_bytes(weights.read_bytes()[:1000])
        case "part of the weights":
            save_file({name: one for name, one in load_file(weights).items() if "classifier" not in name}, weights)
    with pytest.raises(CannotLoad) as caught:
        check_of(folder, "cpu")(picture(0))
    assert str(tmp_path) not in str(caught.value)
