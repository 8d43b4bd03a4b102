"""Sizes: presets, tables, ratios, megapixels, resolutions, and edits whose size hangs on their source."""

from __future__ import annotations

from typing import Any

import pytest
from asking import CATALOGUE, PICTURE, asked
from hypothesis import given
from hypothesis import strategies as st

from gesso.catalogue.size_tables import TABLES
from gesso.catalogue.sizes import (
    AREA_MAX,
    GIVEN_OUT,
    SIDE_MAX,
    SIDE_MIN,
    fit_within,
    output_size,
    parse_ratio,
    parse_sides,
    sides_for,
)
from gesso.domain.errors import InvalidInput
from gesso.domain.request import SizeRule


def size(slug: str, **raw: Any) -> tuple[int | None, int | None]:
    _, _, request = asked(slug, {"prompt": "a ball"} | raw)
    return request.width, request.height


def edited(slug: str, source: tuple[int, int], **raw: Any) -> tuple[int, int]:
    """The size an edit of a source comes out in."""
    field = "image_file_paths" if slug == "long-sides" else "image"
    _, _, request = asked(slug, {"prompt": "a ball", field: PICTURE} | raw)
    assert request.operation == "edit"
    return output_size(request, *source)


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ({"width": 8192, "height": 8192}, "width"),
        ({"width": 8000, "aspect_ratio": "1:2"}, "width"),
        ({"aspect_ratio": "1:200"}, "aspect_ratio"),
        ({"aspect_ratio": "wide"}, "aspect_ratio"),
        ({"aspect_ratio": "0:1"}, "aspect_ratio"),
        ({"aspect_ratio": "16:9\n"}, "aspect_ratio"),
        ({"aspect_ratio": "16:-9"}, "aspect_ratio"),
    ],
)
def test_sizes_that_cannot_be_are_refused_by_name(raw: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        asked("gesso-sketch", {"prompt": "a ball"} | raw)
    assert {one.field for one in caught.value.problems} == {field}


def test_the_built_in_model_paints_512_unless_told_otherwise() -> None:
    assert size("gesso-sketch") == (512, 512)
    assert size("gesso-sketch", width=640) == (640, 512)
    assert size("gesso-sketch", width=640, height=333) == (640, 333)
    assert size("gesso-sketch", width=640, aspect_ratio="16:9") == (640, 360)
    assert size("gesso-sketch", height=300, aspect_ratio="2:1") == (600, 300)
    assert size("gesso-sketch", aspect_ratio="16:9") == (682, 384)
    assert size("gesso-sketch", aspect_ratio="1:1") == (512, 512)


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [("1:1", (1024, 1024)), ("16:9", (1344, 768)), ("9:21", (640, 1536)), ("4:5", (896, 1088)), ("2:3", (832, 1216))],
)
def test_flux_schnell_follows_its_table(ratio: str, expected: tuple[int, int]) -> None:
    assert size("flux-schnell", aspect_ratio=ratio) == expected
    assert size("flux-schnell", aspect_ratio=ratio, megapixels="0.25") == (expected[0] // 2, expected[1] // 2)


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        ("1:1", (1024, 1024)),
        ("2:3", (832, 1248)),
        ("3:2", (1248, 832)),
        ("3:4", (880, 1168)),
        ("4:3", (1168, 880)),
        ("9:16", (768, 1360)),
        ("16:9", (1360, 768)),
        ("9:21", (656, 1552)),
        ("21:9", (1552, 656)),
    ],
)
def test_claid_has_nine_sizes_and_the_common_rule_gives_the_same(ratio: str, expected: tuple[int, int]) -> None:
    assert edited("claid-edit-v1", (500, 300), aspect_ratio=ratio) == expected
    parsed = parse_ratio(ratio)
    assert parsed is not None
    assert sides_for(parsed, 1024 * 1024, 16) == expected


def test_an_edit_without_a_shape_keeps_its_sources() -> None:
    assert edited("claid-edit-v1", (3000, 2000)) == (1248, 832)
    assert edited("fashn-edit", (3000, 2000)) == (1248, 832)
    assert edited("fashn-edit", (300, 200), resolution="4k") == (5008, 3344)
    assert edited("fashn-edit", (300, 200), resolution="2k", aspect_ratio="1:1") == (2048, 2048)
    assert edited("gesso-sketch", (4032, 3024)) == (4032, 3024)
    assert edited("gesso-sketch", (401, 303), aspect_ratio="1:1") == (303, 303)
    assert edited("gesso-sketch", (400, 300), width=800) == (800, 600)
    assert edited("gesso-sketch", (400, 300), height=150) == (200, 150)
    assert edited("gesso-sketch", (400, 300), width=100, height=100) == (100, 100)
    assert edited("gesso-sketch", (400, 300), width=100, aspect_ratio="1:2") == (100, 200)


def test_a_longest_side_is_an_upper_bound_where_the_owner_says_so() -> None:
    assert edited("long-sides", (4000, 3000)) == (1024, 768)
    assert edited("long-sides", (400, 300)) == (400, 300)
    assert edited("long-sides", (400, 300), resolution="640px", aspect_ratio="16:9") == (640, 360)
    assert edited("long-sides", (4000, 3000), resolution="2k", aspect_ratio="2:3") == (1365, 2048)
    assert edited("long-sides", (4000, 3000), resolution="auto") == (4000, 3000)


def test_an_edit_may_follow_its_image_whatever_is_said() -> None:
    assert edited("named-sizes", (640, 480), aspect_ratio="16:9", resolution="512x1536") == (640, 480)
    assert edited("named-sizes", (4000, 3000), aspect_ratio="16:9") == (1440, 1072)


def test_exact_sizes_in_every_spelling() -> None:
    assert size("named-sizes", resolution="512x1536", aspect_ratio="16:9") == (512, 1536)
    assert size("named-sizes", resolution="1152*896") == (1152, 896)
    assert size("named-sizes", resolution="None", aspect_ratio="10:16") == (800, 1280)
    assert size("many-knobs", image_size={"width": 1600, "height": 1200}) == (1600, 1200)
    assert size("many-knobs") == (1024, 768)


def test_presets_below_the_least_area_are_scaled_up_in_shape() -> None:
    assert size("far-presets", image_size="square_hd") == (1920, 1920)
    width, height = size("far-presets", image_size="landscape_16_9")
    assert width is not None
    assert height is not None
    assert width * height >= 3686400
    assert abs(width / height - 16 / 9) < 0.02
    assert size("far-presets", image_size="auto_4K") == (4096, 4096)


def test_sides_count_only_under_a_custom_ratio() -> None:
    assert size("custom-ratio", width=512, height=256) == (1024, 1024)
    assert size("custom-ratio", width=512, height=256, aspect_ratio="custom") == (512, 256)
    assert size("custom-ratio", aspect_ratio="custom") == (1024, 1024)
    assert size("custom-ratio", aspect_ratio="9:19.5") == (688, 1504)


def test_tall_ratios_are_the_wide_ones_turned() -> None:
    for table in TABLES.values():
        for ratio, (width, height) in table.sizes.items():
            turned = ":".join(reversed(ratio.split(":")))
            assert table.sizes[turned] == (height, width)
            parsed = parse_ratio(ratio)
            assert parsed is not None
            assert abs(width / height / (parsed[0] / parsed[1]) - 1) < 0.1


@given(st.integers(1, 99999), st.integers(1, 99999))
def test_sizes_are_read_as_written(width: int, height: int) -> None:
    assert parse_sides(f"{width}x{height}") == parse_sides(f"{width}*{height}") == (width, height)
    assert parse_ratio(f"{width}:{height}") == (width, height)


SIDES = st.integers(1, 16384)
RULES = st.builds(
    SizeRule,
    ratio=st.none() | st.tuples(st.floats(1, 64), st.floats(1, 64)),
    area_pixels=st.none() | st.integers(1, 30_000_000),
    long_side=st.none() | st.integers(1, 9000),
    at_most=st.booleans(),
    multiple_of=st.sampled_from([1, 2, 8, 16]),
)


@given(RULES, SIDES, SIDES)
def test_a_rule_keeps_to_what_the_server_gives_out(rule: SizeRule, source_width: int, source_height: int) -> None:
    _, _, request = asked("gesso-sketch", {"prompt": "a ball", "image": PICTURE})
    width, height = output_size(request.model_copy(update={"size_rule": rule}), source_width, source_height)
    assert width % rule.multiple_of == height % rule.multiple_of == 0
    assert max(width, height) <= SIDE_MAX
    assert width * height <= AREA_MAX + width + height
    shape = rule.ratio or (source_width, source_height)
    if max(shape) / min(shape) < SIDE_MAX / SIDE_MIN / 2:
        assert min(width, height) >= SIDE_MIN - rule.multiple_of


@given(SIDES, SIDES)
def test_fitting_keeps_what_fits_and_the_shape_of_the_rest(width: int, height: int) -> None:
    fit_width, fit_height = fit_within(GIVEN_OUT, width, height)
    assert min(fit_width, fit_height) >= SIDE_MIN
    assert max(fit_width, fit_height) <= SIDE_MAX
    assert fit_width * fit_height <= AREA_MAX
    if min(width, height) >= SIDE_MIN and max(width, height) <= SIDE_MAX and width * height <= AREA_MAX:
        assert (fit_width, fit_height) == (width, height)
    elif max(width, height) / min(width, height) < 100:
        assert abs(fit_width / fit_height / (width / height) - 1) < 0.04


def test_every_packaged_ratio_gives_a_size() -> None:
    for model in CATALOGUE.models:
        ratio = model.with_role("aspect_ratio")
        for word in (ratio.allowed if ratio else None) or ():
            raw = {one.name: PICTURE for one in model.parameters if one.role == "image" and one.must_be_given}
            _, _, request = asked(model.slug, {"prompt": "a ball", **raw, ratio.name: word} if ratio else raw)
            assert (request.width is None) == (request.height is None)
