"""What finding is made of: edges without colours, outlines laid and followed, tints, masks that grow, pixels mixed in."""

import colorsys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from gesso.engines.builtin.finder import TRAITS, load_finder
from gesso.engines.builtin.grow import grown
from gesso.engines.builtin.layout import Frame
from gesso.engines.builtin.outlines import follow
from gesso.engines.builtin.pose import SIDE, Pose, fit
from gesso.engines.builtin.retouch import Retouch
from gesso.engines.builtin.tint import tint
from gesso.engines.builtin.traits import mirrored, traits
from gesso.engines.builtin.vocabulary import WEIGHTS_FOLDER, load_vocabulary


def noise(height: int, width: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def boot(side: int = 64) -> Image.Image:
    """An outline without symmetry: a leg and a foot."""
    image = Image.new("L", (side, side))
    draw = ImageDraw.Draw(image)
    draw.rectangle((side * 0.1, side * 0.05, side * 0.45, side * 0.95), fill=255)
    draw.ellipse((side * 0.1, side * 0.55, side * 0.95, side * 0.95), fill=255)
    return image


def shared(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_traits_are_those_of_edges_and_not_of_colours() -> None:
    picture = noise(32, 40)[None]
    np.testing.assert_allclose(traits(255 - picture), traits(picture), atol=1e-6)
    np.testing.assert_allclose(traits(picture[..., ::-1]), traits(picture), atol=1e-2)
    upright = np.zeros((1, 16, 16, 3), np.uint8)
    upright[:, :, 7:] = 200
    assert (traits(upright)[0, :, 1].argmax(-1) == 0).all()
    level = upright.transpose(0, 2, 1, 3)
    assert (traits(level)[0, 1].argmax(-1) == 4).all()
    assert (traits(np.full((1, 16, 16, 3), 90, np.uint8)) == 0).all()


def test_traits_of_a_mirrored_picture_are_mirrored_traits() -> None:
    picture = noise(24, 32)[None]
    np.testing.assert_allclose(traits(picture[:, :, ::-1]), mirrored(traits(picture)), atol=1e-5)


def test_the_shipped_finder_knows_every_noun_and_more_of_itself_than_of_others() -> None:
    finder, vocabulary = load_finder(WEIGHTS_FOLDER / "finder.npz"), load_vocabulary()
    assert len(finder.kinds) == len(finder.outlines) >= len(vocabulary.nouns)
    assert finder.project.shape[0] == finder.middle.shape[0] == TRAITS
    evidence = finder.evidence(finder.kinds)
    np.testing.assert_array_equal(evidence.argmax(1), np.arange(len(finder.kinds)))
    assert (np.diag(evidence) > 0).all()
    assert finder.evidence(finder.none[None]).max() < 0


def test_a_finder_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "finder.npz").write_bytes(b"not numbers")
    with pytest.raises(ValueError, match=r".*"):
        load_finder(tmp_path / "finder.npz")


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**31), st.integers(1, 14), st.integers(1, 14), st.integers(0, 6))
def test_a_grown_mask_holds_all_within_reach(seed: int, height: int, width: int, reach: int) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < 0.12
    y, x = np.mgrid[:height, :width]
    near = [(y - line) ** 2 + (x - column) ** 2 <= reach * reach for line, column in np.argwhere(mask)]
    np.testing.assert_array_equal(grown(mask, reach), np.any(near, axis=0) if near else mask)


@pytest.mark.parametrize("colour", ["red", "orange", "yellow", "green", "blue", "purple", "pink", "brown"])
def test_a_tint_sets_the_hue_and_keeps_light_and_shade(colour: str) -> None:
    degrees = {"red": 0, "orange": 28, "yellow": 52, "green": 125, "blue": 220, "purple": 275, "pink": 330, "brown": 25}
    pixels = noise(1, 300)[0]
    for before, after in zip(pixels.tolist(), tint(pixels, colour).tolist(), strict=True):
        _, saturation, value = colorsys.rgb_to_hsv(*(part / 255 for part in before))
        saturation = max(saturation, 0.6) if value > 0.15 else saturation
        wanted = colorsys.hsv_to_rgb(degrees[colour] / 360, saturation, value * (0.6 if colour == "brown" else 1))
        np.testing.assert_allclose(after, np.array(wanted) * 255, atol=0.51)


def test_tints_without_a_hue_scale_the_lightness_and_no_colour_leaves_all() -> None:
    pixels = noise(1, 50)[0]
    grey = (0.299 * pixels[:, 0] + 0.587 * pixels[:, 1] + 0.114 * pixels[:, 2]) / 255
    for colour, scale, offset in (("gray", 0.75, 0.1), ("white", 0.25, 0.75), ("black", 0.3, 0.02)):
        wanted = np.repeat((grey * scale + offset)[:, None] * 255, 3, 1)
        np.testing.assert_allclose(tint(pixels, colour), wanted, atol=0.51)
    np.testing.assert_array_equal(tint(pixels, ""), pixels)


@pytest.mark.parametrize(
    "pose", [Pose(), Pose(across=0.08, down=-0.05), Pose(wide=1.1, tall=0.93), Pose(degrees=8), Pose(0.05, 0.04, 0.94)]
)
def test_an_outline_is_laid_along_the_edges_that_are_there(pose: Pose) -> None:
    drawn = pose.show(boot(), 0.6)[..., None]
    square = (60 * (1 - drawn) + np.array([200, 90, 40]) * drawn + noise(SIDE, SIDE) * 0.05).astype(np.uint8)
    laid = fit(boot(), 0.6, square)
    assert shared(laid.show(boot(), 0.6) > 0.5, drawn[..., 0] > 0.5) > 0.93


def test_a_coarse_share_follows_the_colours_of_the_picture() -> None:
    y, x = np.mgrid[:240, :240]
    disc = np.hypot(y - 120, x - 126) < 70
    picture = np.where(disc[..., None], [180, 60, 60], [90, 120, 90]).astype(np.uint8)
    cells = np.mgrid[:60, :60] * 4 + 2
    coarse = (np.hypot(cells[0] - 120, cells[1] - 120) < 68).astype(np.float32)
    before = np.asarray(Image.fromarray(coarse).resize((240, 240))) > 0.5
    after = follow(coarse, picture, 2.5) > 0.5
    assert shared(after, disc) > shared(before, disc) + 0.05 > 0.9


@settings(deadline=None, max_examples=40)
@given(st.integers(-30, 60), st.integers(-30, 60), st.floats(0.01, 1), st.booleans(), st.booleans(), st.integers(0, 20))
def test_retouching_changes_nothing_beside_its_share_and_its_region(
    left: int, top: int, strength: float, masked: bool, alpha: bool, around: int
) -> None:
    before = np.dstack([noise(40, 50), noise(40, 50, 4)[..., :1]]) if alpha else noise(40, 50)
    share = np.random.default_rng(5).integers(0, 256, (24, 28), np.uint8) * (noise(24, 28, 6)[..., 0] > 150)
    mask = np.random.default_rng(7).integers(0, 3, (40, 50), np.uint8) * np.uint8(127) if masked else None
    picture = Retouch(before.copy(), mask, strength)
    sizes = []

    def inverted(rgb: np.ndarray, spot: tuple[slice, slice]) -> np.ndarray:
        sizes.append((rgb.shape[0] - (spot[0].stop - spot[0].start), rgb.shape[1] - (spot[1].stop - spot[1].start)))
        return 255 - rgb

    region = picture.mix(Frame(left, top, 28, 24), share.astype(np.uint8), inverted, around)
    weight = np.zeros((40, 50))
    for line in range(max(top, 0), min(top + 24, 40)):
        for column in range(max(left, 0), min(left + 28, 50)):
            weight[line, column] = share[line - top, column - left] / 255
    if mask is not None:
        weight *= mask / 255
    outside = np.ones((40, 50), bool)
    if region is not None:
        outside[region.top : region.top + region.height, region.left : region.left + region.width] = False
        assert all(0 <= height <= 2 * around and 0 <= width <= 2 * around for height, width in sizes)
    outside |= weight == 0
    np.testing.assert_array_equal(picture.pixels[outside], before[outside])
    wanted = (
        before[..., :3] * (1 - weight[..., None] * strength) + (255.0 - before[..., :3]) * weight[..., None] * strength
    )
    np.testing.assert_allclose(picture.pixels[..., :3], wanted, atol=1.6)
    if alpha:
        np.testing.assert_array_equal(picture.pixels[..., 3], before[..., 3])
