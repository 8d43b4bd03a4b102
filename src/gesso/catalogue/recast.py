"""Put an ask written for one model's form into another model's words, by the roles their parameters share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gesso.catalogue.active import is_set, why_idle
from gesso.catalogue.canonical import DRAWN_SEED, one_minus
from gesso.catalogue.check import MOST_PROBLEMS, Checked, check, check_value
from gesso.catalogue.model import Model, Parameter
from gesso.catalogue.recast_pictures import recast_pictures
from gesso.catalogue.recast_size import recast_size
from gesso.catalogue.roles import SIZE_ROLES, Role
from gesso.catalogue.wording import safe_text, shown
from gesso.domain.errors import InvalidInput, Problem
from gesso.domain.picture import MaskPolarity, PictureReference
from gesso.domain.request import Operation, Verdict, VerdictWord

_SOME_PICTURE = PictureReference(blob="given")  # stands for each picture while the form's own rules are checked


@dataclass(frozen=True)
class Recast:
    """The input in the target's words, what each of its fields was called before, and what became of the others.

    `fields` maps a parameter of the target, or one item of a list ("images[1]"), to the form's field. `verdicts` tell
    of every given field of the form that is not simply another name now. `mask_polarity` is how the mask that is in
    `input` reads; None without one. `said` is the ask in the form's own words, defaults included; of its pictures only
    those that found no place, as they came.
    """

    input: dict[str, Any]
    fields: dict[str, str]
    verdicts: tuple[Verdict, ...] = ()
    mask_polarity: MaskPolarity | None = None
    said: Mapping[str, Any] = field(default_factory=dict)


def recast(form: Model, target: Model, raw: Mapping[str, Any]) -> Recast:
    """Return an ask for `form` as one for `target`; raise `InvalidInput`, in the form's words, for what the form refuses.

    The target's ranges are not looked at, but for how many pictures it makes. A choice or a picture the target has no
    word for is left out. A field the form does not have is handed on under its own name: the asker may know the
    target's.
    """
    checked = check(form, _without_pictures(form, raw), unknown="ignore")
    casting = _Casting(form, target, checked)
    pictures = {one.name: value for one, value in _given(form, raw) if one.is_picture}
    casting.pictures(pictures)
    casting.size()
    for parameter in form.parameters:
        if parameter.name in checked.given and not parameter.is_picture and parameter.role not in SIZE_ROLES:
            casting.value(parameter)
    casting.strangers({name: raw[name] for name in raw if form.parameter(name) is None})
    casting.name_what_is_missing()
    if casting.problems:
        raise InvalidInput(casting.problems[:MOST_PROBLEMS])
    masked = any(one.role == "mask" and one.name in casting.input for one in target.parameters)
    polarity = form.mask_polarity if masked else None
    lost = {one.parameter for one in casting.verdicts if one.verdict == "ignored"}
    said = {one.name: checked.values[one.name] for one in form.parameters if not one.is_picture}
    said |= {name: value for name, value in pictures.items() if name in lost}
    return Recast(casting.input, casting.fields, tuple(casting.verdicts), polarity, said)


def _given(form: Model, raw: Mapping[str, Any]) -> Iterable[tuple[Parameter, Any]]:
    for name, value in raw.items():
        parameter = form.parameter(name)
        if parameter is not None and value is not None:
            yield parameter, value


def _without_pictures(form: Model, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input with a stand-in for each picture: bytes and text alike are intake's business."""
    stands = dict(raw)
    for name, value in raw.items():
        parameter = form.parameter(name)
        if parameter is None or not parameter.is_picture:
            continue
        many = isinstance(value, list | tuple)
        stands[name] = [_stand_in(one) for one in value] if many else _stand_in(value)
    return stands


def _stand_in(value: Any) -> Any:
    given = isinstance(value, bytes) or (isinstance(value, str) and value.strip())
    return _SOME_PICTURE if given else value


@dataclass
class _Casting:
    """The new input as it grows."""

    form: Model
    target: Model
    checked: Checked
    input: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def pictures(self, given: Mapping[str, Any]) -> None:
        """Take the pictures."""
        made = recast_pictures(self.form, self.target, given)
        self.input |= made.input
        self.fields |= made.fields
        self.verdicts += made.verdicts

    def size(self) -> None:
        """Take all that says how large the picture is."""
        made = recast_size(
            self.form, self.target, self.checked, self._operation(self.form), self._operation(self.target)
        )
        self.input |= made.input
        self.fields |= made.fields
        self.verdicts += made.verdicts

    def _operation(self, model: Model) -> Operation:
        """Return what the model will do: edit where it can and there is a picture to edit."""
        known = self.checked.given if model is self.form else self.input
        image = model.with_role("image")
        edits = "edit" in model.operations and image is not None and image.name in known
        return "edit" if edits or "generate" not in model.operations else "generate"

    def value(self, parameter: Parameter) -> None:
        """Take a parameter that is neither a picture nor a size."""
        value = self.checked.values[parameter.name]
        if (reason := why_idle(parameter, self.checked.values)) is not None:
            self._tell(parameter, "ignored", reason)
        elif parameter.role == "count":
            self._count(parameter, value)
        elif not is_set(parameter, value) or (parameter.role == "seed" and int(value) == DRAWN_SEED):
            self._tell(parameter, "used", "left open: the model decides")
        elif (place := self._place(parameter)) is None:
            self._tell(parameter, "ignored", self._nothing_like(parameter.role))
        else:
            value = one_minus(value) if parameter.inverted != place.inverted else value
            if _says_something_else(parameter, place, value):
                self._tell(parameter, "ignored", f"{self.target.name} has no such choice")
            else:
                self._put(parameter, place, value)

    def _count(self, parameter: Parameter, value: int) -> None:
        place = self.target.with_role("count")
        if place is not None:
            check_value(place, value, parameter.name, self.problems)
            self._put(parameter, place, value)
        elif value == 1:
            self._tell(parameter, "used", f"{self.target.name} makes one picture a request")
        else:
            message = f"{parameter.name} is {shown(value)}: {self.target.slug} makes one picture a request."
            problem = Problem(field=parameter.name, code="out_of_range", message=message, value=value, allowed=1)
            self.problems.append(problem)

    def _place(self, parameter: Parameter) -> Parameter | None:
        """Return the first free parameter of the target that means the same."""
        for one in self.target.parameters:
            same = one.role == parameter.role if parameter.role else one.role is None and one.name == parameter.name
            if same and one.name not in self.input:
                return one
        return None

    def _put(self, parameter: Parameter, place: Parameter, value: Any) -> None:
        self.input[place.name] = value
        self.fields[place.name] = parameter.name

    def _nothing_like(self, role: Role | None) -> str:
        told = self.target.without.get(role) if role is not None else None
        return told or f"{self.target.name} has nothing that corresponds to it"

    def _tell(self, parameter: Parameter, word: VerdictWord, reason: str) -> None:
        got = None if parameter.is_free_text else self.checked.values[parameter.name]
        self.verdicts.append(Verdict(parameter=parameter.name, verdict=word, reason=reason, got=got, given=True))

    def strangers(self, given: Mapping[str, Any]) -> None:
        """Hand on fields the form does not have, unless one of its own says the same already."""
        for name, value in given.items():
            own = self.target.parameter(name)
            if own is not None and own.name in self.input:
                if value is not None:
                    other = self.fields.get(own.name, own.name)
                    message = f"{safe_text(name)} says what {other} says already: send one of them."
                    self.problems.append(Problem(field=name, code="given_twice", message=message))
                continue
            self.input[name] = value

    def name_what_is_missing(self) -> None:
        """Let what was not given be missed under the form's name for it."""
        for parameter in self.form.parameters:
            place = self.target.with_role(parameter.role) if parameter.role else None
            if place is not None and place.name not in self.input:
                self.fields.setdefault(place.name, parameter.name)


def _says_something_else(parameter: Parameter, place: Parameter, value: Any) -> bool:
    """Tell whether a value is none of the target's choices, or of another kind altogether (not merely out of range)."""
    if place.enum is None and (_kind(parameter) == _kind(place) or parameter.role == "seed"):
        return False
    problems: list[Problem] = []
    check_value(place, value, place.name, problems)
    return bool(problems)


def _kind(parameter: Parameter) -> str:
    return "number" if parameter.type == "integer" else parameter.type
