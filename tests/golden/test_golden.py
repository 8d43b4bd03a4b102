"""Twelve prompts and twelve edits come out as the pictures stored beside this file, within a tolerance.

Golden pictures tell what changed, not what is good: `training/evaluate.py` judges that. Where a change is meant, look at
each and draw them anew: make goldens.
"""

import numpy as np
import pytest
from golden_pictures import HERE, drawn, names
from PIL import Image

from gesso.engines.builtin.engine import BuiltinEngine

# Other kinds of processors add in another order, and the files hold a few shades: levels on average, and the share of
# pixels that may be further away than FAR. A thing that moved, or another thing, exceeds both by far.
MEAN, FAR, SHARE = 5.0, 40, 0.01


@pytest.fixture(scope="module")
def engine() -> BuiltinEngine:
    return BuiltinEngine()


def away(made: np.ndarray, stored: np.ndarray) -> tuple[float, float]:
    """Return the mean difference in levels, and the share of pixels that are far away."""
    levels = np.abs(made.astype(np.int16) - stored).max(-1)
    return float(levels.mean()), float((levels > FAR).mean())


@pytest.mark.parametrize(("name", "prompt", "edit"), [pytest.param(*one, id=one[0]) for one in names()])
async def test_it_is_as_it_was(engine: BuiltinEngine, name: str, prompt: str, edit: bool) -> None:
    stored = np.asarray(Image.open(HERE / name).convert("RGB"))
    made = await drawn(engine, prompt, edit)
    assert made.shape == stored.shape
    mean, far = away(made, stored)
    assert mean <= MEAN, f"{prompt}: {mean:.2f} levels away on average"
    assert far <= SHARE, f"{prompt}: {far:.1%} of the pixels are more than {FAR} levels away"


def test_no_golden_picture_would_do_for_another() -> None:
    """What the tolerance is worth: every two of them are further apart than it allows."""
    stored = {name: np.asarray(Image.open(HERE / name).convert("RGB")) for name, _, _ in names()}
    for kind in ("prompt", "edit"):
        group = [picture for name, picture in stored.items() if name.startswith(kind)]
        for number, one in enumerate(group):
            for other in group[:number]:
                mean, far = away(one, other)
                assert mean > MEAN or far > SHARE
