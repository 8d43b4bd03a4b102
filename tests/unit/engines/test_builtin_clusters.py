"""Where things stand that are said to be somewhere seen from one another; which things stand for a kind of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taught import taught_vocabulary

from gesso.engines.builtin.kinds import choose_nouns
from gesso.engines.builtin.layout import CONTENT, Placed, Stage, lay_out
from gesso.engines.builtin.wishes import REFERENCE, Wish
from gesso.engines.builtin.words import understand

VOCABULARY = taught_vocabulary()
SEEDS = range(20)
relations = st.sampled_from(["", "left", "right", "beside", "above", "below", "on", "front", "behind"])


def placed(prompt: str, seed: int, horizon: float | None = None, size: tuple[int, int] = (512, 512)) -> list[Placed]:
    """The objects of a prompt by number; the painting order is that of lay_out."""
    wishes = understand(prompt, VOCABULARY, editing=False).objects
    return sorted(lay_out(wishes, VOCABULARY, Stage(*size, seed, horizon=horizon)), key=lambda place: place.index)


def middle(place: Placed) -> tuple[float, float]:
    return place.left + place.side / 2, place.top + place.side / 2


def foot(place: Placed) -> float:
    return middle(place)[1] + place.side * CONTENT / 2


def apart(first: Placed, second: Placed) -> bool:
    """Whether the squares the things fill share nothing but a line of rounding."""
    reach = (first.side + second.side) * CONTENT / 2 - 2
    return any(abs(a - b) >= reach for a, b in zip(middle(first), middle(second), strict=True))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("horizon", [None, 0.6])
def test_things_stand_where_they_are_said_to(seed: int, horizon: float | None) -> None:
    cat, dog = placed("a cat left of a dog", seed, horizon)
    assert middle(cat)[0] < middle(dog)[0]
    assert apart(cat, dog)
    assert foot(cat) == pytest.approx(foot(dog), abs=3)
    cat, dog = placed("a cat to the right of a dog", seed, horizon)
    assert middle(cat)[0] > middle(dog)[0]
    bird, house = placed("a bird above a house", seed, horizon)
    assert foot(bird) <= middle(house)[1] - house.side * CONTENT / 2
    assert not bird.casts_shadow
    ball, chair = placed("a ball under a chair", seed, horizon)
    assert middle(ball)[1] > foot(chair)
    for prompt in ("a cat next to a dog", "a cat beside a dog", "a cat near a dog"):
        cat, dog = placed(prompt, seed, horizon)
        gap = abs(middle(cat)[0] - middle(dog)[0]) - (cat.side + dog.side) * CONTENT / 2
        assert -2 <= gap < 0.15 * dog.side


@pytest.mark.parametrize("seed", SEEDS)
def test_a_thing_on_another_sits_on_it_and_is_painted_over_it(seed: int) -> None:
    hat, cat = placed("a hat on a cat", seed)
    assert hat.side < cat.side
    assert abs(middle(hat)[0] - middle(cat)[0]) < cat.side / 2
    top = middle(cat)[1] - cat.side * CONTENT / 2
    assert middle(hat)[1] < top + cat.side * 0.2
    assert foot(hat) > top
    wishes = understand("a hat on a cat", VOCABULARY, editing=False).objects
    assert [place.index for place in lay_out(wishes, VOCABULARY, Stage(512, 512, seed))] == [1, 0]
    wishes = understand("a dog behind a cat", VOCABULARY, editing=False).objects
    assert [place.index for place in lay_out(wishes, VOCABULARY, Stage(512, 512, seed))] == [0, 1]


@pytest.mark.parametrize("where", ["under", "above", "next to", "on", "left of"])
def test_several_things_are_not_at_one_place(where: str) -> None:
    for seed in SEEDS:
        first, second, third, _ = placed(f"three ducks {where} a rainbow", seed)
        assert apart(first, second)
        assert apart(second, third)
        assert apart(first, third)


def test_beside_takes_either_side_by_the_seed_and_not_the_one_that_is_taken() -> None:
    ways = {middle(cat)[0] < middle(dog)[0] for cat, dog in (placed("a cat next to a dog", seed) for seed in SEEDS)}
    assert ways == {True, False}
    for seed in SEEDS:
        first, second, house = placed("two cats next to a house", seed)
        assert (middle(first)[0] < middle(house)[0]) != (middle(second)[0] < middle(house)[0])


@given(
    st.lists(st.tuples(st.integers(0, 276), relations, st.integers(1, 3)), min_size=1, max_size=4), st.integers(0, 99)
)
def test_groups_lie_inside_the_picture(things: list[tuple[int, str, int]], seed: int) -> None:
    wishes = [
        Wish(
            noun,
            count=count,
            relation=relation if number + 1 < len(things) else "",
            to=number + 1 if relation else None,
        )
        for number, (noun, relation, count) in enumerate(things)
    ]
    found = lay_out(wishes, VOCABULARY, Stage(600, 400, seed))
    assert sorted(place.index for place in found) == list(range(sum(count for *_, count in things)))
    for place in found:
        x, y = middle(place)
        half = place.side * CONTENT / 2
        assert min(x - half, y - half) >= -3
        assert max(x + half - 600, y + half - 400) <= 3


def test_a_kind_of_thing_is_one_of_them_by_the_seed() -> None:
    fruits = {VOCABULARY.nouns[noun].word for noun in VOCABULARY.members("fruit")}
    seen = {VOCABULARY.nouns[placed("a fruit", seed)[0].noun].word for seed in SEEDS}
    assert len(seen) > 4
    assert seen <= fruits
    assert placed("a fruit", 3) == placed("a fruit", 3)
    three = {place.noun for place in placed("three animals", 5)}
    assert len(three) == 3


def test_more_of_a_kind_than_there_are_are_some_of_them_again() -> None:
    (nouns,) = choose_nouns([Wish(1, count=5, choices=(1, 2))], 7)
    assert sorted(set(nouns)) == [1, 2]
    assert len(nouns) == 5


def test_a_references_thing_is_placed_like_any() -> None:
    (place,) = lay_out([Wish(REFERENCE, size=0.6, x=0.2)], VOCABULARY, Stage(600, 400, 1, editing=True))
    assert place.noun == REFERENCE
    assert place.casts_shadow
    assert middle(place)[0] < 200


@pytest.mark.parametrize("size", ["", "small", "big"])
@pytest.mark.parametrize("place", ["left", "right", "top", "bottom"])
def test_a_thing_alone_is_on_the_side_it_is_said_to_be(size: str, place: str) -> None:
    for seed in SEEDS:
        (car,) = placed(f"a {size} red car on the {place}", seed)
        x, y = (part / 512 for part in middle(car))
        assert {"left": x < 0.4, "right": x > 0.6, "top": y < 0.4, "bottom": y > 0.6}[place]


def test_small_things_are_smaller_and_big_ones_bigger_whatever_the_seed() -> None:
    sides = {size: [placed(f"a {size} car", seed)[0].side for seed in SEEDS] for size in ("small", "", "big")}
    assert max(sides["small"]) < min(sides[""])
    assert max(sides[""]) < min(sides["big"])
    assert max(sides[""]) > 1.1 * min(sides[""])


def test_the_seed_says_what_stands_where() -> None:
    ways = {middle(cat)[0] < middle(dog)[0] for cat, dog in (placed("a cat and a dog", seed) for seed in SEEDS)}
    assert ways == {True, False}
