"""Backgrounds: every kind at any size, seeded, plain where plain is asked."""

import numpy as np
import pytest
from taught import taught_vocabulary

from gesso.engines.builtin.background import COLOUR_VALUES, backdrop
from gesso.engines.builtin.grounds import GROUNDS
from gesso.engines.builtin.lexicon import Kind, Lexicon
from gesso.engines.builtin.vocabulary import load_vocabulary
from gesso.engines.builtin.wishes import Background

VOCABULARY = load_vocabulary()
COLOURS = VOCABULARY.colours


def painted(
    asked: Background | None,
    seed: int = 1,
    size: tuple[int, int] = (96, 80),
    alone: bool = False,
    home: tuple[str, ...] = (),
) -> np.ndarray:
    return backdrop(asked, COLOURS, seed, alone=alone, home=home).paint(*size)


def test_every_ground_a_prompt_can_name_can_be_painted_and_every_colour_has_a_value() -> None:
    named = {str(m.value) for m in Lexicon.of(VOCABULARY).phrases.values() if m.kind is Kind.GROUND}
    assert named == {*GROUNDS, "studio"}
    assert set(COLOUR_VALUES) == set(COLOURS) - {""}


@pytest.mark.parametrize("ground", ["", *GROUNDS, "studio"])
@pytest.mark.parametrize("time", ["", "sunset", "night"])
def test_each_ground_in_each_light_is_its_own_picture(ground: str, time: str) -> None:
    picture = painted(Background(ground=ground, time=time))
    assert picture.shape == (80, 96, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 1
    np.testing.assert_array_equal(picture, painted(Background(ground=ground, time=time)))


def test_a_plain_colour_is_plain() -> None:
    picture = painted(Background(colours=(COLOURS.index("blue"),)))
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 1
    red, _, blue = picture[0, 0].tolist()
    assert blue > red + 60


def test_a_gradient_goes_from_the_first_colour_to_the_second() -> None:
    asked = Background(colours=(COLOURS.index("white"), COLOURS.index("black")), gradient=True)
    rows = painted(asked).mean((1, 2))
    assert (np.diff(rows) < 0.5).all()
    assert rows[0] > 230
    assert rows[-1] < 50


def test_a_colour_tints_a_ground() -> None:
    plain, tinted = (painted(Background(ground="sky", colours=c)) for c in ((), (COLOURS.index("pink"),)))
    assert tinted[..., 0].mean() > plain[..., 0].mean() + 30


@pytest.mark.parametrize(
    "asked", [None, Background(ground="wood"), Background(ground="grass"), Background(ground="sea", time="sunset")]
)
def test_the_seed_makes_it(asked: Background | None) -> None:
    assert any(not np.array_equal(painted(asked, 1), painted(asked, seed)) for seed in range(2, 6))


def test_with_nothing_to_draw_a_landscape_is_painted() -> None:
    assert all(backdrop(None, COLOURS, seed, alone=True).horizon is not None for seed in range(20))


def test_behind_a_thing_is_a_place_where_it_is_at_home() -> None:
    assert all(backdrop(None, COLOURS, seed, alone=False, home=("brick",)).horizon is None for seed in range(20))
    found = {backdrop(None, COLOURS, seed, alone=False, home=("grass", "brick")).horizon is None for seed in range(20)}
    assert found == {True, False}


def test_where_a_time_is_asked_for_things_are_at_home_outdoors() -> None:
    night = Background(time="night")
    np.testing.assert_array_equal(
        painted(night, home=("room", "grass", "table")),
        painted(Background(ground="grass", time="night"), home=("grass",)),
    )
    assert backdrop(night, COLOURS, 1, alone=False, home=("table",)).horizon is None  # the sky


def test_every_home_is_a_ground() -> None:
    homes = {home for noun in taught_vocabulary().nouns for home in noun.home}
    assert homes <= set(GROUNDS)
    assert all(noun.home for noun in taught_vocabulary().nouns)


def test_water_is_where_it_is_painted() -> None:
    for ground, rows in (("sea", slice(70, 78)), ("underwater", slice(4, 40))):
        scene = backdrop(Background(ground=ground), COLOURS, 4, alone=True)
        red, green, blue = scene.paint(80, 80)[rows].mean((0, 1))
        assert blue > green > red
        assert scene.water is not None
        top, bottom = (round(part * 80) for part in scene.water)
        assert top <= rows.start < rows.stop <= bottom
    assert backdrop(Background(ground="grass"), COLOURS, 4, alone=True).water is None


def edges(picture: np.ndarray, axis: int) -> np.ndarray:
    """How many levels the lightness steps from each row (axis 0) or column (1) to the next, on the whole."""
    return np.asarray(np.abs(np.diff(picture.astype(float).mean(-1), axis=axis)).mean(1 - axis))


@pytest.mark.parametrize("seed", range(6))
def test_bricks_lie_in_courses_and_are_red(seed: int) -> None:
    picture = painted(Background(ground="brick"), seed, (256, 256))
    red, green, blue = np.median(picture.reshape(-1, 3), axis=0)
    assert red > 1.2 * max(green, blue)
    lines = edges(picture, 0)
    assert lines.max() > 3 * np.median(lines)  # whole rows of mortar
    assert lines.max() > 1.5 * edges(picture, 1).max()  # but of no column more than half: every other course is moved


@pytest.mark.parametrize("seed", range(6))
def test_wood_is_brown_and_its_grain_runs_one_way(seed: int) -> None:
    picture = painted(Background(ground="wood"), seed, (256, 256))
    red, green, blue = np.median(picture.reshape(-1, 3), axis=0)
    assert red > green > blue
    across, down = (edges(picture, axis).mean() for axis in (1, 0))
    assert max(across, down) > 2 * min(across, down)


def test_surfaces_are_not_stretched_with_the_picture() -> None:
    """Twice as wide shows twice as many bricks, each as wide as before."""
    one, two = (painted(Background(ground="brick"), 3, size).astype(int) for size in ((128, 128), (256, 128)))
    assert np.abs(one - two[:, :128]).mean() < np.abs(one - two[:, ::2]).mean() / 2


def test_a_larger_size_is_the_same_picture() -> None:
    small, large = (painted(Background(ground="grass"), size=size) for size in ((128, 128), (512, 512)))
    shrunk = large.reshape(128, 4, 128, 4, 3).mean((1, 3))
    assert np.abs(shrunk - small).mean() < 3


@pytest.mark.parametrize("size", [(64, 8192), (8192, 64), (64, 64)])
def test_extreme_sizes(size: tuple[int, int]) -> None:
    assert painted(Background(ground="sea", time="night"), size=size).shape == (size[1], size[0], 3)
