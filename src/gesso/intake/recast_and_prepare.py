"""Prepare an ask that is written in the words of a form, for whatever model it names."""

from __future__ import annotations

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
    """Return what `prepare` does; fields of the form that the model has no place for are told of as ignored.

    Raises what `prepare` does, in the form's words, and with `strict` `InvalidInput` for a field without a place.
    """
    if form is model:
        return prepare(rules, model, raw, strict=strict, **rest)
    cast = recast(form, model, raw)
    if strict and cast.left_out:
        raise InvalidInput([_refused(verdict) for verdict in cast.left_out])
    try:
        prepared = prepare(rules, model, cast.input, strict=strict, **rest)
    except InvalidInput as error:
        raise InvalidInput([_renamed(problem, cast.fields) for problem in error.problems]) from error
    routes = tuple(
        route.model_copy(update={"verdicts": (*route.verdicts, *cast.left_out)}) for route in prepared.plan.routes
    )
    return replace(prepared, plan=prepared.plan.model_copy(update={"routes": routes}))


def _refused(verdict: Verdict) -> Problem:
    message = f"{verdict.parameter} would be ignored ({verdict.reason}), and the request is strict."
    return Problem(field=verdict.parameter, code="would_be_ignored", message=message)


def _renamed(problem: Problem, fields: Mapping[str, str]) -> Problem:
    name, bracket, rest = problem.field.partition("[")
    theirs = fields.get(name)
    if theirs is None:
        return problem
    message = theirs + problem.message.removeprefix(name) if problem.message.startswith(name) else problem.message
    return problem.model_copy(update={"field": theirs + bracket + rest, "message": message})
