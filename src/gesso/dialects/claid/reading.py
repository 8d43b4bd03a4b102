"""Read a strict body: every unknown key, wrong type and thing this server does not have becomes a problem with a path."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from gesso.catalogue.wording import kept, safe_text, shown
from gesso.domain.errors import InvalidInput, Problem

MOST_PROBLEMS = 50
MOST_LINK = 4096  # characters
MOST_WORD = 100  # characters of a choice
NO_STORAGE = "this server connects no storages"


class Reading:
    """Collects the problems of one body."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, path: str, code: str, message: str, value: Any = None, allowed: Any = None) -> None:
        """Note a problem; its sentence begins with the path."""
        told = f"{path}: {message}."
        self.problems.append(Problem(field=path, code=code, message=told, value=kept(value), allowed=allowed))

    def finish(self) -> None:
        """Raise `InvalidInput` when there was a problem."""
        if self.problems:
            raise InvalidInput(self.problems[:MOST_PROBLEMS])

    def fields(self, value: Any, path: str, known: Collection[str]) -> Mapping[str, Any]:
        """Return an object's fields that are not null; it may be left out. Keys beside the known ones are problems."""
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.add(path or "body", "type", "value is not an object", value, "object")
            return {}
        strange = [key for key in value if key not in known]
        for key in strange[:MOST_PROBLEMS]:
            self.add(_join(path, safe_text(str(key))), "unknown_field", "extra fields not permitted", None, list(known))
        return {key: one for key, one in value.items() if key in known and one is not None}

    def picture(self, value: Any) -> str:
        """Return the link in `input`, with its scheme looked at; the rest of it is looked at later."""
        if value is None:
            self.add("input", "required", "field required")
        elif not isinstance(value, str):
            self.add("input", "type", "value is not a string", value, "string")
        elif not 1 <= len(value) <= MOST_LINK:
            self.add("input", "length", f"ensure this value has 1 to {MOST_LINK} characters", len(value), MOST_LINK)
        elif value.lower().startswith("storage://"):
            self.add("input", "not_available", f"{NO_STORAGE}: send an http(s) link", value)
        elif not value.lower().startswith(("http://", "https://", "gesso://")):
            self.add("input", "scheme", "invalid or missing URL scheme", value, ["http", "https"])
        else:
            return value
        return ""

    def destination(self, value: Any, path: str) -> None:
        """Refuse a place to put pictures."""
        self.add(path, "not_available", f"{NO_STORAGE}: leave it out, and the result has a tmp_url", value)

    def model(self, value: Any) -> str | None:
        """Return the name in `options.model`."""
        if value is None or isinstance(value, str):
            return value or None
        self.add("options.model", "type", "value is not a string", value, "string")
        return None

    def scalars(self, fields: Mapping[str, Any], path: str) -> None:
        """Refuse lists, objects and long text, which no model's choice is; the prompt may be long."""
        for name, value in fields.items():
            long = isinstance(value, str) and name != "prompt" and len(value) > MOST_WORD
            if long or not isinstance(value, str | int | float):
                self.add(f"{path}.{name}", "type", f"{shown(value)} is no number or word", value)

    def refuse(self, value: Any, path: str) -> None:
        """Refuse an operation, unless it is switched off (null, false, 0, empty text)."""
        if value not in (None, False, 0, ""):
            name = path.removeprefix("operations.")
            which = f"{name} {shown(value)}" if isinstance(value, str) else name
            self.add(path, "not_available", f"{which} is not available on this server", value)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key or '""'  # JSON allows a key without a letter
