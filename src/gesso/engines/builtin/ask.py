"""What one task asks of the built-in engine: its route's arguments, typed, with this engine's defaults filled in."""

from __future__ import annotations

from dataclasses import dataclass

from gesso.domain.errors import EngineFailed
from gesso.domain.events import Task
from gesso.engines.builtin.vocabulary import Vocabulary

DEFAULT_SIDE = 512
REFERENCE_STRENGTH = 0.8
MOST_PIXELS = 20_000_000
SIDES = range(64, 8193)


@dataclass(frozen=True)
class Ask:
    """A task's arguments: sizes in pixels, strengths in 0..1."""

    prompt: str
    negative_prompt: str
    width: int
    height: int
    steps: int
    guidance: float
    strength: float  # 1 where nothing is edited
    reference_strength: float

    @classmethod
    def of(cls, task: Task, vocabulary: Vocabulary) -> Ask:
        """Read the route's arguments; an edit has its source's size, whatever the arguments say.

        Raises EngineFailed for a size that is not possible.
        """
        given = {name: value for name, value in task.route.arguments.items() if value is not None}
        width, height = int(given.get("width", DEFAULT_SIDE)), int(given.get("height", DEFAULT_SIDE))
        if task.image is not None:
            width, height = task.image.width, task.image.height
        elif width not in SIDES or height not in SIDES or width * height > MOST_PIXELS:
            raise EngineFailed(
                f"A picture of {width}x{height} is not possible: 64 to 8192 a side, 20 megapixels in all."
            )
        return cls(
            prompt=str(given.get("prompt", "")),
            negative_prompt=str(given.get("negative_prompt", "")),
            width=width,
            height=height,
            steps=int(given.get("steps", vocabulary.defaults.steps)),
            guidance=float(given.get("guidance", vocabulary.defaults.guidance)),
            strength=float(given.get("strength", 1.0)) if task.image is not None else 1.0,
            reference_strength=float(given.get("reference_strength", REFERENCE_STRENGTH)),
        )
