"""The word lists of lexicon.yaml, read once; what their phrases mean is lexicon.py's and vocabulary.py's business."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from gesso.catalogue.strict_yaml import read_yaml
from gesso.domain.frozen import Frozen

_FILE = Path(__file__).parent / "lexicon.yaml"


class WordLists(Frozen):
    """Meaning → its phrases, for each group of phrases; see the comments in lexicon.yaml."""

    colours: dict[str, tuple[str, ...]]
    fruits: dict[str, str]
    counts: dict[int, tuple[str, ...]]
    sizes: dict[float, tuple[str, ...]]
    places: dict[str, tuple[str, ...]]
    relations: dict[str, tuple[str, ...]]
    grounds: dict[str, tuple[str, ...]]
    times: dict[str, tuple[str, ...]]
    looks: dict[str, tuple[str, ...]]
    levels: dict[str, tuple[str, str]]
    undone: dict[str, tuple[str, ...]]
    words: dict[str, tuple[str, ...]]
    kinds: dict[str, tuple[str, ...]]
    plurals: dict[str, tuple[str, ...]]
    no_slips: frozenset[str]


@cache
def word_lists() -> WordLists:
    """Return the lists shipped in the package."""
    return WordLists.model_validate(read_yaml(_FILE.read_text(encoding="utf-8")))
