"""Removing, replacing and recolouring things of pictures the engine drew itself, with the shipped weights."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from gesso.domain.events import Event, Note, Task
from gesso.domain.picture import DecodedPicture, RawPicture
from gesso.domain.request import Request, RouteChoice
from gesso.engines.builtin.alter import Alterer
from gesso.engines.builtin.finder import Finder, load_finder
from gesso.engines.builtin.network import OnnxNetwork
from gesso.engines.builtin.painter import Tools, paint
from gesso.engines.builtin.search import find
from gesso.engines.builtin.vocabulary import WEIGHTS_FOLDER, load_vocabulary
from gesso.engines.builtin.wishes import Change

VOCABULARY = load_vocabulary()
WIDTH, HEIGHT = 320, 240


@pytest.fixture(scope="module")
def finder() -> Finder:
    return load_finder(WEIGHTS_FOLDER / "finder.npz")


@pytest.fixture(scope="module")
def network() -> OnnxNetwork:
    return OnnxNetwork(WEIGHTS_FOLDER / "sketch.onnx")


def noun(word: str) -> int:
    return next(index for index, one in enumerate(VOCABULARY.nouns) if one.word == word)


@pytest.fixture(scope="module")
def scene(network: OnnxNetwork) -> tuple[DecodedPicture, dict[str, dict[str, Any]]]:
    """A car on the left and a snowman on the right of a yellow picture, and where they were put."""
    found = painted("a car on the left and a snowman on the right on a yellow background", network, None)
    return DecodedPicture(picture(found), None, "png"), {note.data["object"]: note.data for note in regions(found)}


def painted(
    prompt: str,
    network: OnnxNetwork,
    finder: Finder | None,
    image: DecodedPicture | None = None,
    mask: np.ndarray | None = None,
    **arguments: Any,
) -> list[Event]:
    request = Request(model="gesso-sketch", operation="edit" if image else "generate", prompt=prompt, seed=3)
    given = {"prompt": prompt, **({} if image else {"width": WIDTH, "height": HEIGHT}), **arguments}
    route = RouteChoice(engine="builtin", fidelity="exact", runs="gesso-sketch", arguments=given)
    alter = None if finder is None else Alterer(VOCABULARY, lambda: finder)
    return list(
        paint(Task("job", request, route, image=image, mask=mask), VOCABULARY, lambda: network, Tools(alter=alter))
    )


def picture(found: Iterable[Event]) -> np.ndarray:
    (raw,) = [event for event in found if isinstance(event, RawPicture)]
    return raw.pixels


def regions(found: Iterable[Event]) -> list[Note]:
    return [event for event in found if isinstance(event, Note) and event.code == "region"]


def codes(found: Iterable[Event]) -> list[str]:
    return [event.code for event in found if isinstance(event, Note)]


def outside(notes: Iterable[Note]) -> np.ndarray:
    untouched = np.ones((HEIGHT, WIDTH), bool)
    for note in notes:
        box = note.data
        untouched[box["y"] : box["y"] + box["height"], box["x"] : box["x"] + box["width"]] = False
    return untouched


def inside(box: dict[str, Any]) -> tuple[slice, slice]:
    return np.s_[box["y"] : box["y"] + box["height"], box["x"] : box["x"] + box["width"]]


def test_what_was_drawn_is_found_where_it_was_drawn(scene: Any, finder: Finder) -> None:
    image, where = scene
    for word in ("car", "snowman"):
        (found,) = find(image.rgb, noun(word), finder)
        box = where[word]
        across = min(found.box.left + found.box.width, box["x"] + box["width"]) - max(found.box.left, box["x"])
        down = min(found.box.top + found.box.height, box["y"] + box["height"]) - max(found.box.top, box["y"])
        assert across * down > 0.6 * max(found.box.width * found.box.height, box["width"] * box["height"])
    assert find(image.rgb, noun("duck"), finder) == ()
    assert find(image.rgb, len(finder.kinds), finder) == ()


def test_a_thing_is_removed_and_nothing_outside_its_region_changes(
    scene: Any, network: OnnxNetwork, finder: Finder
) -> None:
    image, where = scene
    found = painted("remove the car", network, finder, image)
    after = picture(found)
    (region,) = regions(found)
    assert (region.data["object"], region.data["change"]) == ("car", "remove")
    np.testing.assert_array_equal(after[outside([region])], image.rgb[outside([region])])
    assert find(after, noun("car"), finder) == ()
    assert find(after, noun("snowman"), finder)
    place = after[inside(where["car"])].astype(int)
    ground = np.median(image.rgb[:12].reshape(-1, 3), 0)
    assert np.abs(place - ground).mean() < 0.3 * np.abs(image.rgb[inside(where["car"])] - ground).mean()


def test_a_thing_is_replaced_where_it_stood(scene: Any, network: OnnxNetwork, finder: Finder) -> None:
    image, where = scene
    found = painted("replace the snowman with a cactus", network, finder, image)
    after = picture(found)
    assert [note.data["object"] for note in regions(found)] == ["snowman", "cactus"]
    untouched = outside(regions(found))
    np.testing.assert_array_equal(after[untouched], image.rgb[untouched])
    assert find(after, noun("snowman"), finder) == ()
    (cactus,) = find(after, noun("cactus"), finder)
    box = where["snowman"]
    assert abs(cactus.box.left + cactus.box.width / 2 - box["x"] - box["width"] / 2) < 0.25 * box["height"]
    assert 0.6 < max(cactus.box.width, cactus.box.height) / max(box["width"], box["height"]) < 1.4


def test_a_thing_is_recoloured_and_stays_what_it_is(scene: Any, network: OnnxNetwork, finder: Finder) -> None:
    image, where = scene
    after = picture(painted("make the car green", network, finder, image))
    assert find(after, noun("car"), finder)
    changed = (after != image.rgb).any(-1)
    assert changed[inside(where["car"])].mean() > 0.25
    red, green, blue = after[changed].reshape(-1, 3).mean(0)
    assert green > 1.2 * max(red, blue)


@pytest.mark.parametrize("prompt", ["remove the duck", "replace the duck with a dog", "make the duck blue"])
def test_what_is_not_there_is_told_and_nothing_changes(
    prompt: str, scene: Any, network: OnnxNetwork, finder: Finder
) -> None:
    found = painted(prompt, network, finder, scene[0])
    assert "not_found" in codes(found)
    assert not regions(found)
    np.testing.assert_array_equal(picture(found), scene[0].rgb)


def test_a_mask_says_which_and_limits_all(scene: Any, network: OnnxNetwork, finder: Finder) -> None:
    image, _ = scene
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:, WIDTH // 2 :] = 255
    found = painted("remove the car", network, finder, image, mask)
    assert "not_found" in codes(found)
    np.testing.assert_array_equal(picture(found), image.rgb)
    mask[:, : WIDTH // 4] = 255
    after = picture(painted("remove the car", network, finder, image, mask))
    np.testing.assert_array_equal(after[mask == 0], image.rgb[mask == 0])
    assert not np.array_equal(after, image.rgb)


def test_a_said_place_or_all_of_them_choose_among_several(scene: Any, finder: Finder) -> None:
    image, _ = scene
    twice = np.concatenate([image.rgb, image.rgb], 1)
    alter = Alterer(VOCABULARY, lambda: finder)
    for x in (0.0, 1.0):
        altered = alter(twice, [Change("remove", noun("car"), x=x)], mask=None, strength=1.0)
        (note,) = altered.notes
        assert (note.data["x"] + note.data["width"] / 2 >= WIDTH) == bool(x)
    altered = alter(twice, [Change("remove", noun("car"), everyone=True)], mask=None, strength=1.0)
    assert sorted(note.data["x"] + note.data["width"] / 2 >= WIDTH for note in altered.notes) == [False, True]
    assert altered.touched


def test_half_a_strength_is_half_a_change(scene: Any, finder: Finder) -> None:
    image, _ = scene
    alter, change = Alterer(VOCABULARY, lambda: finder), Change("remove", noun("car"))
    whole = alter(image.rgb, [change], mask=None, strength=1.0).pixels.astype(int)
    half = alter(image.rgb, [change], mask=None, strength=0.5).pixels.astype(int)
    assert np.abs(half - (whole + image.rgb) / 2).max() <= 0.5


def test_alpha_stays_and_the_picture_that_came_is_not_written_to(scene: Any, finder: Finder) -> None:
    image, _ = scene
    alpha = np.random.default_rng(2).integers(1, 256, (HEIGHT, WIDTH), np.uint8)
    pixels = np.dstack([image.rgb, alpha])
    before = pixels.copy()
    altered = Alterer(VOCABULARY, lambda: finder)(pixels, [Change("remove", noun("car"))], mask=None, strength=1.0)
    np.testing.assert_array_equal(pixels, before)
    np.testing.assert_array_equal(altered.pixels[..., 3], alpha)
    assert not np.array_equal(altered.pixels, pixels)
