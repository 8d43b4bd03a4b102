"""Objects drawn together are what each would be alone; what is done before and after the drawing is handed its pixels."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_builtin_painter import VOCABULARY, Discs, events, notes, photo, pictures, regions, task

from gesso.domain.events import Note, Preview, Progress
from gesso.domain.picture import DecodedPicture
from gesso.engines.builtin import painter
from gesso.engines.builtin.altered import Altered, Replacement
from gesso.engines.builtin.background import backdrop
from gesso.engines.builtin.compose import compose
from gesso.engines.builtin.drawing import Draughtsman, Piece, facing
from gesso.engines.builtin.layout import CONTENT, Frame, Placed
from gesso.engines.builtin.network import OnnxNetwork
from gesso.engines.builtin.painter import Tools, paint
from gesso.engines.builtin.plan import PicturePlan, together
from gesso.engines.builtin.reference import fit
from gesso.engines.builtin.sampler import Condition, Layers
from gesso.engines.builtin.vocabulary import WEIGHTS_FOLDER
from gesso.engines.builtin.wishes import REFERENCE, Change, Understood, Wish

NOTHING = Condition(VOCABULARY.no_noun, VOCABULARY.no_colour)


@pytest.fixture(scope="module")
def network() -> OnnxNetwork:
    return OnnxNetwork(WEIGHTS_FOLDER / "sketch.onnx")


def piece(index: int, noun: int, seed: int = 3, *, start: bool = False, mirrored: bool = False) -> Piece:
    pixels = np.random.default_rng(index).integers(0, 256, (20, 20, 3), np.uint8) if start else None
    return Piece(seed, Placed(index, noun, 1, 0, 0, 20, False, mirrored), pixels)


def draw(network: OnnxNetwork, pieces: Sequence[Piece], *, guidance: float, strength: float = 1.0) -> Layers:
    hand = Draughtsman(lambda: network, VOCABULARY.side, NOTHING, 3, guidance, strength)
    *_, last = hand.draw(pieces)
    return np.stack(hand.finish(pieces, last.layer))


@pytest.mark.parametrize(("guidance", "strength"), [(1.0, 1.0), (2.0, 1.0), (2.0, 0.6)])
def test_the_shipped_network_draws_each_piece_to_the_bit_as_if_it_were_alone(
    network: OnnxNetwork, guidance: float, strength: float
) -> None:
    pieces = [
        piece(index % 5, 3 * index, seed=index // 5, start=strength < 1, mirrored=index > 4) for index in range(9)
    ]
    at_once = draw(network, pieces, guidance=guidance, strength=strength)
    for count in (1, 2, 4):
        apart = [
            draw(network, pieces[at : at + count], guidance=guidance, strength=strength) for at in range(0, 9, count)
        ]
        np.testing.assert_array_equal(np.concatenate(apart), at_once)
    assert len({layer.tobytes() for layer in at_once}) == 9


def test_a_layer_is_turned_round_unless_it_began_on_pixels() -> None:
    layers = np.arange(2 * 4 * 3 * 3, dtype=np.float32).reshape(2, 4, 3, 3)
    pieces = [piece(0, 0, mirrored=True), piece(1, 0, mirrored=True, start=True)]
    turned, kept = facing(pieces, layers)
    np.testing.assert_array_equal(turned, layers[0][..., ::-1])
    np.testing.assert_array_equal(kept, layers[1])


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), max_size=20), st.integers(1, 15))
def test_groups_keep_the_order_and_the_limit_and_waste_no_call(counts: list[int], most: int) -> None:
    place = Placed(0, 0, 0, 0, 0, 1, False, False)
    plans = [PicturePlan(index, 0, None, (place,) * count) for index, count in enumerate(counts)]
    groups = list(together(plans, most))
    assert [plan for group in groups for plan in group] == plans
    sizes = [sum(len(plan.placed) for plan in group) for group in groups]
    assert all(size <= most or len(group) == 1 for size, group in zip(sizes, groups, strict=True))
    assert all(size + len(after[0].placed) > most for size, after in zip(sizes, groups[1:], strict=False))


def test_who_looks_on_sees_one_picture_after_the_other_with_all_its_objects() -> None:
    asked = task("two ducks on a white background", count=2)
    asked = replace(asked, request=asked.request.model_copy(update={"previews": 2}))
    found = list(paint(asked, VOCABULARY, Discs))
    shown: list[Preview] = [event.preview for event in found if isinstance(event, Progress) and event.preview]
    assert [(one.picture, one.number) for one in shown] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for one, place in zip(shown[1:2] * 2 + shown[3:] * 2, regions(found), strict=True):
        box = one.pixels[place["y"] : place["y"] + place["height"], place["x"] : place["x"] + place["width"]]
        assert box.std() > 20
    assert [one.pixel_hash() for one in pictures(found)] == [
        one.pixel_hash() for one in pictures(events("two ducks on a white background", count=2))
    ]


# ── before and after the drawing ──────────────────────────────────────────────────────────────────────


class Doubled:
    """A tool that brings layers to twice the pixels, by repeating them, and notes what it was told."""

    def __init__(self) -> None:
        self.nouns: list[list[int]] = []

    def __call__(self, layers: Layers, nouns: np.ndarray) -> Layers:
        self.nouns.append(nouns.tolist())
        return layers.repeat(2, axis=2).repeat(2, axis=3)


@pytest.mark.parametrize("arguments", [{}, {"image": photo(), "strength": 0.6}])
def test_finished_layers_are_sharpened_together_and_only_those(arguments: dict[str, Any]) -> None:
    sharpen = Doubled()
    asked = task("add a duck and a cat", **arguments)
    asked = replace(asked, request=asked.request.model_copy(update={"previews": 2}))
    (sharp,) = pictures(paint(asked, VOCABULARY, Discs, Tools(sharpen=sharpen)))
    assert sharpen.nouns == [[0, 1]]
    (plain,) = pictures(paint(asked, VOCABULARY, Discs))
    assert not np.array_equal(sharp.pixels, plain.pixels)
    assert np.abs(sharp.pixels.astype(int) - plain.pixels).mean() < 4
    assert not pictures(paint(task("a beach"), VOCABULARY, Discs, Tools(sharpen=sharpen)))[0].pixels.std() < 5
    assert len(sharpen.nouns) == 1


def read_as(monkeypatch: pytest.MonkeyPatch, wanted: Understood) -> None:
    monkeypatch.setattr(painter, "understand", lambda text, vocabulary, **how: wanted)


BOX = Frame(30, 20, 40, 40)


def fill_box(pixels: np.ndarray, changes: Sequence[Change], *, mask: np.ndarray | None, strength: float) -> Altered:
    """Make the box white, and say a cat may stand there."""
    after = pixels.copy()
    after[BOX.top : BOX.top + BOX.height, BOX.left : BOX.left + BOX.width] = 255
    replacements = tuple(Replacement(one.wish, BOX) for one in changes if one.wish is not None)
    return Altered(after, replacements, (Note("region", "Gone.", {}),), touched=True)


def test_changes_come_before_the_objects_and_what_replaces_stands_in_the_box(monkeypatch: pytest.MonkeyPatch) -> None:
    read_as(monkeypatch, Understood(changes=(Change("replace", 0, wish=Wish(1)), Change("remove", 5))))
    image = photo()
    found = list(paint(task("x", image=image), VOCABULARY, Discs, Tools(alter=fill_box)))
    said = [event for event in found if isinstance(event, Note) and event.code == "region"]
    assert said[0].message == "Gone."
    place = said[1].data
    assert place["object"] == VOCABULARY.nouns[1].word
    assert BOX.left <= place["x"] <= place["x"] + place["width"] <= BOX.left + BOX.width
    (picture,) = pictures(found)
    assert picture.source == "composite"
    outside = np.ones(image.rgb.shape[:2], bool)
    outside[BOX.top : BOX.top + BOX.height, BOX.left : BOX.left + BOX.width] = False
    np.testing.assert_array_equal(picture.pixels[outside], image.rgb[outside])
    assert picture.pixels[BOX.top, BOX.left].tolist() == [255, 255, 255]
    assert (picture.pixels[~outside] < 250).any()


def test_objects_are_laid_over_the_changed_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    read_as(monkeypatch, Understood(changes=(Change("remove", 5),)))
    (picture,) = pictures(paint(task("x", image=photo(), count=1), VOCABULARY, Discs, Tools(alter=fill_box)))
    assert picture.source == "composite"
    assert (picture.pixels[BOX.top : BOX.top + BOX.height, BOX.left : BOX.left + BOX.width] == 255).all()


def test_without_the_tool_a_change_is_reported_as_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    read_as(monkeypatch, Understood(changes=(Change("remove", 5), Change("remove", 6), Change("recolour", 1))))
    found = list(paint(task("x", image=photo()), VOCABULARY, Discs))
    assert notes(found)["not_done"].data == {"what": ["removing", "changing things in the picture"]}
    np.testing.assert_array_equal(pictures(found)[0].pixels, photo().rgb)


def green_bar(reference: DecodedPicture) -> np.ndarray | None:
    layer = np.zeros((40, 50, 4), np.uint8)
    layer[10:30, 20:25] = (0, 200, 0, 255)
    return layer if reference.width == 120 else None


@pytest.mark.parametrize("image", [None, photo(90, 90)])
def test_the_thing_of_a_reference_is_laid_over_the_picture_with_its_own_colours(
    monkeypatch: pytest.MonkeyPatch, image: DecodedPicture | None
) -> None:
    read_as(monkeypatch, Understood(objects=(Wish(REFERENCE, x=0.5, y=0.5), Wish(0))))
    asked = replace(task("x", image=image), references=(photo(80, 80), photo()))
    found = list(paint(asked, VOCABULARY, Discs, Tools(cutout=green_bar)))
    assert "reference_colours" not in notes(found)
    assert notes(found)["reference_unclear"].data == {"reference": 0}
    place = next(one for one in regions(found) if one["object"] == "reference's thing")
    middle = pictures(found)[0].pixels[place["y"] + place["height"] // 2, place["x"] + place["width"] // 2, :3]
    assert middle.tolist() == [0, 200, 0]
    assert place["height"] > place["width"]


def test_where_nothing_stands_out_nothing_is_laid(monkeypatch: pytest.MonkeyPatch) -> None:
    read_as(monkeypatch, Understood(objects=(Wish(REFERENCE),)))
    asked = replace(task("x", image=photo(90, 90)), references=(photo(80, 80),))
    found = list(paint(asked, VOCABULARY, Discs, Tools(cutout=green_bar)))
    np.testing.assert_array_equal(pictures(found)[0].pixels, photo(90, 90).rgb)
    assert not regions(found)


@pytest.mark.parametrize("side", [7, 100, 333])
def test_a_cut_out_thing_fills_its_square_as_a_drawn_one_does(side: int) -> None:
    layer = green_bar(photo())
    assert layer is not None
    square = fit(layer, side)
    assert square.shape == (side, side, 4)
    assert (square[..., :3] <= square[..., 3:]).all()
    lines, columns = np.flatnonzero(square[..., 3].any(1)), np.flatnonzero(square[..., 3].any(0))
    tall, wide = lines[-1] + 1 - lines[0], columns[-1] + 1 - columns[0]
    assert tall == pytest.approx(side * CONTENT, abs=1)
    assert wide == pytest.approx(tall / 4, abs=1)
    assert not fit(np.zeros((9, 9, 4), np.uint8), side).any()
    canvas = backdrop(None, VOCABULARY.colours, 1, alone=False).paint(side, side)
    assert compose(canvas, square, 0, 0) is not None
