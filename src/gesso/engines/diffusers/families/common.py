"""What families share: sizes, strengths and pictures as pipelines want them. Numbers and Pillow, nothing of torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from PIL import Image

from gesso.domain.errors import EngineFailed
from gesso.domain.picture import DecodedPicture
from gesso.engines.diffusers.checkpoint import Checkpoint
from gesso.engines.diffusers.order import Order, Way

Size = tuple[int, int]  # width, height

# Words that every family takes; what LoRAs come in; what pictures come in.
USUAL: Final = frozenset(
    {"prompt", "width", "height", "num_inference_steps", "seed", "count"}
    | {"acceleration", "check_pictures", "expand_prompt"}
)
LORAS: Final = frozenset({"loras", "lora_scales"})
MEGAPIXEL: Final = 1024 * 1024
MOST_STEPS: Final = 999  # schedules of noise have 1000, and some leave out the first


def way_of(order: Order, *, instructed: bool = False) -> Way:
    """Return what is asked for by the pictures that came: `instructed` families edit by what is said of a picture.

    Raises `EngineFailed` for a mask without a picture.
    """
    if order.mask is not None:
        if order.image is None:
            raise EngineFailed("A mask says which part of a picture to repaint, and no picture was given.")
        return "instruct_inside" if instructed else "inpaint"
    if instructed and (order.image is not None or order.pictures("references")):
        return "instruct"
    return "generate" if order.image is None else "image_to_image"


def only_generates(order: Order, model: str) -> Way:
    """Return the way of a family that paints from words alone. Raises `EngineFailed` for an order with a picture."""
    if order.image is not None or order.mask is not None or order.given:
        raise EngineFailed(f"{model} paints from words alone: it takes no picture.")
    return "generate"


def is_called(checkpoint: Checkpoint, part: str) -> bool:
    """Tell whether a checkpoint's name holds a word in lower case: its repository's, or its folder's where an operator
    has other weights in that place."""
    return part in f"{checkpoint.target} {checkpoint.path.name}".lower()


def prompt_of(order: Order) -> str:
    """Return the words, "" where there are none."""
    return str(order.arguments.get("prompt") or "")


def number(order: Order, word: str, usual: float, *, least: float = -math.inf, most: float = math.inf) -> float:
    """Return an argument, `usual` where none was given, held between `least` and `most`."""
    given = order.arguments.get(word)
    return min(max(float(usual if given is None else given), least), most)


def steps_of(order: Order, usual: int, word: str = "num_inference_steps") -> int:
    """Return how many steps to make, at least one and no more than a schedule of noise has."""
    return round(number(order, word, usual, least=1, most=MOST_STEPS))


def strength_of(order: Order, usual: float, steps: int) -> float:
    """Return how much of a picture is painted anew, 0 to 1, and never so little that no step would be left."""
    asked = number(order, "strength", usual, least=0.0, most=1.0)
    left = steps - int(max(steps - min(steps * asked, steps), 0))  # as the pipelines of flow models count
    return asked if left >= 1 else 1 / steps


def painted_size(size: Size, step: int, most_area: int | None = None) -> Size:
    """Return the sides to paint: the nearest multiples of `step`; smaller where the area would be above the most."""
    width, height = size
    if most_area is not None and width * height > most_area:
        shrunk = math.sqrt(most_area / (width * height))
        width, height = int(width * shrunk) // step * step, int(height * shrunk) // step * step
    return max(step, round(width / step) * step), max(step, round(height / step) * step)


def flat(picture: DecodedPicture) -> np.ndarray:
    """Return a picture's pixels, uint8 [height, width, 3]; what is transparent shows white."""
    if picture.alpha is None:
        return picture.rgb
    alpha = picture.alpha[..., None].astype(np.uint16)
    return np.asarray(((picture.rgb * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8))


def scaled(pixels: np.ndarray, size: Size) -> np.ndarray:
    """Return pixels in a size, the very same where they have it. Masks ([height, width]) are not rung about."""
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    how = Image.Resampling.BILINEAR if pixels.ndim == 2 else Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(pixels).resize(size, how))


def image_and_mask(order: Order, size: Size) -> dict[str, np.ndarray]:
    """Return the picture to start from, and its mask where there is one, both in the size that is painted."""
    assert order.image is not None
    pictures = {"image": scaled(flat(order.image), size)}
    if order.mask is not None:
        pictures["mask_image"] = scaled(order.mask, size)
    return pictures


def shown(order: Order) -> tuple[np.ndarray, ...]:
    """Return the pictures an instruction may be about: the one to edit first, then the references."""
    first = () if order.image is None else (order.image,)
    return tuple(flat(one) for one in (*first, *order.pictures("references")))


def side_by_side(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Return pictures as one, left to right, each as high as the first."""
    height = pictures[0].shape[0]
    same = [scaled(one, (max(1, round(one.shape[1] * height / one.shape[0])), height)) for one in pictures]
    return same[0] if len(same) == 1 else np.concatenate(same, axis=1)


def one_view(pictures: Sequence[np.ndarray], step: int) -> np.ndarray:
    """Return pictures as one for a pipeline that looks at one: side by side, in at most a megapixel."""
    joined = side_by_side(pictures)
    return scaled(joined, painted_size((joined.shape[1], joined.shape[0]), step, MEGAPIXEL))
