"""One picture that a child is told to paint: everything decided, nothing left to look up. Frozen and picklable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gesso.domain.picture import DecodedPicture
from gesso.domain.request import Operation
from gesso.engines.diffusers.checkpoint import Checkpoint
from gesso.engines.diffusers.lora import LoraUse

# What is done, which with the family settles the pipeline's class.
Way = Literal["generate", "image_to_image", "inpaint", "instruct", "instruct_inside"]
Level = Literal["none", "regular", "high"]  # how far speed may go before exactness
LEVELS: tuple[Level, ...] = ("none", "regular", "high")


@dataclass(frozen=True, eq=False)
class Given:
    """A picture for an argument of the engine: "image", "references", "control[0]", "identity[1]"."""

    argument: str
    picture: DecodedPicture


@dataclass(frozen=True, eq=False)
class Order:
    """A picture to paint.

    `arguments` are the route's, in the engine's words (`words.py`), without pictures. `width` and `height` are those of
    the finished picture. `mask` is uint8 [height, width] of the image's size, 255 = repaint. `seed` is this picture's
    own: of picture i of a job with seed s it is (s + i) mod 2³².
    """

    job: str
    index: int
    checkpoint: Checkpoint
    operation: Operation
    arguments: Mapping[str, Any]
    width: int
    height: int
    seed: int
    image: DecodedPicture | None = None
    mask: Any = None
    given: tuple[Given, ...] = ()
    loras: tuple[LoraUse, ...] = ()
    level: Level = "none"
    preview_steps: tuple[int, ...] = ()  # after which steps (from 1, of the denoising) one is wanted
    check_picture: bool = False

    def pictures(self, argument: str) -> tuple[DecodedPicture, ...]:
        """Return the pictures given for an argument, in order."""
        return tuple(one.picture for one in self.given if one.argument == argument)


@dataclass(frozen=True)
class Stage:
    """A loop of steps a pipeline goes through: its name on the feed, and the argument that takes its callback."""

    name: str = "denoise"
    callback: str = "callback_on_step_end"


@dataclass(frozen=True)
class Scheduling:
    """Another scheduler than the checkpoint's own, made from the configuration of that one."""

    name: str  # a class of diffusers
    settings: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True, eq=False)
class Attachment:
    """Further weights a call needs on the pipeline: taken off again when it ends.

    `control` goes into the constructor of the pipeline's class; `ip_adapter` and `photomaker` are loaded into its parts.
    The rest is of `ip_adapter`: each may cease to count after a share of the steps (`until`), or count only in a region of
    the picture (`masks`: uint8 [height, width], 255 = there; None = everywhere) while the share of the steps is within
    `masked`.
    """

    kind: Literal["control", "ip_adapter", "photomaker"]
    parts: tuple[str, ...]  # names in `Checkpoint.beside`; one that stands there twice is loaded twice
    scale: object = 1.0  # a number, or a list with one for each part: a number, or by blocks
    until: tuple[float, ...] = ()  # one for each part; empty: to the end
    masks: tuple[Any, ...] = ()  # one for each part; empty: everywhere
    masked: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True, eq=False)
class Call:
    """What a pipeline is called with: all that decides the pixels, besides the weights, the LoRAs and the seed.

    `arguments` are keywords of the class's `__call__` as plain values; those in `pictures` are rgb arrays (uint8
    [h, w, 3]) or, for a mask, [h, w], or lists of them, and become PIL pictures. `settings` are the constructor's words
    beside the components. What comes out in another size than `size` (width, height) is scaled to it.
    """

    pipeline: str  # a class of diffusers, or "module:Class"
    arguments: Mapping[str, Any]
    size: tuple[int, int]
    pictures: Mapping[str, Any] = field(default_factory=dict)
    settings: tuple[tuple[str, object], ...] = ()
    stages: tuple[Stage, ...] = (Stage(),)
    scheduling: Scheduling | None = None
    attachments: tuple[Attachment, ...] = ()
    negative_words: str | None = None  # encoded apart, as the prompt is, where `encode_prompt` reads but one
    guider_scale: float | None = None  # for pipelines whose guidance is a part of their own


@dataclass(frozen=True)
class Encoding:
    """How a pipeline turns words into numbers, so that what came of the same words may be used again, exactly.

    `takes` are the arguments of a call that `encode_prompt` is handed; `gives`, in the order of what it returns, the
    arguments they become, None for one that the pipeline makes anew. The words themselves are left out of the call then.
    """

    takes: tuple[str, ...]
    gives: tuple[str | None, ...]
    guided: bool = False  # it is told, as `do_classifier_free_guidance`, whether to encode the negative prompt too


@dataclass(frozen=True)
class LatentLayout:
    """How a family's latents lie in the callback, for previews.

    `packed`: [batch, patches, channels · 4], rows of 2 × 2 patches; else [batch, channels, height, width].
    `pixels` is how many pixels of a side one latent is.
    """

    packed: bool
    pixels: int = 8
