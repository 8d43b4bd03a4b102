"""Clauses that change what is in a picture, and those that ask for what a reference shows."""

import pytest
from taught import taught_vocabulary

from gesso.engines.builtin.notes import notes_on
from gesso.engines.builtin.wishes import REFERENCE, Avoided, Change, Understood
from gesso.engines.builtin.words import understand

VOCABULARY = taught_vocabulary()
LEFT, RIGHT, TOP, BOTTOM = 0.2, 0.8, 0.2, 0.8


def read(text: str, *, referring: bool = False) -> Understood:
    return understand(text, VOCABULARY, editing=True, referring=referring)


def name(noun: int) -> str:
    return "reference" if noun == REFERENCE else VOCABULARY.nouns[noun].word


def told(change: Change) -> str:
    """A change in a line: "replace cat* 0.2,None with 2 blue dog"; * is everyone."""
    place = "" if change.x is change.y is None else f" {change.x},{change.y}"
    line = f"{change.kind} {name(change.noun)}{'*' if change.everyone else ''}{place}"
    if change.kind == "recolour":
        return f"{line} {VOCABULARY.colours[change.colour]}"
    if change.wish is not None:
        wish = change.wish
        size = "" if wish.size == 1 else f"{wish.size} "
        colour = f"{VOCABULARY.colours[wish.colour]} " if wish.colour else ""
        return f"{line} with {wish.count} {size}{colour}{name(wish.noun)}"
    return line


CHANGES = {
    "remove the duck": ["remove duck"],
    "please get rid of the man": ["remove man"],
    "remove the duck on the left": ["remove duck 0.2,None"],
    "remove the left duck": ["remove duck 0.2,None"],
    "erase the cat in the top right corner": ["remove cat 0.8,0.2"],
    "delete all ducks": ["remove duck*"],
    "remove every mouse and both dogs": ["remove mouse*", "remove dog*"],
    "remove the ducks": ["remove duck*"],
    "remove the cat, the dog and the duck": ["remove cat", "remove dog", "remove duck"],
    "remove the cat on the left and the dog on the right": ["remove cat 0.2,None", "remove dog 0.8,None"],
    "remove one of the ducks": ["remove duck"],
    "remove the hat from the cat": ["remove hat"],
    "remove the cat with the hat": ["remove cat"],
    "replace the cat with a dog": ["replace cat with 1 dog"],
    "replace the cat with a blue dog": ["replace cat with 1 blue dog"],
    "swap the mouse for a small red ball": ["replace mouse with 1 0.6 red ball"],
    "exchange the cat by two dogs": ["replace cat with 2 dog"],
    "replace the cat with dogs": ["replace cat with 3 dog"],
    "replace the cats with dogs": ["replace cat* with 1 dog"],
    "turn all cats into dogs": ["replace cat* with 1 dog"],
    "turn the cat into a dog": ["replace cat with 1 dog"],
    "change the cat to a dog": ["replace cat with 1 dog"],
    "turn a cat into a dog": ["replace cat with 1 dog"],
    "make the cat a dog": ["replace cat with 1 dog"],
    "replace the cat on the left with a dog": ["replace cat 0.2,None with 1 dog"],
    "replace the cat with a dog, on the left": ["replace cat 0.2,None with 1 dog"],
    "replace the cat and the duck with a big frog": ["replace cat with 1 1.5 frog", "replace duck with 1 1.5 frog"],
    "replace the cat with a dog and the duck with an owl": ["replace cat with 1 dog", "replace duck with 1 owl"],
    "replace the red apple with an orange": ["replace apple with 1 tangerine"],
    "make the car red": ["recolour car red"],
    "paint the cars green": ["recolour car* green"],
    "colour the car blue": ["recolour car blue"],
    "recolor the house to blue": ["recolour house blue"],
    "change the colour of the car to red": ["recolour car red"],
    "make the car red and the house blue": ["recolour car red", "recolour house blue"],
    "make the car and the house red": ["recolour car red", "recolour house red"],
    "make the red car blue": ["recolour car blue"],
    "make the duck on the right purple": ["recolour duck 0.8,None purple"],
}


@pytest.mark.parametrize(("prompt", "changes"), CHANGES.items())
def test_changes(prompt: str, changes: list[str]) -> None:
    found = read(prompt)
    assert [told(change) for change in found.changes] == changes
    assert (found.objects, found.undone, found.kept) == ((), (), ())


@pytest.mark.parametrize(
    ("prompt", "unknown"),
    [
        ("remove the red duck", ("red",)),
        ("remove the hat from the cat", ("cat",)),
        ("remove two ducks", ("two",)),
        ("replace the majestic cat with a dog", ("majestic",)),
        ("make the car red at night", ("night",)),
        ("replace the cat with a dog", ()),
    ],
)
def test_what_a_change_does_not_heed_is_reported(prompt: str, unknown: tuple[str, ...]) -> None:
    assert read(prompt).unknown == unknown


@pytest.mark.parametrize(
    ("prompt", "undone"),
    [
        ("remove the background", "removing"),
        ("remove the unicycle", "removing"),
        ("remove the animal", "removing"),
        ("replace the unicycle with a wheel", "replacing"),
        ("make the cat wear a hat", "changing things in the picture"),
        ("turn the picture into a painting", "changing things in the picture"),
        ("make the car big", "resizing"),
        ("recolor the sky blue", "recolouring"),
    ],
)
def test_changes_that_cannot_be_are_said_to_be_undone(prompt: str, undone: str) -> None:
    found = read(prompt)
    assert (found.changes, found.objects, found.undone) == ((), (), (undone,))


def test_a_change_stands_among_other_clauses() -> None:
    found = read(
        "make it warmer, remove the duck, and add a red cat on the left. Turn the dog into a fox and then darken"
    )
    assert [told(change) for change in found.changes] == ["remove duck", "replace dog with 1 fox"]
    assert [(name(wish.noun), VOCABULARY.colours[wish.colour], wish.x) for wish in found.objects] == [
        ("cat", "red", LEFT)
    ]
    assert found.looks == ("warmer", "darker")
    assert found.unknown == ()


def test_what_is_joined_to_a_replacement_is_added() -> None:
    found = read("replace the cat with a dog and a bird")
    assert [told(change) for change in found.changes] == ["replace cat with 1 dog"]
    assert [name(wish.noun) for wish in found.objects] == ["bird"]


def test_a_kind_of_thing_may_replace() -> None:
    (change,) = read("replace the cat with a fruit").changes
    assert change.wish is not None
    assert {"apple", "pear"} <= {name(choice) for choice in change.wish.choices}


@pytest.mark.parametrize(
    ("prompt", "place"),
    [
        ("add this", (None, None)),
        ("put it on the left", (LEFT, None)),
        ("add the object from the reference image", (None, None)),
        ("add the thing in the reference picture on the left", (LEFT, None)),
        ("add this mug", (None, None)),
        ("put this small red mug in the picture, in the top left corner", (LEFT, TOP)),
        ("place this object at the bottom on the right", (RIGHT, BOTTOM)),
        ("insert the reference", (None, None)),
    ],
)
def test_what_a_reference_shows_is_wished_for(prompt: str, place: tuple[float | None, float | None]) -> None:
    found = read(prompt, referring=True)
    assert [(wish.noun, wish.x, wish.y, wish.count) for wish in found.objects] == [(REFERENCE, *place, 1)]
    assert (found.unknown, found.kept) == ((), ())
    assert all(wish.noun != REFERENCE for wish in read(prompt).objects)


def test_a_reference_among_other_things() -> None:
    found = read("add this, small, and a cat", referring=True)
    assert [(wish.noun, wish.size) for wish in found.objects] == [(REFERENCE, 0.6), (1, 1.0)]
    assert [wish.noun for wish in read("add a duck and put it on the left", referring=True).objects] == [0]
    assert read("make this brighter", referring=True).objects == ()
    assert read("add a hat to this picture", referring=True).objects[0].noun != REFERENCE
    assert [told(change) for change in read("replace the cat with this", referring=True).changes] == [
        "replace cat with 1 reference"
    ]


def test_a_reference_is_drawn_where_nothing_is_edited() -> None:
    found = understand("this on a beach", VOCABULARY, editing=False, referring=True)
    assert [wish.noun for wish in found.objects] == [REFERENCE]
    assert (
        understand("a cat in the style of the reference", VOCABULARY, editing=False, referring=True).objects[0].noun
        == 1
    )


def test_changes_nobody_makes_are_noted() -> None:
    found = read("remove the duck and make the car red")
    notes = {note.code: note for note in notes_on(found, Avoided(), VOCABULARY, editing=True)}
    assert notes["not_done"].data == {"what": ["removing", "changing things in the picture"]}
    assert list(notes_on(found, Avoided(), VOCABULARY, editing=True, altering=True)) == []
