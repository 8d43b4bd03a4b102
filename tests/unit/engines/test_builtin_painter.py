"""Painting whole tasks with a stand-in network, so that every promise can be checked to the bit."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gesso.domain.errors import EngineFailed
from gesso.domain.events import Event, Note, Progress, Task, Timing
from gesso.domain.picture import DecodedPicture, RawPicture
from gesso.domain.request import Request, RouteChoice
from gesso.engines.builtin.painter import paint
from gesso.engines.builtin.vocabulary import load_vocabulary

VOCABULARY = load_vocabulary()


class Discs:
    """A network that sees a disc in every noise; the noun makes it larger, the colour brighter, the noise shows."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[int, int], ...]] = []

    def __call__(self, layers: np.ndarray, noise: np.ndarray, nouns: np.ndarray, colours: np.ndarray) -> np.ndarray:
        self.calls.append(tuple(zip(nouns.tolist(), colours.tolist(), strict=True)))
        line = np.arange(64) - 31.5
        far = np.hypot(line[:, None], line[None])
        found = []
        for layer, level, noun, colour in zip(layers, noise, nouns, colours, strict=True):
            alpha = np.clip(16 + noun / 8 - far, 0, 1)
            tone = 0.35 + 0.02 * colour + 0.05 * level + 0.1 * np.tanh(layer[:3])
            found.append(np.concatenate([np.clip(tone, 0, 1) * alpha, alpha[None]]) * 2 - 1)
        return np.asarray(found, np.float32)


def photo(width: int = 120, height: int = 90, alpha: bool = False) -> DecodedPicture:
    dice = np.random.default_rng(7)
    rgb = dice.integers(0, 256, (height, width, 3), np.uint8)
    return DecodedPicture(rgb, dice.integers(0, 256, (height, width), np.uint8) if alpha else None, "png")


def task(prompt: str, *, seed: int = 5, count: int = 1, image: Any = None, mask: Any = None, **arguments: Any) -> Task:
    request = Request(
        model="gesso-sketch", operation="edit" if image else "generate", prompt=prompt, count=count, seed=seed
    )
    given = {"prompt": prompt, "steps": 3, **({} if image else {"width": 128, "height": 96}), **arguments}
    route = RouteChoice(engine="builtin", fidelity="exact", runs="gesso-sketch", arguments=given)
    return Task("job", request, route, image=image, mask=mask)


def events(*args: Any, network: Discs | None = None, **keywords: Any) -> list[Event]:
    used = network or Discs()
    return list(paint(task(*args, **keywords), VOCABULARY, lambda: used))


def pictures(found: Iterable[Event]) -> list[RawPicture]:
    return [event for event in found if isinstance(event, RawPicture)]


def pixels(*args: Any, **keywords: Any) -> np.ndarray:
    (picture,) = pictures(events(*args, **keywords))
    return picture.pixels


def notes(found: Iterable[Event]) -> dict[str, Note]:
    return {event.code: event for event in found if isinstance(event, Note)}


def regions(found: Iterable[Event]) -> list[dict[str, Any]]:
    return [event.data for event in found if isinstance(event, Note) and event.code == "region"]


def test_a_generation_tells_its_progress_regions_timings_and_picture() -> None:
    found = events("two red ducks and a cat")
    progress = [event for event in found if isinstance(event, Progress)]
    assert [(event.stage, event.done, event.total) for event in progress] == [("denoise", n, 9) for n in (3, 6, 9)]
    assert [region["object"] for region in regions(found)] == ["duck", "duck", "cat"]
    assert {event.stage for event in found if isinstance(event, Timing)} == {"denoise", "compose"}
    (picture,) = pictures(found)
    assert found[-1] is picture
    assert (picture.index, picture.seed, picture.pixels.shape, picture.pixels.dtype) == (0, 5, (96, 128, 3), np.uint8)


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from(["add a duck", "two small cats at the bottom", "a huge red ball", "a frog and a bee, top right"]),
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.sampled_from([1.0, 0.6, 0.2]),
)
def test_an_edit_changes_no_bit_outside_its_regions(prompt: str, seed: int, alpha: bool, strength: float) -> None:
    image = photo(alpha=alpha)
    found = events(prompt, image=image, seed=seed, strength=strength)
    (picture,) = pictures(found)
    before = image.rgb if image.alpha is None else np.dstack([image.rgb, image.alpha])
    outside = np.ones(before.shape[:2], bool)
    for region in regions(found):
        outside[region["y"] : region["y"] + region["height"], region["x"] : region["x"] + region["width"]] = False
    np.testing.assert_array_equal(picture.pixels[outside], before[outside])
    assert not np.array_equal(picture.pixels, before)
    assert not outside.all()


@settings(deadline=None, max_examples=20)
@given(st.sampled_from(["a duck", "three cats", "sepia", "a duck, and make it night"]), st.integers(0, 2**32 - 1))
def test_a_mask_is_honoured_to_the_bit(prompt: str, seed: int) -> None:
    image, mask = photo(), np.zeros((90, 120), np.uint8)
    mask[30:70, 20:80] = 255
    mask[35:40, 30:40] = 0
    changed = pixels(prompt, image=image, mask=mask, seed=seed)
    np.testing.assert_array_equal(changed[mask == 0], image.rgb[mask == 0])
    assert not np.array_equal(changed, image.rgb)


def test_what_was_done_is_said_in_words() -> None:
    found = events("make it warmer and add a duck", image=photo(), count=2, seed=8)

    said = [event.message for event in found if isinstance(event, Note)]
    assert said[0] == "Changed over the whole picture: warmer."
    for seed, place, message in zip((8, 9), regions(found), said[1:], strict=True):
        where = f"x {place['x']}, y {place['y']}, {place['width']}x{place['height']} pixels"
        assert message == f"The duck of seed {seed} is at {where}."


def test_an_empty_mask_and_a_strength_of_0_change_nothing_and_say_so() -> None:
    image = photo()
    found = events("a duck, sepia", image=image, mask=np.zeros((90, 120), np.uint8))
    np.testing.assert_array_equal(pictures(found)[0].pixels, image.rgb)
    assert "mask_empty" in notes(found)
    found = events("a duck, sepia", image=image, strength=0.0)
    np.testing.assert_array_equal(pictures(found)[0].pixels, image.rgb)
    assert "strength_zero" in notes(found)


def test_image_i_of_seed_s_is_the_image_of_seed_s_plus_i() -> None:
    batch = pictures(events("a duck and two cats", seed=2**32 - 2, count=4))
    assert [picture.seed for picture in batch] == [2**32 - 2, 2**32 - 1, 0, 1]
    for picture in batch:
        (alone,) = pictures(events("a duck and two cats", seed=picture.seed))
        assert alone.pixel_hash() == picture.pixel_hash()
    assert len({picture.pixel_hash() for picture in batch}) == 4


def test_all_objects_of_a_picture_share_one_call_a_step() -> None:
    network = Discs()
    events("a red duck and a cat", network=network, guidance=2.0)
    red = VOCABULARY.colours.index("red")
    nothing = (VOCABULARY.no_noun, VOCABULARY.no_colour)
    assert network.calls == [((0, red), (1, 0), nothing, nothing)] * 3


def test_pictures_share_calls_as_long_as_they_hold_twelve_objects_together() -> None:
    network = Discs()
    events("five ducks", network=network, guidance=1.0, count=5)
    assert [len(call) for call in network.calls] == [10] * 6 + [5] * 3
    network = Discs()
    progress = [event for event in events("a duck", network=network, count=3) if isinstance(event, Progress)]
    assert [(event.done, event.total) for event in progress] == [(3, 9), (6, 9), (9, 9)]
    assert len(network.calls) == 3


def test_guidance_of_1_asks_for_one_layer() -> None:
    network = Discs()
    events("a duck", network=network, guidance=1.0)
    assert [len(call) for call in network.calls] == [1, 1, 1]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"steps": 3}, {"steps": 7}),
        ({"guidance": 1.0}, {"guidance": 3.0}),
        ({"negative_prompt": ""}, {"negative_prompt": "a cat"}),
        ({"negative_prompt": ""}, {"negative_prompt": "purple"}),
        ({"seed": 1}, {"seed": 2}),
        ({"image": photo(), "strength": 1.0}, {"image": photo(), "strength": 0.7}),
    ],
)
def test_every_parameter_changes_the_picture(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert not np.array_equal(pixels("a duck", **first), pixels("a duck", **second))


def test_without_something_guides_away_from_it() -> None:
    network = Discs()
    events("a duck without a hat", network=network)
    hat = [noun.word for noun in VOCABULARY.nouns].index("hat")
    assert network.calls[0] == ((0, 0), (hat, VOCABULARY.no_colour))


def test_strength_blends_looks() -> None:
    image = photo()
    half = pixels("invert", image=image, strength=0.5).astype(int)
    assert np.abs(half - 127.5).max() <= 1


def test_a_look_keeps_alpha_and_an_object_covers_it() -> None:
    image = photo(alpha=True)
    assert image.alpha is not None
    np.testing.assert_array_equal(pixels("sepia", image=image)[..., 3], image.alpha)
    assert (pixels("a duck", image=image)[..., 3] >= image.alpha).all()


def test_the_source_is_not_written_to() -> None:
    image = photo()
    image.rgb.flags.writeable = False
    before = image.rgb.copy()
    pixels("a duck, sepia", image=image)
    np.testing.assert_array_equal(image.rgb, before)


def test_what_was_not_understood_is_reported() -> None:
    found = notes(events("a majestic duck of marble", negative_prompt="ugly"))
    assert found["unknown_words"].data == {"words": ["majestic", "marble"]}
    assert found["unknown_negative_words"].data == {"words": ["ugly"]}
    found = notes(events("remove the cup", image=photo()))  # without the tool that finds it
    assert found["not_done"].data == {"what": ["removing"]}
    assert "nothing_understood" not in found


@pytest.mark.parametrize("prompt", ["", "   ", "§ ⚙ \u0000 \ud800", "a photo of the prime minister"])
def test_a_prompt_without_a_word_understood_still_gives_a_picture(prompt: str) -> None:
    found = events(prompt)
    assert "nothing_understood" in notes(found)
    assert pictures(found)[0].pixels.std() > 10


def test_an_edit_without_a_word_understood_gives_the_source() -> None:
    found = events("do something nice", image=photo())
    np.testing.assert_array_equal(pictures(found)[0].pixels, photo().rgb)
    assert "nothing_understood" in notes(found)


def test_prompt_and_negative_prompt_that_contradict_are_reported() -> None:
    assert "negative_contradicts" in notes(events("a duck", negative_prompt="duck"))


def test_closing_between_steps_stops_at_once() -> None:
    network = Discs()
    running = paint(task("ten ducks", steps=50), VOCABULARY, lambda: network)
    for event in running:
        if isinstance(event, Progress) and event.done == 20:
            break
    running.close()
    assert len(network.calls) == 2


def test_a_look_or_an_empty_scene_needs_no_network() -> None:
    def no_network() -> Discs:
        raise AssertionError("loaded")

    for asked in (task("sepia", image=photo()), task("a sunset over the sea")):
        assert len(pictures(paint(asked, VOCABULARY, no_network))) == 1


@pytest.mark.parametrize(("width", "height"), [(64, 64), (64, 1000), (1000, 64), (2000, 1500)])
def test_sizes(width: int, height: int) -> None:
    assert pixels("a duck and a house on the grass", width=width, height=height).shape == (height, width, 3)


@pytest.mark.parametrize(("width", "height"), [(63, 64), (64, 8193), (5000, 5000), (0, 64)])
def test_impossible_sizes_are_refused(width: int, height: int) -> None:
    with pytest.raises(EngineFailed, match="64 to 8192"):
        events("a duck", width=width, height=height)


def test_defaults_are_the_vocabularys() -> None:
    network = Discs()
    (picture,) = pictures(paint(task("a duck", steps=None, width=None, height=None), VOCABULARY, lambda: network))
    assert len(network.calls) == VOCABULARY.defaults.steps == 12
    assert picture.pixels.shape == (512, 512, 3)


@pytest.mark.parametrize(
    ("prompt", "image", "source"),
    [
        ("a ball", None, "trained"),
        ("add a ball", photo(), "composite"),
        ("add a ball and make it sepia", photo(), "composite"),
        ("make it sepia", photo(), "enhanced"),
        ("zxqv", photo(), "enhanced"),
    ],
)
def test_each_picture_says_what_it_is(prompt: str, image: Any, source: str) -> None:
    (picture,) = pictures(events(prompt, image=image))
    assert picture.source == source


class LeftHalf(Discs):
    """A network that draws on the left half of its layer only, whatever it is told."""

    def __call__(self, layers: np.ndarray, noise: np.ndarray, nouns: np.ndarray, colours: np.ndarray) -> np.ndarray:
        drawn = super().__call__(layers, noise, nouns, colours)
        drawn[..., 32:] = -1
        return drawn


def _faces_left(**keywords: Any) -> bool:
    everywhere = np.full((256, 256), 255, np.uint8)  # a mask, so that the object lies exactly in the middle
    found = events("add a ball", image=photo(256, 256), mask=everywhere, network=LeftHalf(), **keywords)
    (region,) = regions(found)
    return bool(region["x"] + region["width"] / 2 < 128)


def test_about_half_of_the_things_are_mirrored() -> None:
    assert 6 <= sum(_faces_left(seed=seed) for seed in range(32)) <= 26


def test_what_begins_on_the_places_own_pixels_is_not_mirrored() -> None:
    assert all(_faces_left(seed=seed, strength=0.9) for seed in range(12))
