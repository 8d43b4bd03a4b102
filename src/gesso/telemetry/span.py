"""What a span is to those who make one, whether traces are made or not."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, Protocol

Kind = Literal["internal", "server", "client", "consumer"]
Attributes = Mapping[str, str | int | float | bool]


class Span(Protocol):
    """Something that takes time. It must be ended; `failed` is why it went wrong, as a code."""

    def note(self, attributes: Attributes) -> None: ...
    def rename(self, name: str) -> None: ...
    def end(self, failed: str | None = None) -> None: ...
    def current(self) -> AbstractContextManager[object]:
        """Make it the parent of what begins within the block, in this task and those it starts; it is not ended."""
        ...


class _Nothing:
    """The span of a process without traces."""

    def note(self, attributes: Attributes) -> None:
        pass

    def rename(self, name: str) -> None:
        pass

    def end(self, failed: str | None = None) -> None:
        pass

    def current(self) -> AbstractContextManager[object]:
        return nullcontext()


NOTHING: Span = _Nothing()
