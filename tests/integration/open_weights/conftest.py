"""Tiny checkpoints, each written once for all tests of a process."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is looked up: all there is was written here
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"


# Warnings that diffusers gives to itself.
THEIR_OWN = (
    "ignore:`callback_steps` is deprecated:FutureWarning",  # Kandinsky's pipeline hands it on
    "ignore:Already found a `peft_config` attribute:UserWarning",  # by peft, at the second LoRA
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning",  # of torch's tensors, by schedulers
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "integration/open_weights" in item.nodeid:
            item.add_marker(pytest.mark.diffusers)
            for warning in THEIR_OWN:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Have torch compute on one thread: several processes run tests at once, and what is computed here is small."""
    torch = pytest.importorskip("torch", reason="needs the extra diffusers")
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that gives the folder of a tiny checkpoint by its name."""
    pytest.importorskip("diffusers", reason="needs the extra diffusers")
    from tiny_checkpoints.table import TINY

    folder = tmp_path_factory.mktemp("tiny")

    def written(name: str) -> Path:
        place = folder / name
        return place if place.exists() else TINY[name].save(place)

    return written


@pytest.fixture
def few_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Qwen-Image-Edit look at pictures in few pixels: it scales them all to a megapixel otherwise."""
    from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_inpaint as inside
    from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_plus as plus

    monkeypatch.setattr(plus, "VAE_IMAGE_SIZE", 64 * 64)
    monkeypatch.setattr(plus, "CONDITION_IMAGE_SIZE", 56 * 56)
    theirs = inside.calculate_dimensions
    monkeypatch.setattr(inside, "calculate_dimensions", lambda area, ratio: theirs(64 * 64, ratio))
