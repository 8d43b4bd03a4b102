"""Orders painted as the process of a device paints them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

from equality import call_of, checkpoint, order, straight
from painting import pixels, told, tools

from gesso.engines.diffusers.messages import Ended, Stepped


def test_a_picture_is_what_its_call_makes(tiny: Callable[[str], Path]) -> None:
    one = order(checkpoint(tiny("flux1_dev")))
    messages = told([one], tools())
    (picture,) = pixels(messages)
    assert np.array_equal(picture, straight(call_of(one), one.checkpoint.path, one.seed))
    assert messages[-1] == Ended("job")
    stages = [(said.stage, said.done, said.total) for said in messages if isinstance(said, Stepped)]
    assert stages[-4:] == [("encode", 1, 1), ("denoise", 1, 2), ("denoise", 2, 2), ("decode", 1, 1)]
