"""Each of the 62 Eachlabs models takes what its owner's reference says: names, order, types, defaults and choices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gesso.catalogue.load import load_catalogue
from gesso.catalogue.model import Parameter
from gesso.catalogue.wording import shown

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "brief" / "eachlabs.json"
# model → parameter → [type, required, default, choices]; what is missing at the end was a dash in the reference.
BRIEF: dict[str, dict[str, list[Any]]] = json.loads(FIXTURE.read_text())
CASES = [(slug, name) for slug, parameters in BRIEF.items() for name in parameters]
CUT_OFF = "..."  # the reference's tables end long lists so
# The reference writes addresses of pictures as strings, and lists of anything as arrays.
TYPES = {"string": {"string", "image"}, "array": {"array", "image_list"}}


def stated(slug: str, name: str) -> tuple[str, bool, str | None, str | None]:
    kind, required, default, choices = [*BRIEF[slug][name], None, None][:4]
    return kind, required, default, choices


def parameter_of(slug: str, name: str) -> Parameter:
    parameter = load_catalogue().get(slug).parameter(name)
    assert parameter is not None
    return parameter


def test_the_fixture_is_the_whole_reference() -> None:
    assert (len(BRIEF), len(CASES)) == (62, 570)


@pytest.mark.parametrize("slug", BRIEF)
def test_parameters_are_those_of_the_reference_in_its_order(slug: str) -> None:
    assert [one.name for one in load_catalogue().get(slug).parameters] == list(BRIEF[slug])
    assert load_catalogue().by_name("eachlabs", slug).slug == slug


@pytest.mark.parametrize(("slug", "name"), CASES, ids=[f"{slug}-{name}" for slug, name in CASES])
def test_a_parameter_is_what_the_reference_says(slug: str, name: str) -> None:
    kind, required, default, choices = stated(slug, name)
    parameter = parameter_of(slug, name)
    assert parameter.type in TYPES.get(kind, {kind})
    assert parameter.required == required
    assert (parameter.default is None) == (default is None)
    if default is not None:
        assert same(parameter, default), f"{shown(parameter.default)} is not {shown(default)}"
    assert (parameter.enum is None) == (choices is None)
    if choices is not None:
        ours, theirs = [str(one) for one in parameter.enum or ()], listed(choices)
        assert ours[: len(theirs)] == theirs
        assert len(ours) == len(theirs) or CUT_OFF in choices, "choices the reference does not have belong into accepts"


def same(parameter: Parameter, text: str) -> bool:
    """Tell whether a default written as text is the parameter's."""
    if isinstance(parameter.default, bool):
        return str(parameter.default).lower() == text.lower()
    if isinstance(parameter.default, int | float):
        return float(parameter.default) == float(text)
    return str(parameter.default).rstrip('"') == text.rstrip('"')  # one of them lost its closing quote


def listed(choices: str) -> list[str]:
    """Return the choices of the reference that were not cut off; an empty one between two commas is none."""
    whole = choices.partition(CUT_OFF)[0]
    words = [word.strip() for word in whole.split(",")]
    return [word for word in (words[:-1] if CUT_OFF in choices else words) if word]
