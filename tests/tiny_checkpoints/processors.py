"""Processors (tokenizer and picture preparation in one) written file by file, as their classes need torchvision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transformers import ImageProcessingMixin


def save_processor(folder: Path, part: str, name: str, preparing: ImageProcessingMixin, **settings: Any) -> None:
    """Turn the saved tokenizer `part` of the pipeline in `folder` into the processor of that class name."""
    place = folder / part
    preparing.save_pretrained(place)
    prepared = place / "preprocessor_config.json"
    kept = json.loads(prepared.read_text())
    kept |= {"image_processor_type": kept["image_processor_type"].removesuffix("Pil"), "processor_class": name}
    prepared.write_text(json.dumps(kept, indent=2))
    (place / "processor_config.json").write_text(json.dumps({"processor_class": name, **settings}, indent=2))
    index = folder / "model_index.json"
    parts = json.loads(index.read_text())
    parts[part] = ["transformers", name]
    index.write_text(json.dumps(parts, indent=2))
