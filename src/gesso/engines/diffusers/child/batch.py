"""Several pictures in one call: how calls that differ in their words alone become one. Opt-in, as it moves pixels a
little: how large a batch is decides how a device adds up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from gesso.engines.diffusers.order import Call

WORDS: Final = frozenset(f"{sign}prompt{number}" for sign in ("", "negative_") for number in ("", "_2", "_3"))


def together(calls: Sequence[Call]) -> Call | None:
    """Return the call that makes what these make, a picture each in their order; None where no call can.

    Its words are lists of theirs. Pictures and what is attached for a call are its own: it goes alone. One call is
    returned as it is.
    """
    first, *others = calls
    if not others:
        return first
    if first.pictures or first.attachments or any(_rest(one) != _rest(first) for one in others):
        return None
    words = {name: [one.arguments[name] for one in calls] for name in first.arguments if name in WORDS}
    if any(one is None for listed in words.values() for one in listed):
        words = {name: listed for name, listed in words.items() if listed != [None] * len(listed)}
        if any(one is None for listed in words.values() for one in listed):
            return None  # some have words there and some have not
    return replace(first, arguments={name: said for name, said in first.arguments.items() if name not in WORDS} | words)


def _rest(call: Call) -> tuple[Any, ...]:
    """Return all that calls made together have in common; what cannot be compared by value is its own."""
    said = {name: None if name in WORDS else value for name, value in call.arguments.items()}
    around = (call.pipeline, call.size, call.settings, call.stages, call.scheduling, call.negative_words)
    return said, bool(call.pictures), bool(call.attachments), around, call.guider_scale
