""" "Add this": the thing a reference shows is laid over the picture like a drawn one; nothing else changes."""

from typing import Any

import numpy as np
import pytest
from test_builtin_painter import VOCABULARY, Discs, notes, pictures, regions, task

from gesso.domain.events import Event
from gesso.domain.picture import DecodedPicture
from gesso.engines.builtin.cutout import cutout
from gesso.engines.builtin.painter import Tools, paint

VIOLET = (150, 30, 200)


def reference(alpha: bool = False) -> DecodedPicture:
    """A violet bar, twice as wide as high, on a light wall or on nothing."""
    rgb = np.full((120, 160, 3), 240, np.uint8)
    rgb[40:80, 40:120] = VIOLET
    bar = (rgb[..., 1] == VIOLET[1]).astype(np.uint8) * 255
    return DecodedPicture(rgb, bar if alpha else None, "png")


def photo() -> DecodedPicture:
    """A grey picture with grain; nothing in it is violet."""
    grain = np.random.default_rng(2).integers(60, 120, (90, 120, 1)).repeat(3, -1)
    return DecodedPicture(grain.astype(np.uint8), None, "png")


def wall() -> DecodedPicture:
    return DecodedPicture(np.full((120, 160, 3), 240, np.uint8), None, "png")


def run(prompt: str, *references: DecodedPicture, **keywords: Any) -> list[Event]:
    asked = task(prompt, **keywords)
    asked = type(asked)(asked.job_id, asked.request, asked.route, asked.image, asked.mask, references)
    return list(paint(asked, VOCABULARY, Discs, Tools(cutout=cutout)))


def violet(pixels: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.abs(pixels[..., :3].astype(int) - VIOLET).max(-1) < 12
    return found


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("prompt", ["add this", "add the object from the reference", "put it on the left"])
def test_its_thing_appears_in_the_region_and_nothing_else_changes(prompt: str, alpha: bool) -> None:
    image = photo()
    events = run(prompt, reference(alpha), image=image)
    (region,) = regions(events)
    after = pictures(events)[0].pixels
    outside = np.ones(after.shape[:2], bool)
    outside[region["y"] : region["y"] + region["height"], region["x"] : region["x"] + region["width"]] = False
    np.testing.assert_array_equal(after[outside], image.rgb[outside])
    lines, columns = np.nonzero(violet(after))
    high, wide = np.ptp(lines) + 1, np.ptp(columns) + 1
    assert len(lines) > 0.9 * high * wide
    assert wide / high == pytest.approx(2, rel=0.2)
    assert region["object"] == "reference's thing"
    assert "reference_colours" not in notes(events)


@pytest.mark.parametrize(("where", "side"), [("left", 0), ("right", 1)])
def test_it_stands_where_it_is_said_to(where: str, side: int) -> None:
    after = pictures(run(f"add this on the {where}", reference(), image=photo()))[0].pixels
    columns = np.nonzero(violet(after))[1]
    assert (columns.mean() > after.shape[1] / 2) == bool(side)


def test_size_words_count() -> None:
    areas = [
        int(violet(pictures(run(f"add this {size}", reference(), image=photo()))[0].pixels).sum())
        for size in ("tiny", "", "huge")
    ]
    assert areas == sorted(areas)
    assert len(set(areas)) == 3


def test_within_a_mask_it_fills_the_masked_place_and_no_pixel_outside_it_changes() -> None:
    image = photo()
    mask = np.zeros(image.rgb.shape[:2], np.uint8)
    mask[20:60, 30:110] = 255
    after = pictures(run("add this", reference(), image=image, mask=mask))[0].pixels
    np.testing.assert_array_equal(after[mask == 0], image.rgb[mask == 0])
    lines, columns = np.nonzero(violet(after))
    assert abs(lines.mean() - 39.5) < 2
    assert abs(columns.mean() - 69.5) < 2
    assert violet(after)[mask > 0].mean() > 0.9


def test_where_nothing_stands_out_nothing_is_added_and_it_is_said() -> None:
    image = photo()
    events = run("add this", wall(), image=image)
    np.testing.assert_array_equal(pictures(events)[0].pixels, image.rgb)
    assert notes(events)["reference_unclear"].data == {"reference": 0}


def test_of_two_references_the_one_with_a_thing_is_taken() -> None:
    events = run("add this", wall(), reference(), image=photo())
    assert violet(pictures(events)[0].pixels).any()
    assert notes(events)["reference_unclear"].data == {"reference": 0}


def test_a_generated_picture_shows_it_too() -> None:
    assert violet(pictures(run("this on grass", reference()))[0].pixels).any()


def test_without_such_words_a_reference_lends_its_colours_as_before() -> None:
    events = run("add a duck", reference(), image=photo())
    assert "reference_colours" in notes(events)
    assert not violet(pictures(events)[0].pixels).all()


def test_it_is_the_same_each_time_and_no_network_is_called() -> None:
    first, second = (pictures(run("add this", reference(), image=photo()))[0].pixels for _ in range(2))
    np.testing.assert_array_equal(first, second)
