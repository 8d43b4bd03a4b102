"""How much memory a checkpoint takes, known before it is loaded, of what its files say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gesso.engines.diffusers.checkpoint import Checkpoint
from gesso.engines.diffusers.composition import Composition, Source, compose, denoiser_of

NUMBER_BYTES: Final = {"bfloat16": 2.0, "float16": 2.0, "float32": 4.0}
SMALL_BYTES: Final = {"fp8": 1.0, "int8": 1.0, "nf4": 0.6}  # with the scales
A_LAYER: Final = 1 / 16  # of the largest part: no layer, with the one that is fetched meanwhile, is larger


@dataclass(frozen=True)
class Needs:
    """Bytes of weights that lie on the device, and in main memory, for as long as a checkpoint is loaded."""

    device_bytes: int
    host_bytes: int = 0


def needs_of(checkpoint: Checkpoint) -> Needs:
    """Return what a checkpoint will take. Raises `NotWhole`."""
    return needs_of_parts(checkpoint, compose(checkpoint))


def needs_of_parts(checkpoint: Checkpoint, found: Composition) -> Needs:
    """Return what a checkpoint will take, its files already looked at."""
    sizes = [_size(checkpoint, found, source) for source in found.sources]
    all_of_it, largest = sum(sizes), max(sizes, default=0)
    if checkpoint.offload == "none":
        return Needs(all_of_it)
    return Needs(largest if checkpoint.offload == "model" else int(largest * A_LAYER), all_of_it)


def is_made_small(checkpoint: Checkpoint, source: Source, denoiser: str) -> bool:
    """Tell whether a part's weights are quantised: what paints always, text encoders where the library is one for both."""
    if checkpoint.quantisation == "none":
        return False
    return source.part == denoiser or (checkpoint.quantisation != "fp8" and source.library == "transformers")


def _size(checkpoint: Checkpoint, found: Composition, source: Source) -> int:
    small = is_made_small(checkpoint, source, denoiser_of(found.about))
    number = SMALL_BYTES[checkpoint.quantisation] if small else NUMBER_BYTES[checkpoint.precision]
    return int(source.floats * number)
