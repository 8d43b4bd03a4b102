"""The vocabulary as training teaches it, whatever the shipped weights know: every noun of training/objects.yaml."""

from pathlib import Path

import yaml

from gesso.engines.builtin.vocabulary import Noun, Vocabulary, load_vocabulary

OBJECTS = Path(__file__).parents[3] / "training" / "objects.yaml"


def taught_vocabulary() -> Vocabulary:
    entries = yaml.safe_load(OBJECTS.read_text(encoding="utf-8"))
    keys = set(Noun.model_fields) - {"word"}
    nouns = tuple(
        Noun.model_validate({"word": word, **{key: value for key, value in entry.items() if key in keys}})
        for word, entry in entries.items()
    )
    return load_vocabulary().model_copy(update={"nouns": nouns})
