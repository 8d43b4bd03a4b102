"""Sizes handed over to a route that takes fewer than its model: in the same shape, within the route's bounds."""

from __future__ import annotations

import pytest
from asking import asked
from hypothesis import given
from hypothesis import strategies as st

from gesso.catalogue.load import load_catalogue
from gesso.catalogue.plan import choose
from gesso.domain.request import RouteChoice, Verdict

SLUG, VENDOR = "wan-2-5-preview-text-to-image", "dashscope"
LEAST, MOST = 1280 * 1280, 1440 * 1440  # what the owner takes; the model itself takes 768 × 768 and more
SIDES = st.tuples(st.integers(400, 2800), st.integers(400, 2800)).filter(
    lambda size: 768 * 768 <= size[0] * size[1] <= MOST and 0.25 <= size[0] / size[1] <= 4
)


def handed_over(size: object) -> tuple[RouteChoice, Verdict, int, int]:
    model, checked, request = asked(SLUG, {"prompt": "a red fox", "image_size": size})
    route = next(one for one in model.routes if one.vendor == VENDOR)
    choice = choose(load_catalogue(), model, route, request, checked)
    verdict = next(one for one in choice.verdicts if one.parameter == "image_size")
    wide, tall = (int(side) for side in choice.arguments["parameters.size"].split("x"))
    return choice, verdict, wide, tall


@given(SIDES)
def test_every_size_is_brought_within_the_routes_bounds_in_its_shape(size):
    _, verdict, wide, tall = handed_over({"width": size[0], "height": size[1]})
    assert LEAST <= wide * tall <= MOST
    assert wide % 16 == 0
    assert tall % 16 == 0
    assert wide / tall == pytest.approx(size[0] / size[1], rel=0.06)
    assert verdict.verdict == ("mapped" if (wide, tall) == size else "clamped")


@pytest.mark.parametrize(
    ("size", "sides", "reason"),
    [
        ("square_hd", (1280, 1280), "this route takes no fewer than 1,638,400 pixels; 1280x1280 is used"),
        ({"width": 1440, "height": 1440}, (1440, 1440), "handed over as 1440x1440 pixels"),
        ({"width": 1400, "height": 1405}, (1408, 1408), "this route takes multiples of 16; 1408x1408 is used"),
    ],
)
def test_the_reason_is_said(size, sides, reason):
    _, verdict, wide, tall = handed_over(size)
    assert (wide, tall) == sides
    assert verdict.reason.startswith(reason)
