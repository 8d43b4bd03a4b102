"""Reading prompts: what is understood, what is reported, and that no text whatever breaks it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taught import taught_vocabulary

from gesso.engines.builtin.lexicon import Lexicon, split_words
from gesso.engines.builtin.spelling import Spelling
from gesso.engines.builtin.vocabulary import Noun, load_vocabulary, plurals
from gesso.engines.builtin.wishes import MAX_OBJECTS, Background, Understood
from gesso.engines.builtin.wordlists import word_lists
from gesso.engines.builtin.words import avoid, understand

VOCABULARY = load_vocabulary()
KNOWN = sorted({word for phrase in Lexicon.of(VOCABULARY).phrases for word in phrase})


def generate(text: str) -> Understood:
    return understand(text, VOCABULARY, editing=False)


def edit(text: str) -> Understood:
    return understand(text, VOCABULARY, editing=True)


def things(read: Understood) -> list[tuple[str, str, int]]:
    """Each wish as (noun, colour, count)."""
    return [(VOCABULARY.nouns[w.noun].word, VOCABULARY.colours[w.colour], w.count) for w in read.objects]


@given(st.text(max_size=200), st.booleans())
def test_any_text_is_read_and_every_word_ends_exactly_once(text: str, editing: bool) -> None:
    read = understand(text, VOCABULARY, editing=editing)
    words = [word for word in split_words(text) if word not in ",."]
    assert sorted(read.understood + read.ignored + read.unknown) == sorted(words)


@given(st.lists(st.sampled_from([*KNOWN, ",", ".", "3", "0", "999", "gravy"]), max_size=25), st.booleans())
def test_any_mixture_of_known_words_is_read(words: list[str], editing: bool) -> None:
    read = understand(" ".join(words), VOCABULARY, editing=editing)
    said = [word for word in words if word not in ",."]
    assert sorted(read.understood + read.ignored + read.unknown) == sorted(said)
    assert sum(wish.count for wish in read.objects) <= MAX_OBJECTS
    assert all(wish.count > 0 and 0 <= wish.noun < len(VOCABULARY.nouns) for wish in read.objects)
    avoid(" ".join(words), VOCABULARY)


@pytest.mark.parametrize("noun", VOCABULARY.nouns, ids=lambda noun: noun.word)
def test_every_noun_synonym_and_plural_is_known(noun: Noun) -> None:
    index = VOCABULARY.nouns.index(noun)
    for name in (noun.word, *noun.synonyms):
        assert [wish.noun for wish in generate(f"a {name}").objects] == [index]
        for many in plurals(name):
            assert [wish.noun for wish in generate(f"two {many}").objects] == [index]


@pytest.mark.parametrize(
    ("one", "many"),
    [("duck", "ducks"), ("cherry", "cherries"), ("bus", "buses"), ("snowman", "snowmen"), ("cup of tea", "cups of tea"),
     ("top hat", "top hats"), ("key", "keys"), ("gift box", "gift boxes")],
)  # fmt: skip
def test_plurals(one: str, many: str) -> None:
    assert many in plurals(one)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a red car", [("car", "red", 1)]),
        ("two small grey kittens and a pony", [("cat", "gray", 2), ("horse", "", 1)]),
        ("3 ducks, 2 cats", [("duck", "", 3), ("cat", "", 2)]),
        ("ducks", [("duck", "", 3)]),
        ("a pair of sunglasses and a pair of dogs", [("sunglasses", "", 1), ("dog", "", 2)]),
        ("the duck is yellow", [("duck", "yellow", 1)]),
        ("a star, purple", [("star", "purple", 1)]),
        ("t-shirt", [("shirt", "", 1)]),
        ("a black and white cat", [("cat", "white", 1)]),
        ("0 ducks", []),
        ("DUCK!!!", [("duck", "", 1)]),
        ("a duck with a hat next to a tree", [("duck", "", 1), ("hat", "", 1), ("tree", "", 1)]),
    ],
)
def test_objects(prompt: str, expected: list[tuple[str, str, int]]) -> None:
    assert things(generate(prompt)) == expected


@pytest.mark.parametrize(
    ("prompt", "places"),
    [
        ("a duck on the left", [(0.2, None)]),
        ("a duck in the top right corner", [(0.8, 0.2)]),
        ("a duck at the upper left", [(0.2, 0.2)]),
        ("a duck in the center", [(0.5, 0.5)]),
        ("a duck in the middle at the bottom", [(0.5, 0.8)]),
        ("on the left a duck and on the right a cat", [(0.2, None), (0.8, None)]),
        ("a duck, top left, a cat, bottom right", [(0.2, 0.2), (0.8, 0.8)]),
        ("a duck on the left, on the right a cat", [(0.2, None), (0.8, None)]),
    ],
)
def test_places(prompt: str, places: list[tuple[float | None, float | None]]) -> None:
    assert [(wish.x, wish.y) for wish in generate(prompt).objects] == places


@pytest.mark.parametrize(("word", "size"), [("tiny", 0.4), ("small", 0.6), ("big", 1.5), ("large", 1.5), ("huge", 2.2)])
def test_sizes(word: str, size: float) -> None:
    assert [wish.size for wish in generate(f"a {word} duck").objects] == [size]


@pytest.mark.parametrize(
    ("prompt", "background"),
    [
        ("a duck on a blue background", Background(colours=(5,))),
        ("a boat on the sea at sunset", Background(ground="sea", time="sunset")),
        ("a gradient from blue to pink with a star", Background(colours=(5, 7), gradient=True)),
        ("a snowman in the snow at night", Background(ground="snow", time="night")),
        ("a duck, the background is green", Background(colours=(4,))),
        ("a bird in the sky", Background(ground="sky")),
        ("a duck in the background", None),
    ],
)
def test_backgrounds(prompt: str, background: Background | None) -> None:
    assert generate(prompt).background == background


@pytest.mark.parametrize(
    ("prompt", "looks"),
    [
        ("grayscale, please", ("grayscale",)),
        ("turn it black and white", ("grayscale",)),
        ("make it sepia and warmer", ("sepia", "warmer")),
        ("make it night", ("night",)),
        ("more contrast", ("more contrast",)),
        ("make it warm", ("warmer",)),
        ("Increase the contrast and reduce the saturation.", ("more contrast", "muted")),
        ("black & white", ("grayscale",)),
        ("invert the colors", ("invert",)),
    ],
)
def test_looks_of_an_edit(prompt: str, looks: tuple[str, ...]) -> None:
    read = edit(prompt)
    assert read.looks == looks
    assert read.unknown == ()
    assert read.objects == ()


def test_what_this_version_does_not_do_is_said_and_draws_nothing() -> None:
    read = edit("move the cup and replace the fork with a wok. Add a cat")
    assert read.undone == ("moving", "replacing")
    assert things(read) == [("cat", "", 1)]
    assert read.unknown == ("fork", "wok")


@pytest.mark.parametrize("prompt", ["remove the cup", "replace the cup with a cat", "recolor the cup red"])
def test_where_nothing_is_edited_there_is_nothing_to_change(prompt: str) -> None:
    read = generate(prompt)
    assert (read.changes, read.objects, len(read.undone)) == ((), (), 1)


def test_changing_a_thing_in_the_picture_is_not_adding_one() -> None:
    assert edit("make the car red").objects == ()
    assert edit("make the car faster").undone == ("changing things in the picture",)
    assert edit("make the car bigger").undone == ("resizing",)
    assert things(edit("make a red car")) == [("car", "red", 1)]


def test_a_thing_that_is_there_already_is_not_drawn() -> None:
    read = edit("put a hat on the cup")
    assert things(read) == [("hat", "", 1)]
    assert read.kept == ("cup",)
    assert things(generate("put a hat on the cup")) == [("hat", "", 1), ("cup", "", 1)]


def test_without_keeps_things_out() -> None:
    read = generate("a garden without flowers")
    assert read.objects == ()
    assert [VOCABULARY.nouns[noun].word for noun in read.avoided] == ["flower"]


def test_unused_words_are_reported_and_fillers_are_not() -> None:
    read = generate("Please show me a majestic duck, of the finest sort")
    assert read.unknown == ("majestic", "finest", "sort")
    assert "please" in read.ignored


def test_a_colour_that_colours_nothing_is_reported() -> None:
    assert generate("a duck. Red!").unknown == ("red",)
    assert generate("a red and blue ball").unknown == ("red",)


def test_a_background_in_an_edit_is_reported() -> None:
    assert edit("add a duck on the beach").unknown == ("beach",)


def test_more_objects_than_a_picture_holds_are_left_out() -> None:
    read = generate("ten ducks and 5 cats")
    assert things(read) == [("duck", "", 10), ("cat", "", 2)]
    assert read.left_out == 3


def test_a_negative_prompt_names_one_noun_and_one_colour() -> None:
    read = avoid("red ducks, ugly, a cat", VOCABULARY)
    assert read.noun == 0
    assert read.colour == 1
    assert read.unused == ("ugly", "cat")
    assert avoid("", VOCABULARY).noun is None


TAUGHT = taught_vocabulary()


def named(prompt: str) -> list[tuple[str, int]]:
    """Each object a prompt for the whole taught vocabulary draws: noun, count."""
    return [(TAUGHT.nouns[w.noun].word, w.count) for w in understand(prompt, TAUGHT, editing=False).objects]


def test_every_name_of_every_noun_taught_is_its_own() -> None:
    names = [name for noun in TAUGHT.nouns for name in (noun.word, *noun.synonyms)]
    assert len(TAUGHT.nouns) >= 250
    assert sorted({name for name in names if names.count(name) > 1}) == []
    for noun in TAUGHT.nouns:
        for name in (noun.word, *noun.synonyms):
            assert named(f"a {name}") == [(noun.word, 1)], name
            for many in plurals(name):
                assert named(f"two {many}") == [(noun.word, 2)], many


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("three mice and two geese", [("mouse", 3), ("swan", 2)]),
        ("wolves", [("wolf", 3)]),
        ("two knives and two loaves", [("knife", 2), ("bread", 2)]),
        ("four leaves", [("maple leaf", 4)]),
        ("two teeth", [("tooth", 2)]),
        ("two deer and two sheep", [("deer", 2), ("sheep", 2)]),
        ("two men, two women and two babies", [("man", 2), ("woman", 2), ("baby", 2)]),
        ("five children", [("baby", 5)]),
        ("two tomatoes, two volcanoes, two scarves", [("tomato", 2), ("volcano", 2), ("scarf", 2)]),
        ("two pairs of jeans", [("jeans", 2)]),
        ("a pair of scissors", [("scissors", 1)]),
        ("two dice", [("dice", 2)]),
        ("a lorry, an aubergine and a fir", [("truck", 1), ("eggplant", 1), ("pine", 1)]),
        ("an orange", [("tangerine", 1)]),
        ("two oranges and a pear", [("tangerine", 2), ("pear", 1)]),
        ("an orange car", [("car", 1)]),
        ("an orange and white cat", [("cat", 1)]),
    ],
)
def test_irregular_plurals_and_other_words(prompt: str, expected: list[tuple[str, int]]) -> None:
    assert named(prompt) == expected


def test_a_kind_of_thing_is_any_of_its_nouns() -> None:
    for name, members in word_lists().kinds.items():
        assert set(members) <= {noun.word for noun in TAUGHT.nouns}, name
        assert [wish.choices for wish in understand(name, TAUGHT, editing=False).objects] == [TAUGHT.members(name)]
    (wish,) = understand("three fruits", TAUGHT, editing=False).objects
    assert wish.count == 3
    assert {"apple", "mango"} <= {TAUGHT.nouns[choice].word for choice in wish.choices}
    assert named("a bird and a flower") == [("bird", 1), ("flower", 1)]  # these are nouns of their own
    assert avoid("animals", TAUGHT).unused == ("animals",)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("gutar", "guitar"),
        ("elehpant", "elephant"),
        ("umbrellla", "umbrella"),
        ("rockat", "rocket"),
        ("anmial", "animal"),
    ],
)
def test_a_slip_of_spelling_is_taken_for_the_name_it_is_nearest_to(said: str, meant: str) -> None:
    read = understand(f"a red {said}", TAUGHT, editing=False)
    assert [TAUGHT.colours[wish.colour] for wish in read.objects] == ["red"]
    assert read.corrected == ((said, meant),)
    assert read.unknown == ()


@pytest.mark.parametrize("word", ["handle", "plant life", "lion s", "cet", "brain", "guitarrists"])
def test_other_words_are_no_slips(word: str) -> None:
    assert understand(word, TAUGHT, editing=False).corrected == ()


def test_a_word_near_two_things_is_neither() -> None:
    spelling = Spelling.of({"boat house": 0, "tiger": 1, "timer": 2, "tigers": 1})
    assert spelling.meant("tiver") == ""
    assert spelling.meant("tigre") == "tiger"
    assert spelling.meant("tiges") in ("tiger", "tigers")


@given(st.sampled_from([noun.word for noun in TAUGHT.nouns if len(noun.word) >= 6 and noun.word.isalpha()]), st.data())
def test_whatever_a_slip_is_read_as_is_one_slip_away(word: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(word) - 1))
    said = word[:place] + word[place + 1 :]
    meant = Lexicon.of(TAUGHT).spelling.meant(said)
    assert meant == "" or meant.startswith(said[0]) or meant[1] == said[0]
    assert meant == "" or abs(len(meant) - len(said)) <= 1


@pytest.mark.parametrize(
    ("prompt", "relations"),
    [
        ("a cat next to a dog", [("beside", 1), ("", None)]),
        ("a bird above the red house", [("above", 1), ("", None)]),
        ("a small hat on a big cat", [("on", 1), ("", None)]),
        ("a dog to the left of a cat", [("left", 1), ("", None)]),
        ("two ducks behind a tree under a cloud", [("behind", 1), ("below", 2), ("", None)]),
        ("a cat on a table", [("", None)]),
        ("a duck on the left and a cat", [("", None), ("", None)]),
    ],
)
def test_relations_between_things(prompt: str, relations: list[tuple[str, int | None]]) -> None:
    read = understand(prompt, TAUGHT, editing=False)
    assert [(wish.relation, wish.to) for wish in read.objects] == relations
    assert read.unknown == ()


def test_a_relation_to_nothing_drawn_is_reported_or_says_nothing() -> None:
    assert generate("a duck above a unicycle").unknown == ("above", "unicycle")
    assert generate("a duck by the sea, in front of a brick wall").unknown == ()
    assert edit("add a bird above the house").unknown == ("above",)
    assert all(wish.to is None for wish in edit("add a hat on the cup").objects)
    read = generate("twelve ducks next to a cat")
    assert [(wish.relation, wish.to) for wish in read.objects] == [("", None)]


def test_a_size_behind_its_thing() -> None:
    assert [(wish.size, wish.x) for wish in generate("a boat, small, on the left").objects] == [(0.6, 0.2)]
