"""Violations planted in a valid history, one of each way to break each promise, and the invariant that must see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from history import Record
from valid_history import EXAMPLE, tell

Records = list[Record]
Plant = Callable[[Records], Records]


@dataclass(frozen=True)
class Planted:
    """A way to break a promise. `about` is the subject that the violation must name."""

    invariant: str
    about: str
    plant: Plant

    def records(self) -> Records:
        """Return the example with this in it."""
        return self.plant(tell(EXAMPLE))


PLANTED: dict[str, Planted] = {}


def planted(invariant: str, about: str) -> Callable[[Plant], Plant]:
    def keep(plant: Plant) -> Plant:
        PLANTED[plant.__name__] = Planted(invariant, about, plant)
        return plant

    return keep


def _is(record: Record, kind: type[Any], where: dict[str, Any]) -> bool:
    return isinstance(record, kind) and all(getattr(record, name) == value for name, value in where.items())


def find(records: Sequence[Record], kind: type[Any], **where: Any) -> Any:
    """Return the last record of a kind with these values."""
    return [record for record in records if _is(record, kind, where)][-1]


def without(records: Sequence[Record], kind: type[Any], **where: Any) -> Records:
    """Leave out all records of a kind with these values; there must be some."""
    kept = [record for record in records if not _is(record, kind, where)]
    assert len(kept) < len(records)
    return kept


def changed(records: Sequence[Record], kind: type[Any], where: dict[str, Any], **values: Any) -> Records:
    """Change all records of a kind with these values; there must be some."""
    assert any(_is(record, kind, where) for record in records)
    return [record.model_copy(update=values) if _is(record, kind, where) else record for record in records]


def after(records: Sequence[Record], before: Record, *new: Record) -> Records:
    """Put records behind another."""
    at = next(index for index, record in enumerate(records) if record is before) + 1
    return [*records[:at], *new, *records[at:]]


def copied(records: Sequence[Record], kind: type[Any], where: dict[str, Any], **values: Any) -> Records:
    """Put a changed copy of a record right behind it."""
    found = find(records, kind, **where)
    return after(records, found, found.model_copy(update={"at": found.at + 1} | values))
