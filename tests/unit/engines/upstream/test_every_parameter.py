"""Every parameter of every model at every vendor: what its verdict says is on the wire, and what is not is reported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pytest
from planned import CATALOGUE, Planned, least, name_of, planned, values_of

from gesso.catalogue.model import Model, Parameter, Route
from gesso.domain.errors import InvalidInput
from gesso.domain.request import Verdict
from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.steps import Call, Reply, Send, Step
from gesso.engines.upstream.vendors import UPSTREAMS

ROUTES = [(model, route) for model in CATALOGUE.models for route in model.routes if route.engine == "upstream"]
OUR_OWN = {"gesso-sketch", "claid-classic-edit"}  # a painter of ours, and a resizer that paints nothing
# What a verdict says whose value goes nowhere because it changes nothing, or because Gesso itself does it.
ELSEWHERE = {
    *("the server does it", "the answer carries links", "as it always is there", "off", "not given"),
    *("the size follows from the image", "the shape follows from the image"),
}


@dataclass(frozen=True)
class Tried:
    """One value of a parameter (None: left out), what is said of it, and the calls that cost."""

    value: Any
    verdict: Verdict
    sent: list[Call]
    quiet: bool  # a text or a picture, which verdicts do not repeat

    @property
    def said(self) -> Any:
        """What is said to be sent."""
        if self.verdict.verdict == "ignored":
            return None
        return self.value if self.quiet else self.verdict.used


def test_every_model_has_a_vendor():
    owned = {model.slug for model, _ in ROUTES}
    assert {model.slug for model in CATALOGUE.models} - owned == OUR_OWN
    assert len({model.slug for model, route in ROUTES if route.vendor == "eachlabs"}) == 62


def wire(one: Planned) -> list[Call]:
    """Return the calls that cost, as the vendor's file makes them; uploads before them succeed."""
    return [_paying(one.route.vendor, ask) for ask in one.asks]


def _paying(vendor: str, ask: Ask) -> Call:
    step: Step = UPSTREAMS[vendor].start(ask)
    while True:
        assert isinstance(step, Send)
        if step.call.pays:
            return step.call
        places = [
            {"upload_url": f"https://up.example/{one}", "file_path": str(one)} for one in range(len(ask.pictures))
        ]
        said = {"items": places, "data": {"output": {"tmp_url": "https://up.example/0"}}}
        step = UPSTREAMS[vendor].read(ask, step.state, Reply(200, {}, json.dumps(said).encode()))


def tried(model: Model, route: Route, parameter: Parameter, beside: dict[str, Any]) -> Iterator[Tried]:
    """Yield what becomes of several values of a parameter, and of none, beside what else is given."""
    base = least(model) | beside
    base |= {name: values[0] for name, values in parameter.only_when.items()}
    base.pop(parameter.name, None)
    for given in ({}, *({parameter.name: value} for value in values_of(parameter))):
        try:
            one = planned(model, route, base | given)
        except InvalidInput:  # it does not go with the others
            continue
        verdict = next(one for one in one.choice.verdicts if one.parameter == parameter.name)
        quiet = parameter.is_picture or parameter.is_free_text
        yield Tried(given.get(parameter.name), verdict, wire(one), quiet)


def pictures_and_weights(model: Model) -> dict[str, Any]:
    """Return what the strengths and scales of a model are about."""
    about = [one for one in model.parameters if one.is_picture or one.role in ("loras", "lora_weights")]
    return {one.name: values_of(one)[0] for one in about}


def wrong_pairs(found: list[Tried], target: str) -> Iterator[tuple[Tried, Tried]]:
    """Yield values of which different things are said that are the same on the wire, or the other way round."""
    for one, other in combinations(found, 2):
        alike = one.sent == other.sent
        if one.said != other.said and alike and target not in (one.said, other.said):
            yield one, other
        if one.verdict.verdict == other.verdict.verdict == "ignored" and not alike:
            yield one, other


def check_reasons(route: Route, parameter: Parameter, found: list[Tried]) -> None:
    """What is said to be used and goes nowhere is done elsewhere; nothing is said without a reason."""
    own = route.arguments[parameter.name].reason if parameter.name in route.arguments else ""
    for one in found:
        assert one.verdict.reason, parameter.name
        if one.verdict.verdict != "ignored" and one.verdict.used is None and not one.quiet:
            reason = one.verdict.reason.rpartition("; ")[2]
            assert reason in {*ELSEWHERE, own} - {""}, (parameter.name, one.value, one.verdict)


@pytest.mark.parametrize(("model", "route"), ROUTES, ids=name_of)
def test_every_parameter_is_sent_as_its_verdict_says_or_reported(model, route):
    for parameter in model.parameters:
        alone = list(tried(model, route, parameter, {}))
        check_reasons(route, parameter, alone)
        wrong = list(wrong_pairs(alone, route.target))
        if wrong:  # a strength says nothing without what it is the strength of
            alone = list(tried(model, route, parameter, pictures_and_weights(model)))
            wrong = list(wrong_pairs(alone, route.target))
        assert not wrong, (parameter.name, wrong[0])
        assert alone, f"no value of {parameter.name} was taken"
