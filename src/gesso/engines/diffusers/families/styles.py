"""Styles by name: words of ours that are added to a prompt, and to what is kept out of the picture (`styles.yaml`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

import yaml

RANDOM: Final = "Random Style"
SERIES: Final = ("Fooocus", "SAI", "MRE", "Ads", "Artstyle", "Futuristic", "Game", "Misc", "Papercraft", "Photo")


class Style(NamedTuple):
    """What a style adds to each of the two prompts."""

    add: str = ""
    avoid: str = ""


@cache
def known() -> Mapping[str, Style]:
    """Return the styles that have words of their own, by name."""
    read = yaml.safe_load((files(__package__) / "styles.yaml").read_text())
    return {name: Style(**words) for name, words in read.items()}


def names_of(asked: Any) -> tuple[str, ...]:
    """Return the names in what a request gave: a list, or a text with commas."""
    items = asked.split(",") if isinstance(asked, str) else asked or ()
    return tuple(name for item in items if (name := str(item).strip()))


def styled(prompt: str, negative_prompt: str | None, asked: Any, seed: int) -> tuple[str, str | None]:
    """Return both prompts with the words of the styles behind them; the same seed draws the same random style."""
    styles = [style_of(name, seed) for name in names_of(asked)]
    negative = _joined(negative_prompt or "", [style.avoid for style in styles])
    return _joined(prompt, [style.add for style in styles]), negative or negative_prompt


def style_of(name: str, seed: int = 0) -> Style:
    """Return a style. A name without words of its own says itself what is meant, less the series it belongs to."""
    if name == RANDOM:
        drawable = [style for style in known().values() if style.add]
        return drawable[seed % len(drawable)]
    if name in known():
        return known()[name]
    series, _, rest = name.partition(" ")
    return Style(add=f"{(rest if series in SERIES and rest else name).lower()} style")


def _joined(first: str, added: list[str]) -> str:
    return ", ".join(part for part in dict.fromkeys([first, *added]) if part)
