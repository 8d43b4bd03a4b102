"""Find places for pictures that were given in one model's words among another's parameters: one, lists, references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gesso.catalogue.model import Model, Parameter
from gesso.catalogue.roles import REFERENCE_ROLES, Role
from gesso.domain.request import Verdict

# Where a picture goes that is no more than something to look at, best first.
LOOKED_AT: tuple[Role, ...] = ("reference", "style_reference", "character_reference", "control_image")


@dataclass
class PicturesRecast:
    """The pictures under the target's names, what each was called ("images[1]"), and what found no place."""

    input: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)


@dataclass(frozen=True)
class _Picture:
    """One picture that was given: its name in the form, its value, what it is for."""

    name: str
    parameter: Parameter
    value: Any
    role: Role | None


def recast_pictures(form: Model, target: Model, given: Mapping[str, Any]) -> PicturesRecast:
    """Return the pictures of `given` (the form's own names; each value was checked against the form) for `target`.

    The picture to edit goes first: to the target's own, or among its references where it has none. Further pictures
    of a list go behind it where the target takes a list, else among the references; a reference stays one.
    """
    made, lost = PicturesRecast(), dict[str, int]()
    places = _Places(target, made)
    for picture in _pictures(form, given):
        if not places.take(picture):
            lost[picture.parameter.name] = lost.get(picture.parameter.name, 0) + 1
    for name, count in lost.items():
        many = isinstance(given[name], list | tuple) and len(given[name]) > count
        reason = f"{target.name} has no place for {'the last ' + str(count) if many else 'it'}"
        made.verdicts.append(Verdict(parameter=name, verdict="ignored", reason=reason, given=True))
    return made


def _pictures(form: Model, given: Mapping[str, Any]) -> list[_Picture]:
    """Return the pictures that were given, those to edit first."""
    found = []
    for parameter in form.parameters:
        if not parameter.is_picture or parameter.name not in given:
            continue
        value = given[parameter.name]
        if parameter.type == "image_list" and isinstance(value, list | tuple):
            items = [(f"{parameter.name}[{i}]", item) for i, item in enumerate(value)]
        else:
            items = [(parameter.name, value)]
        for i, (name, item) in enumerate(items):
            further = parameter.role == "image" and i > 0
            found.append(_Picture(name, parameter, item, "reference" if further else parameter.role))
    return sorted(found, key=lambda one: one.parameter.role != "image")


class _Places:
    """The picture parameters of the target, filled one picture after the other."""

    def __init__(self, target: Model, made: PicturesRecast) -> None:
        self._target, self._made = target, made

    def take(self, picture: _Picture) -> bool:
        """Put a picture into the first place that may have it; return False when there is none."""
        return any(self._put(place, picture) for place in self._open_to(picture))

    def _open_to(self, picture: _Picture) -> list[Parameter]:
        pictured = [one for one in self._target.parameters if one.is_picture]
        same = [one for one in pictured if one.role == picture.role and (one.role or one.name == picture.name)]
        if picture.role != "image" and picture.role not in REFERENCE_ROLES:
            return same
        edited = [one for one in pictured if one.role == "image" and one.type == "image_list"]
        behind = edited if picture.parameter.role == "image" else []
        others = [one for role in LOOKED_AT for one in pictured if one.role == role]
        late = [] if picture.role == "image" else edited
        return [*behind, *same, *others, *late]

    def _put(self, place: Parameter, picture: _Picture) -> bool:
        taken = self._made.input.get(place.name)
        if place.type == "image":
            if taken is not None:
                return False
            self._made.input[place.name] = picture.value
            self._made.fields[place.name] = picture.name
            return True
        items: list[Any] = taken or []
        if place.max_items is not None and len(items) >= place.max_items:
            return False
        if not items and place.role == "image" and picture.role != "image":
            return False  # a reference is never the picture to edit
        self._made.fields.setdefault(place.name, picture.parameter.name)
        self._made.fields[f"{place.name}[{len(items)}]"] = picture.name
        self._made.input[place.name] = [*items, picture.value]
        return True
