"""How the environment writes settings that are more than a word: lists, and names with values."""

from __future__ import annotations

from gesso.catalogue.wording import shown


def listed(value: object) -> object:
    """Take "a, b" from the environment as well as a list from the file."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def pairs(text: str, wrong: str = "not of the form name=value") -> dict[str, str]:
    """Return what "name=value, other=value" says; raise `ValueError` for what is `wrong` or there twice."""
    found: dict[str, str] = {}
    for part in (part.strip() for part in text.split(",")):
        name, equals, value = (word.strip() for word in part.partition("="))
        if not part:
            continue
        if not equals:
            raise ValueError(f"{shown(part)} is {wrong}")
        if name in found:
            raise ValueError(f"{shown(name)} is there twice")
        found[name] = value
    return found
