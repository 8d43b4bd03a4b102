"""What a vendor's file is handed: one call's worth of a task, under the vendor's own names."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gesso.domain.events import GivenFile

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True, eq=False)
class Ask:
    """One call: `count` pictures of a task from its `index`-th on.

    `target` is what the vendor calls the model, `arguments` are the vendor's names and values (a dotted name is a
    place within an object: `nested` unfolds them), `once` is a text that names this call and no other, for vendors
    that take an idempotency key.
    """

    model: str
    target: str
    operation: str
    prompt: str
    arguments: Mapping[str, Any]
    pictures: tuple[GivenFile, ...]
    count: int
    index: int
    width: int | None
    height: int | None
    once: str

    def nested(self, *, pictures: bool = True) -> dict[str, Any]:
        """Return the arguments as an object, with the pictures in it (see below) unless told otherwise."""
        made: dict[str, Any] = {}
        for name, value in self.arguments.items():
            put(made, name, value)
        if pictures:
            for name, value in self.picture_arguments().items():
                put(made, name, value)
        return made

    def picture_arguments(self) -> dict[str, str | list[str]]:
        """Return the arguments that take pictures: a text, or a list where the vendor takes several.

        A picture is its link, where it has one, else a data URI.
        """
        found: dict[str, str | list[str]] = {}
        for picture in self.pictures:
            if picture.many:
                listed = found.setdefault(picture.argument, [])
                assert isinstance(listed, list)
                listed.append(picture.link or picture.data_uri)
            else:
                found[picture.argument] = picture.link or picture.data_uri
        return found


def put(target: dict[str, Any], name: str, value: Any) -> None:
    """Put a value at a place such as `a.b[0].c`, making the objects and lists on the way."""
    steps: list[str | int] = [int(index) if index else key for key, index in _STEP.findall(name)]
    at: Any = target
    for step, following in itertools.pairwise(steps):
        at = _into(at, step, [] if isinstance(following, int) else {})
    _into(at, steps[-1], value, replace=True)


def _into(at: Any, step: str | int, value: Any, *, replace: bool = False) -> Any:
    """Return what is at a step, having put `value` there if there was nothing (or it is to be replaced)."""
    if isinstance(step, int):
        at.extend({} for _ in range(step + 1 - len(at)))
        if replace or at[step] == {}:
            at[step] = value
        return at[step]
    if replace or step not in at:
        at[step] = value
    return at[step]
