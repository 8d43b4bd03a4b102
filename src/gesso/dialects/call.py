"""One HTTP exchange as a dialect sees it: what was asked, read and parsed; what is answered, not yet written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Part:
    """A part of a form that carries a file. `media_type` is what its sender says, not what it is."""

    name: str
    filename: str
    media_type: str
    data: bytes


@dataclass(frozen=True)
class Form:
    """A multipart body: text and files by name, in the order they came; a name may come often."""

    fields: tuple[tuple[str, str | Part], ...]

    def texts(self) -> dict[str, str]:
        """Return the text fields; of a name given twice the last."""
        return {name: value for name, value in self.fields if isinstance(value, str)}

    def files(self, *names: str) -> list[Part]:
        """Return the files of these names."""
        return [value for name, value in self.fields if isinstance(value, Part) and name in names]


@dataclass(frozen=True)
class Call:
    """A request. `body` is the parsed JSON, a `Form`, text, or None where the route reads none.

    `base` is the dialect's own address towards this caller ("https://host/fashn", no slash at the end), `host` the
    server's. Names of headers are lower-case.
    """

    method: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    base: str = ""
    host: str = ""
    request_id: str = ""


@dataclass(frozen=True)
class Reply:
    """An answer. `body` is written as JSON; bytes go out as they are, None is an empty body."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"
