"""The page about the built-in model names everything it can do, and its pictures are there."""

import re
from pathlib import Path

from gesso.engines.builtin.grounds import GROUNDS
from gesso.engines.builtin.looks import LOOKS
from gesso.engines.builtin.vocabulary import load_vocabulary

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "builtin-model.md").read_text(encoding="utf-8")


def test_every_noun_colour_look_and_ground_is_named() -> None:
    vocabulary = load_vocabulary()
    words = {noun.word for noun in vocabulary.nouns} | set(vocabulary.colours[1:]) | set(LOOKS) | set(GROUNDS)
    assert {word for word in words if word not in " ".join(PAGE.split())} == set()


def test_its_links_lead_somewhere() -> None:
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", PAGE) if "://" not in target]
    assert targets
    assert [target for target in targets if not (DOCS / target).exists()] == []
