"""Frames: the size each way of fitting gives, and what is seen in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gesso.domain.picture import DecodedPicture
from gesso.imaging.frame import frame, frame_size, on_colour

SIDES = st.integers(1, 300)
OPEN_SIDES = st.none() | SIDES
WAYS = st.sampled_from(["crop", "bounds", "cover", "canvas"])


def picture(width: int, height: int, value: int = 200, alpha: int | None = None) -> DecodedPicture:
    shape = (height, width)
    return DecodedPicture(
        rgb=np.full((*shape, 3), value, np.uint8),
        alpha=None if alpha is None else np.full(shape, alpha, np.uint8),
        source_format="png",
    )


@pytest.mark.parametrize(
    ("width", "height", "how", "size"),
    [
        (None, None, "crop", (120, 80)),
        (None, None, "canvas", (120, 80)),
        (60, None, "crop", (60, 80)),
        (None, 40, "crop", (120, 40)),
        (60, 60, "crop", (60, 60)),
        (60, None, "bounds", (60, 40)),
        (None, 160, "cover", (240, 160)),
        (60, None, "canvas", (60, 40)),
        (60, 60, "bounds", (60, 40)),
        (60, 60, "cover", (90, 60)),
        (60, 60, "canvas", (60, 60)),
        (1, None, "bounds", (1, 1)),
    ],
)
def test_the_size_each_way_gives(width, height, how, size) -> None:
    assert frame_size((120, 80), width, height, how) == size


@given(SIDES, SIDES, OPEN_SIDES, OPEN_SIDES, WAYS)
def test_a_framed_picture_has_the_size_that_was_said(source_width, source_height, width, height, how) -> None:
    size = frame_size((source_width, source_height), width, height, how)
    assert min(size) >= 1
    if width and height:
        within, over = size[0] <= width and size[1] <= height, size[0] >= width and size[1] >= height
        assert {"bounds": within, "cover": over, "crop": size == (width, height), "canvas": size == (width, height)}[
            how
        ]
    if max(size) <= 4 * 300:  # a hair-thin source that covers a frame is made enormous
        made = frame(picture(source_width, source_height), size, how)
        assert (made.width, made.height) == size


def test_a_picture_of_the_frames_size_stays_the_same_object() -> None:
    source = picture(30, 20)
    for how in ("crop", "bounds", "cover", "canvas"):
        assert frame(source, (30, 20), how) is source


def test_a_canvas_is_transparent_beside_the_picture() -> None:
    made = frame(picture(40, 20), (20, 30), "canvas")
    assert made.alpha is not None
    assert (made.alpha[10:20] == 255).all()
    assert not made.alpha[:10].any()
    assert not made.alpha[20:].any()
    assert (made.rgb[10:20] == 200).all()


def test_a_canvas_keeps_what_was_transparent() -> None:
    made = frame(picture(20, 20, alpha=77), (40, 20), "canvas")
    assert made.alpha is not None
    assert (made.alpha[:, 10:30] == 77).all()


@given(st.integers(0, 255), st.integers(0, 255), st.tuples(*[st.integers(0, 255)] * 3))
def test_a_colour_shows_as_far_as_the_picture_lets_it(value, alpha, colour) -> None:
    made = on_colour(picture(2, 1, value, alpha), colour)
    assert made.alpha is None
    for channel in range(3):
        assert made.rgb[0, 0, channel] == pytest.approx(
            (value * alpha + colour[channel] * (255 - alpha)) / 255, abs=0.51
        )


def test_an_opaque_picture_stays_the_same_object_on_any_colour() -> None:
    source = picture(3, 3)
    assert on_colour(source, (1, 2, 3)) is source
