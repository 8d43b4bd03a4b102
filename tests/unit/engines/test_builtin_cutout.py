"""Cutting out the thing of a picture: its shape and colours on walls, gradients and textures; none where there is none."""

import numpy as np
import pytest

from gesso.domain.picture import DecodedPicture
from gesso.engines.builtin.compose import cast_shadow, compose
from gesso.engines.builtin.cutout import cutout
from gesso.engines.builtin.islands import islands

RED = (200, 40, 50)


def plain(colour: tuple[int, int, int] = (235, 235, 230), height: int = 240, width: int = 320) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def gradient() -> np.ndarray:
    lines = np.linspace(0, 1, 240)[:, None, None]
    wall = np.array([250, 250, 250]) * (1 - lines) + np.array([110, 90, 190]) * lines
    return np.broadcast_to(wall, (240, 320, 3)).astype(np.uint8)


def texture() -> np.ndarray:
    return np.random.default_rng(1).integers(70, 150, (240, 320, 1)).repeat(3, -1).astype(np.uint8)


def grounds() -> np.ndarray:
    picture = plain((150, 200, 240))
    picture[150:] = (90, 160, 80)
    return picture


def shape(height: int = 240, width: int = 320, size: float = 1.0) -> np.ndarray:
    """A disc with a bar: bool [height, width]."""
    lines, columns = np.mgrid[:height, :width]
    lines, columns = (lines - height * 0.5) / size, (columns - width * 0.45) / size
    disc = columns**2 + lines**2 < 60**2
    bar: np.ndarray = (np.abs(lines - 30) < 14) & (columns > 0) & (columns < 110)
    return disc | bar


def shown(ground: np.ndarray, colour: tuple[int, int, int] = RED) -> DecodedPicture:
    picture = ground.copy()
    picture[shape()] = colour
    return DecodedPicture(picture, None, "png")


def overlap(layer: np.ndarray | None, truth: np.ndarray) -> float:
    assert layer is not None
    solid = layer[..., 3] > 127
    return float((solid & truth).sum() / (solid | truth).sum())


@pytest.mark.parametrize("ground", [plain(), plain((20, 20, 24)), gradient(), texture(), grounds()])
def test_the_thing_comes_out_in_its_shape_and_colour(ground: np.ndarray) -> None:
    layer = cutout(shown(ground))
    assert overlap(layer, shape()) > 0.95
    assert layer is not None
    solid = layer[..., 3] == 255
    assert np.abs(layer[solid][:, :3].astype(int) - RED).max() <= 3
    assert (layer[..., :3] <= layer[..., 3:]).all()  # premultiplied


def test_a_thing_of_a_colour_the_gradient_has_elsewhere() -> None:
    assert overlap(cutout(shown(gradient(), (250, 250, 250))), shape()) > 0.9


def test_what_differs_in_lightness_alone_is_seen() -> None:
    assert overlap(cutout(shown(plain(), (180, 180, 176))), shape()) > 0.95


def test_marks_of_the_background_s_colour_inside_a_thing_stay_and_large_openings_do_not() -> None:
    picture = shown(plain()).rgb.copy()
    picture[100:110, 140:150] = (235, 235, 230)  # a small light on it
    layer = cutout(DecodedPicture(picture, None, "png"))
    assert layer is not None
    assert (layer[102:108, 142:148, 3] == 255).all()
    lines, columns = np.mgrid[:240, :320]
    far = (lines - 120) ** 2 + (columns - 160) ** 2
    ring = plain()
    ring[(far < 80**2) & (far > 45**2)] = RED
    layer = cutout(DecodedPicture(ring, None, "png"))
    assert layer is not None
    assert layer[120, 160, 3] == 0
    assert layer[120, 160 + 62, 3] == 255


def test_soft_edges_carry_no_light_from_behind() -> None:
    """Mixed with the wall by hand; laid on black, nothing of the wall may be left to shine."""
    lines, columns = np.mgrid[:240, :320]
    far = np.hypot(lines - 120, columns - 160)
    share = np.clip((70 - far) / 3, 0, 1)[..., None]
    mixed = np.array([30, 60, 160]) * share + np.array([240, 240, 235]) * (1 - share)
    layer = cutout(DecodedPicture((mixed + 0.5).astype(np.uint8), None, "png"))
    assert layer is not None
    assert np.abs(layer[..., 3] / 255 - share[..., 0]).mean() < 0.01
    assert layer[..., 0].max() <= 60  # red: 30 on the thing, 240 on the wall


def test_alpha_is_taken_at_its_word() -> None:
    picture, alpha = plain(RED), np.zeros((240, 320), np.uint8)
    alpha[shape()] = 255
    alpha[:4] = 128
    layer = cutout(DecodedPicture(picture, alpha, "png"))
    assert layer is not None
    np.testing.assert_array_equal(layer[..., 3], alpha)
    assert layer[shape()][:, :3].tolist() == [list(RED)] * int(shape().sum())
    assert layer[0, 0].tolist() == [100, 20, 25, 128]


def test_an_alpha_that_is_all_opaque_says_nothing() -> None:
    picture = shown(plain())
    opaque = DecodedPicture(picture.rgb, np.full((240, 320), 255, np.uint8), "png")
    np.testing.assert_array_equal(np.asarray(cutout(opaque)), np.asarray(cutout(picture)))


@pytest.mark.parametrize("ground", [plain(), gradient(), texture(), grounds(), plain(height=12, width=12)])
def test_nothing_stands_out(ground: np.ndarray) -> None:
    assert cutout(DecodedPicture(ground, None, "png")) is None


def test_a_speck_is_no_thing() -> None:
    picture = plain()
    picture[118:122, 158:162] = RED
    assert cutout(DecodedPicture(picture, None, "png")) is None


def test_a_large_picture_gives_a_layer_of_768_pixels() -> None:
    picture = plain(height=1536, width=2048)
    picture[shape(1536, 2048, 6.4)] = RED
    layer = cutout(DecodedPicture(picture, None, "png"))
    assert layer is not None
    assert layer.shape == (576, 768, 4)
    assert overlap(layer, shape(576, 768, 2.4)) > 0.95


def test_islands_are_told_apart_by_sides_and_come_by_size() -> None:
    mask = np.array([[1, 1, 0, 0], [0, 0, 1, 0], [1, 0, 1, 1], [1, 1, 1, 0]], bool)
    first, second = islands(mask)
    assert first.astype(int).tolist() == [[0, 0, 0, 0], [0, 0, 1, 0], [1, 0, 1, 1], [1, 1, 1, 0]]
    assert second.astype(int).tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert not list(islands(np.zeros((3, 3), bool)))


def test_a_shadow_on_the_wall_stays_there() -> None:
    """A square of 120 on its contact shadow, as the engine casts it."""
    picture, layer = plain(), np.zeros((160, 160, 4), np.uint8)
    layer[20:140, 20:140] = (*RED, 255)
    compose(picture, cast_shadow(layer), 80, 40)
    truth = np.zeros((240, 320), bool)
    truth[60:180, 100:220] = True
    assert (np.abs(picture.astype(int) - plain()).max(-1) > 12)[180:].sum() > 200  # there is one, below it
    found = cutout(DecodedPicture(picture, None, "png"))
    assert overlap(found, truth) > 0.97
    assert found is not None
    assert (found[184:, :, 3] < 128).all()
