"""The safety checker: an image classifier of the operator's, asked how unsafe a finished picture is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors import SafetensorError
from transformers import AutoImageProcessor, AutoModelForImageClassification

from gesso.engines.diffusers.child.loaded import CannotLoad
from gesso.engines.diffusers.child.tools import Check

# Words of labels by which known classifiers say that a picture is not for everyone; a "not", "non" or "no" turns them.
UNSAFE = frozenset(
    [
        "nsfw",
        "unsafe",
        "porn",
        "porno",
        "pornography",
        "pornographic",
        "hentai",
        "sexy",
        "sexual",
        "explicit",
        "nude",
        "nudity",
        "erotic",
        "erotica",
        "adult",
        "gore",
        "gory",
        "violence",
        "violent",
        "bloody",
    ]
)
_TURNED = frozenset(("not", "non", "no", "neutral", "without"))


def check_of(folder: Path, device: str) -> Check:
    """Return a check by the classifier in a folder, as `save_pretrained` writes it; it is loaded at the first picture.

    That raises `CannotLoad` where there is none, or none of its labels says "unsafe" in any word known here.
    """
    loaded: list[_Classifier] = []

    def check(pixels: Any) -> float:
        if not loaded:
            loaded.append(_Classifier(folder, device))
        return loaded[0].unsafe(pixels)

    return check


def unsafe_labels(labels: Mapping[int, str]) -> tuple[int, ...]:
    """Return the numbers of the labels that say unsafe."""
    return tuple(number for number, label in sorted(labels.items()) if _is_unsafe(label))


class _Classifier:
    def __init__(self, folder: Path, device: str) -> None:
        try:
            self._prepare = AutoImageProcessor.from_pretrained(folder, local_files_only=True)
            model, how = AutoModelForImageClassification.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, output_loading_info=True
            )
        except (OSError, ValueError, KeyError, ImportError, SafetensorError) as error:
            raise CannotLoad("The safety checker of this installation cannot be loaded.") from error
        if how["missing_keys"] or how["mismatched_keys"]:  # they would be dice
            raise CannotLoad("The safety checker of this installation lacks some of its weights.")
        self._unsafe = list(unsafe_labels({int(number): str(label) for number, label in model.config.id2label.items()}))
        if not self._unsafe:
            raise CannotLoad("The safety checker of this installation has no label that says unsafe.")
        self._several = model.config.problem_type == "multi_label_classification"
        self._model, self._device = model.to(device=device, dtype=torch.float32).eval(), device

    def unsafe(self, pixels: Any) -> float:
        """Return how likely one of the unsafe labels is true of a picture, uint8 [height, width, 3]."""
        prepared = self._prepare(Image.fromarray(pixels), return_tensors="pt")
        with torch.no_grad():
            logits = self._model(**prepared.to(self._device)).logits[0].float()
        if self._several:
            return float(logits[self._unsafe].sigmoid().max())
        return float(logits.softmax(0)[self._unsafe].sum().clamp(0, 1))


def _is_unsafe(label: str) -> bool:
    words = set(re.findall(r"[a-z]+", label.lower()))
    return bool(words & UNSAFE) and not words & _TURNED
