"""The layout: inside the picture, apart where there is room, at the said place, the same every time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gesso.engines.builtin.layout import CONTENT, Frame, Placed, Stage, lay_out
from gesso.engines.builtin.vocabulary import load_vocabulary
from gesso.engines.builtin.wishes import Wish

VOCABULARY = load_vocabulary()
places = st.sampled_from([None, 0.2, 0.5, 0.8])
wishes = st.lists(
    st.builds(
        Wish,
        noun=st.integers(0, len(VOCABULARY.nouns) - 1),
        size=st.sampled_from([0.4, 0.6, 1.0, 1.5, 2.2]),
        count=st.integers(1, 3),
        x=places,
        y=places,
        depth=st.sampled_from(["", "", "far", "near"]),
    ),
    max_size=4,
)
stages = st.builds(
    Stage,
    width=st.integers(64, 8192),
    height=st.integers(64, 8192),
    seed=st.integers(0, 2**32 - 1),
    editing=st.booleans(),
    horizon=st.sampled_from([None, 0.5, 0.6]),
)


def content(place: Placed) -> tuple[float, float, float, float]:
    """The square the object itself fills: left, top, right, bottom."""
    margin = place.side * (1 - CONTENT) / 2
    return (
        place.left + margin,
        place.top + margin,
        place.left + place.side - margin,
        place.top + place.side - margin,
    )


def overlap(first: Placed, second: Placed) -> float:
    a, b = content(first), content(second)
    return max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)


@given(wishes, stages)
def test_every_object_gets_a_place_inside_the_picture(objects: list[Wish], stage: Stage) -> None:
    placed = lay_out(objects, VOCABULARY, stage)
    assert sorted(place.index for place in placed) == list(range(sum(wish.count for wish in objects)))
    for place in placed:
        left, top, right, bottom = content(place)
        assert min(left, top) >= -2, place
        assert max(right - stage.width, bottom - stage.height) <= 2, place
    assert placed == lay_out(objects, VOCABULARY, stage)


@given(st.integers(1, 12), st.integers(0, 2**32 - 1), st.sampled_from([(512, 512), (1024, 400), (300, 900)]))
def test_objects_without_a_said_place_do_not_overlap(count: int, seed: int, size: tuple[int, int]) -> None:
    placed = lay_out([Wish(0, count=count)], VOCABULARY, Stage(*size, seed))
    pairs = [(a, b) for a in placed for b in placed if a.index < b.index]
    assert all(overlap(a, b) <= 0.02 * a.side * a.side for a, b in pairs)


@given(st.integers(0, 2**32 - 1))
def test_the_layout_is_the_seeds_own(seed: int) -> None:
    objects = [Wish(0, count=3)]
    other = (seed + 1) % 2**32
    assert lay_out(objects, VOCABULARY, Stage(512, 512, seed)) != lay_out(objects, VOCABULARY, Stage(512, 512, other))


@pytest.mark.parametrize(("x", "y"), [(0.2, None), (0.8, None), (0.2, 0.2), (0.8, 0.8), (0.5, 0.5)])
@pytest.mark.parametrize("seed", range(5))
def test_said_places_are_kept(x: float, y: float | None, seed: int) -> None:
    (placed,) = lay_out([Wish(0, size=0.6, x=x, y=y)], VOCABULARY, Stage(600, 400, seed, editing=True))
    centre_x, centre_y = (placed.left + placed.side / 2) / 600, (placed.top + placed.side / 2) / 400
    assert abs(centre_x - x) < 0.08
    assert y is None or abs(centre_y - y) < 0.08


def test_sizes_are_in_order() -> None:
    sides = [
        lay_out([Wish(0, size=size)], VOCABULARY, Stage(800, 800, 1, editing=True))[0].side
        for size in (0.4, 0.6, 1.0, 1.5, 2.2)
    ]
    assert sides == sorted(set(sides))


def test_one_object_fills_the_masks_box() -> None:
    box = Frame(100, 50, 200, 160)
    (placed,) = lay_out([Wish(0)], VOCABULARY, Stage(800, 600, 3, editing=True, masked=box))
    left, top, right, bottom = content(placed)
    assert (top, bottom) == (pytest.approx(50, abs=1), pytest.approx(210, abs=1))
    assert (left + right) / 2 == pytest.approx(200, abs=1)


@given(st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_several_objects_share_the_masks_box(count: int, seed: int) -> None:
    box = Frame(100, 50, 300, 200)
    placed = lay_out([Wish(0, count=count)], VOCABULARY, Stage(800, 600, seed, editing=True, masked=box))
    for place in placed:
        left, top, right, bottom = content(place)
        assert min(left - 100, top - 50) >= -2
        assert max(right - 400, bottom - 250) <= 2


@given(st.integers(0, 2**32 - 1))
def test_things_stand_on_the_ground_and_others_float_above_it(seed: int) -> None:
    names = [noun.word for noun in VOCABULARY.nouns]
    objects = [Wish(names.index("house")), Wish(names.index("cloud"))]
    house, cloud = lay_out(objects, VOCABULARY, Stage(512, 512, seed, horizon=0.6))
    assert content(house)[3] > 0.6 * 512
    assert cloud.top + cloud.side / 2 < 0.6 * 512
    assert house.casts_shadow
    assert not cloud.casts_shadow


def test_far_things_are_small_and_painted_first() -> None:
    near, far = Wish(0), Wish(1, depth="far")
    first, second = lay_out([near, far], VOCABULARY, Stage(512, 512, 1))
    assert (first.noun, second.noun) == (1, 0)
    assert first.side < second.side
