"""Prepare an ask that is written in the words of a form, for whatever model it names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gesso.catalogue.model import Model
from gesso.catalogue.recast import recast
from gesso.domain.errors import InvalidInput, Problem
from gesso.domain.request import Verdict
from gesso.intake.prepare import Prepared, Rules, prepare


def recast_and_prepare(
    rules: Rules, form: Model, model: Model, raw: Mapping[str, Any], *, strict: bool = False, **rest: Any
) -> Prepared:
    """Return what `prepare` does; the plan also tells of the form's fields, those without a place as ignored.

    A model that has the form's very parameters needs no other words: its own ranges and choices hold.

    Raises what `prepare` does, in the form's words, and with `strict` `InvalidInput` for a field without a place.
    """
    if _words(form) == _words(model):
        return prepare(rules, model, raw, strict=strict, **rest)
    cast = recast(form, model, raw)
    lost = [verdict for verdict in cast.verdicts if verdict.verdict == "ignored"]
    if strict and lost:
        raise InvalidInput([_refused(verdict) for verdict in lost])
    try:
        prepared = prepare(rules, model, cast.input, strict=strict, mask_polarity=cast.mask_polarity, **rest)
    except InvalidInput as error:
        raise error.renamed(cast.fields) from error
    routes = tuple(
        route.model_copy(update={"verdicts": (*_beside(cast.verdicts, route.verdicts), *cast.verdicts)})
        for route in prepared.plan.routes
    )
    said = {name: _digested(value) if _is_picture(form, name) else value for name, value in cast.said.items()}
    return replace(prepared, plan=prepared.plan.model_copy(update={"routes": routes}), said=said)


def _is_picture(form: Model, name: str) -> bool:
    parameter = form.parameter(name)
    return parameter is not None and parameter.is_picture


def _digested(picture: Any) -> Any:
    """Return what tells a picture that is not looked at from another, in a few letters."""
    if isinstance(picture, list | tuple):
        return [_digested(one) for one in picture]
    data = picture.encode("utf-8", "surrogatepass") if isinstance(picture, str) else picture
    return hashlib.sha256(data).hexdigest() if isinstance(data, bytes) else None


def _words(model: Model) -> set[tuple[str, str | None]]:
    return {(parameter.name, parameter.role) for parameter in model.parameters}


def _beside(told: tuple[Verdict, ...], planned: tuple[Verdict, ...]) -> list[Verdict]:
    """Return the plan's verdicts of what was not told of under the same name: a default's, and another value's."""
    names = {verdict.parameter: verdict.verdict for verdict in told}
    return [
        verdict
        for verdict in planned
        if verdict.parameter not in names or (verdict.given and names[verdict.parameter] == "ignored")
    ]


def _refused(verdict: Verdict) -> Problem:
    message = f"{verdict.parameter} would be ignored ({verdict.reason}), and the request is strict."
    return Problem(field=verdict.parameter, code="would_be_ignored", message=message)
