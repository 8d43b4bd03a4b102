"""Read the fields of a request's JSON one by one, keeping every mistake for one answer. `null` is as good as absent."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from gesso.domain.errors import InvalidInput, Problem

Unread = dict[str, Any]
MOST_UNREAD = 100  # more unknown fields are not reported one by one


class Fields:
    """A request's JSON object and the mistakes found in it so far."""

    def __init__(self, body: object) -> None:
        self.body: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
        self.problems: list[Problem] = []

    def say(self, field: str, code: str, message: str, value: Any = None, allowed: Any = None) -> None:
        """Keep a mistake; `message` follows the field's name."""
        self.problems.append(
            Problem(field=field, code=code, message=f"{field} {message}", value=value, allowed=allowed)
        )

    def under(self, field: str, *, required: bool = True) -> Mapping[str, Any]:
        """Return an object of the body; {} when it is absent or something else."""
        value = self.body.get(field)
        if value is None:
            if required:
                self.say(field, "required", "is missing.")
            return {}
        if not isinstance(value, Mapping):
            self.say(field, "wrong_type", "must be an object.")
            return {}
        return value

    def text(self, field: str, value: object, longest: int, *, required: bool = False) -> str | None:
        """Return a text of 1 to `longest` characters, or None."""
        if value is None:
            if required:
                self.say(field, "required", "is missing.")
            return None
        if not isinstance(value, str):
            self.say(field, "wrong_type", "must be text.")
        elif not value:
            self.say(field, "too_short", "is empty: it must have at least 1 character.", value, {"min_length": 1})
        elif len(value) > longest:
            self.say(field, "too_long", f"has {len(value)} characters: it may have at most {longest}.", None, longest)
        else:
            return value
        return None

    def choice(self, field: str, value: object, allowed: Collection[str]) -> str | None:
        """Return one of the allowed words, or None."""
        if value is None:
            return None
        if isinstance(value, str) and value in allowed:
            return value
        shown = repr(value[:100]) if isinstance(value, str) else type(value).__name__
        words = ", ".join(allowed)
        self.say(field, "not_a_choice", f"is {shown}: it must be one of {words}.", None, list(allowed))
        return None

    def finish(self) -> None:
        """Raise `InvalidInput` with every mistake, when there is one."""
        if self.problems:
            raise InvalidInput(self.problems)


def unread(values: Mapping[str, Any], known: Collection[str], prefix: str = "") -> Unread:
    """Return the fields nobody reads, named as the asker would name them."""
    strangers = [name for name in values if name not in known][:MOST_UNREAD]
    return {prefix + name: values[name] for name in strangers}
