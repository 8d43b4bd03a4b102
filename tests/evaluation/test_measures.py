"""What the evaluation measures with: intervals, parts of a difference, likeness, outlines, energies."""

import numpy as np
import pytest


def test_wilsons_interval_is_that_of_the_textbook() -> None:
    from shares import wilson

    assert wilson(50, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)


def test_a_row_is_reached_from_its_bar_on() -> None:
    from shares import Figure, Share, Trial, table

    trials = [Trial("", number < 3) for number in range(4)]
    assert Share("", 0.75, trials).reached
    assert not Share("", 0.76, trials).reached
    assert Share("", 0.80, trials, slack=0.05).reached_nearly
    assert not Share("", 0.85, trials, slack=0.05).reached_nearly
    assert Figure("", 40, 39.9, 1, most=True).reached
    assert not Figure("", 40, 40.1, 1, most=True).reached
    lines = table([Share("a", 0.9, trials), Figure("b", 0.25, 0.5, 45, " s")])
    assert lines[2] == "| a | ≥ 90 % | 75.0 % (30–95) | 3 of 4 | **no** |"
    assert lines[3] == "| b | ≥ 0.25 s | 0.50 s | 45 | yes |"


def test_parts_are_connected_and_the_largest_comes_first() -> None:
    from parts import Box, differs, parts_of

    before = np.full((200, 300, 3), 90, np.uint8)
    after = before.copy()
    after[20:60, 30:50] = 200  # a small one
    after[100:180, 100:220, 1] = 10  # a large one
    after[104:108, 104:108] = 90  # with a hole
    after[150:152, 290:292] = 0  # and a speck
    found = parts_of(differs(before, after))
    assert [part.box for part in found] == [Box(100, 100, 220, 180), Box(30, 20, 50, 60)]
    assert found[0].area == 120 * 80 - 16
    assert parts_of(differs(before, before)) == []


def test_what_a_step_apart_touches_is_one_part_and_what_is_far_is_not() -> None:
    from parts import parts_of

    where = np.zeros((192, 192), bool)
    where[50:90, 50:90] = where[50:90, 91:130] = True
    assert len(parts_of(where)) == 1
    where[:] = False
    where[50:90, 50:90] = where[50:90, 96:130] = True
    assert len(parts_of(where)) == 2


def test_likeness_is_one_for_the_same_and_falls_with_noise() -> None:
    from similarity import ssim

    picture = np.random.default_rng(1).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    noise = np.random.default_rng(2).integers(-40, 41, picture.shape)
    near = np.clip(picture + noise, 0, 255).astype(np.uint8)
    other = np.random.default_rng(3).integers(0, 256, picture.shape).astype(np.uint8)
    assert ssim(picture, picture) == pytest.approx(1)
    assert 1 > ssim(picture, near) > 0.7 > 0.2 > ssim(picture, other)


def test_a_thing_matches_itself_at_another_size_or_turned_round_and_no_other() -> None:
    from PIL import Image, ImageOps

    from rows.references import COLOUR, SHAPE, drawn, matches

    things = [drawn(number) for number in range(8)]
    source = np.full((240, 320, 3), (120, 140, 150), np.uint8)
    for number, thing in enumerate(things):
        page = Image.fromarray(source).convert("RGBA")
        small = ImageOps.mirror(thing).resize((round(thing.width * 0.7), round(thing.height * 0.7)))
        page.alpha_composite(small, (60, 40))
        made = np.asarray(page.convert("RGB"))
        for other, wanted in enumerate(things):
            shape, colour = matches(np.asarray(wanted), source, made)
            assert (shape >= SHAPE and colour >= COLOUR) == (number == other), (number, other, shape, colour)


def test_a_blurred_picture_has_less_edge_energy() -> None:
    from PIL import Image, ImageFilter

    from parts import Box
    from rows.references import drawn
    from rows.sharpness import energy

    page = Image.new("RGB", (240, 240), "gray")
    page.paste(drawn(3), (20, 20), drawn(3))
    whole = Box(20, 20, 220, 220)
    sharp = energy(np.asarray(page), whole)
    soft = [energy(np.asarray(page.filter(ImageFilter.GaussianBlur(radius))), whole) for radius in (1, 2, 4)]
    assert sharp > soft[0] > soft[1] > soft[2] > 0


@pytest.mark.training
def test_likeness_is_that_of_scikit_image() -> None:
    metrics = pytest.importorskip("skimage.metrics", reason="scikit-image is not installed (the training extra)")
    from skimage.color import rgb2gray

    from similarity import ssim

    dice = np.random.default_rng(4)
    one = dice.integers(0, 256, (64, 96, 3)).astype(np.uint8)
    other = np.clip(one + dice.integers(-90, 91, one.shape), 0, 255).astype(np.uint8)
    theirs = metrics.structural_similarity(rgb2gray(one) * 255, rgb2gray(other) * 255, data_range=255)
    assert ssim(one, other) == pytest.approx(float(theirs), abs=1e-3)
