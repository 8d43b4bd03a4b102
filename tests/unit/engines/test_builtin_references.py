"""Painting with references: the scene, the drawn object or the masked part takes their colours; nothing else does."""

from typing import Any

import numpy as np
import pytest
from test_builtin_painter import VOCABULARY, Discs, notes, photo, pictures, regions, task

from gesso.domain.events import Event
from gesso.domain.picture import DecodedPicture
from gesso.engines.builtin.painter import paint


def reference(colour: tuple[int, int, int]) -> DecodedPicture:
    noise = np.random.default_rng(5).integers(-25, 26, (40, 50, 3))
    return DecodedPicture(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8), None, "png")


RED, BLUE = reference((210, 50, 40)), reference((30, 60, 200))


def run(prompt: str, *references: DecodedPicture, **keywords: Any) -> list[Event]:
    asked = task(prompt, **keywords)
    asked = type(asked)(asked.job_id, asked.request, asked.route, asked.image, asked.mask, references)
    return list(paint(asked, VOCABULARY, Discs))


def pixels(prompt: str, *references: DecodedPicture, **keywords: Any) -> np.ndarray:
    (made,) = pictures(run(prompt, *references, **keywords))
    return made.pixels


@pytest.mark.parametrize("prompt", ["add a duck", "make it like this"])
def test_without_strength_or_with_an_empty_mask_no_bit_changes(prompt: str) -> None:
    image = photo()
    np.testing.assert_array_equal(pixels(prompt, RED, image=image, strength=0), image.rgb)
    empty = np.zeros((90, 120), np.uint8)
    found = run(prompt, RED, image=image, mask=empty)
    np.testing.assert_array_equal(pictures(found)[0].pixels, image.rgb)
    assert "reference_colours" not in notes(found)


def test_a_reference_strength_of_zero_is_as_if_there_were_none_and_says_so() -> None:
    np.testing.assert_array_equal(pixels("a duck", RED, reference_strength=0), pixels("a duck"))
    assert "were not taken" in notes(run("a duck", RED, reference_strength=0))["reference_colours"].message


def test_a_generated_picture_takes_the_colours_of_its_reference() -> None:
    plain, red, blue = pixels("a duck on grass"), pixels("a duck on grass", RED), pixels("a duck on grass", BLUE)
    colour, towards = plain.reshape(-1, 3).mean(0), {}
    for name, made, lent in (("red", red, RED), ("blue", blue, BLUE)):
        wanted = lent.rgb.reshape(-1, 3).mean(0)
        towards[name] = np.abs(made.reshape(-1, 3).mean(0) - wanted).sum() / np.abs(colour - wanted).sum()
    assert max(towards.values()) < 0.5, towards
    np.testing.assert_array_equal(red, pixels("a duck on grass", RED))
    note = notes(run("a duck on grass", RED))["reference_colours"]
    assert note.data == {"references": 1, "strength": 0.8}
    assert "the whole picture, to 80%" in note.message


def test_more_strength_takes_more() -> None:
    wanted = RED.rgb.reshape(-1, 3).mean(0)
    made = (pixels("a duck on grass", RED, reference_strength=much) for much in (0.0, 0.3, 0.6, 1.0))
    far = [float(np.abs(one.reshape(-1, 3).mean(0) - wanted).sum()) for one in made]
    assert far == sorted(far, reverse=True)
    assert len(set(far)) == 4


@pytest.mark.parametrize("strength", [1.0, 0.6])
def test_in_an_edit_only_the_drawn_object_takes_them(strength: float) -> None:
    image = photo()
    before, found = (
        pixels("add a duck", image=image, strength=strength),
        run("add a duck", RED, image=image, strength=strength),
    )
    after = pictures(found)[0].pixels
    (region,) = regions(found)
    box = (slice(region["y"], region["y"] + region["height"]), slice(region["x"], region["x"] + region["width"]))
    outside = np.ones(after.shape[:2], bool)
    outside[box] = False
    np.testing.assert_array_equal(after[outside], image.rgb[outside])
    changed = (after != before).any(-1)
    assert changed.any()
    assert after[changed][:, 0].mean() > before[changed][:, 0].mean() + 20
    assert "what was newly drawn" in notes(found)["reference_colours"].message


@pytest.mark.parametrize("prompt", ["make it sepia", "make it like this"])
def test_an_edit_that_draws_nothing_moves_the_picture_within_the_mask(prompt: str) -> None:
    image, mask = photo(), np.zeros((90, 120), np.uint8)
    mask[20:60, 30:90] = 255
    found = run(prompt, BLUE, image=image, mask=mask)
    after = pictures(found)[0].pixels
    np.testing.assert_array_equal(after[mask == 0], image.rgb[mask == 0])
    wanted, inside = BLUE.rgb.reshape(-1, 3).mean(0), mask == 255
    assert np.abs(after[inside].mean(0) - wanted).sum() < np.abs(image.rgb[inside].mean(0) - wanted).sum() / 2
    assert "the masked part" in notes(found)["reference_colours"].message
    if "nothing_understood" in notes(found):
        assert "only its colours" in notes(found)["nothing_understood"].message


def test_two_references_are_averaged_in_either_order() -> None:
    both = pixels("a duck on grass", RED, BLUE)
    assert np.abs(both.astype(int) - pixels("a duck on grass", BLUE, RED)).max() <= 1
    assert not np.array_equal(both, pixels("a duck on grass", RED))
    assert "average colours of the 2 references" in notes(run("a duck", RED, BLUE))["reference_colours"].message
