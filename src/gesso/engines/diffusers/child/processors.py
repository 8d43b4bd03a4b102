"""Two text encoders read pictures through processors that need torchvision, for films: what stands in where it is absent.

With torchvision the libraries' own are loaded. Ours give the same numbers for words; pictures go through Pillow instead.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, BatchFeature, ProcessorMixin
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

PICTURE = "<|image_pad|>"


class StillPictures(ProcessorMixin):  # type: ignore[misc]  # the library has no types
    """What `Qwen2VLProcessor` does for words and pictures, without its part for films."""

    def __init__(self, image_processor: Any = None, tokenizer: Any = None, chat_template: str | None = None) -> None:
        super().__init__(image_processor, tokenizer, chat_template=chat_template)

    def __call__(
        self,
        text: str | Sequence[str],
        images: Any = None,
        padding: bool = False,
        return_tensors: str | None = None,
    ) -> BatchFeature:
        """Return the numbers of the words and of the pictures; each picture takes the room of its patches in the words.

        `mm_token_type_ids` is 1 where a picture is, as text encoders that count positions by rows and columns want it.
        """
        lines = [text] if isinstance(text, str) else list(text)
        found: dict[str, Any] = {}
        if images is not None:
            found = dict(self.image_processor(images=images, return_tensors=return_tensors))
            patches = self.image_processor.merge_size**2
            rooms = iter([int(grid.prod()) // patches for grid in found["image_grid_thw"]])
            lines = [_with_room(line, rooms) for line in lines]
        words = self.tokenizer(lines, padding=padding)
        picture = self.tokenizer.convert_tokens_to_ids(PICTURE)
        kinds = [[int(token == picture) for token in line] for line in words["input_ids"]]
        return BatchFeature({**words, "mm_token_type_ids": kinds, **found}, tensor_type=return_tensors)


def stand_ins(folder: Path) -> dict[str, object]:
    """Return the parts of a saved pipeline that cannot be loaded here, by name, loaded another way; {} with torchvision.

    They are put on the pipeline after it was loaded without them: `from_pretrained(folder, tokenizer=None)`.
    """
    if find_spec("torchvision") is not None:
        return {}
    named = json.loads((folder / "model_index.json").read_text())
    loaders: dict[str, Callable[[Path], object]] = {
        "PixtralProcessor": _words_alone,
        "Qwen2VLProcessor": _still_pictures,
    }
    return {
        part: loaders[known[1]](folder / part)
        for part, known in named.items()
        if isinstance(known, list) and known[1] in loaders
    }


def _words_alone(folder: Path) -> object:
    found = AutoTokenizer.from_pretrained(folder)
    found.tokenizer = found  # where the processor would have it, for what the text encoder wrote
    return found


def _still_pictures(folder: Path) -> StillPictures:
    return StillPictures(Qwen2VLImageProcessorPil.from_pretrained(folder), AutoTokenizer.from_pretrained(folder))


def _with_room(line: str, rooms: Iterable[int]) -> str:
    first, *others = line.split(PICTURE)
    return first + "".join(PICTURE * room + rest for room, rest in zip(rooms, others, strict=False))
