"""`gesso models`: the catalogue, or one model with its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gesso.cli.output import AsJson, Output, Quiet

if TYPE_CHECKING:
    from gesso.catalogue.model import Model, Parameter


def models(
    slug: Annotated[str | None, typer.Argument(help="Show this model and its parameters.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List the models, or show one with its parameters."""
    from gesso.catalogue.load import load_catalogue
    from gesso.settings import load_settings

    catalogue = load_catalogue(load_settings().model_folders)
    output = Output(as_json, quiet)
    if slug is None:
        titles = {
            "slug": "model",
            "operations": "does",
            "price": "price a picture",
            "engines": "runs on",
            "fidelity": "fidelity",
        }
        output.table([_row(model) for model in catalogue.models], titles, "slug", "The catalogue is empty.")
    else:
        _show(catalogue.get(slug), output)


def _row(model: Model) -> dict[str, Any]:
    from gesso.catalogue.plan import routes_of

    routes = routes_of(model)
    return {
        "slug": model.slug,
        "name": model.name,
        "owner": model.owner,
        "licence": model.licence,
        "operations": list(model.operations),
        "price": price_words(model),
        "engines": list(dict.fromkeys(route.engine for route in routes)),
        "fidelity": list(dict.fromkeys(route.fidelity for route in routes)),
    }


def price_words(model: Model) -> str:
    """Return what a picture costs: "2 claid_credit = 10 credits", or "free"."""
    from gesso.domain.credits import render_credits

    price = model.price
    if price.amount == 0:
        return "free"
    own = f"{price.amount.normalize():f} {price.unit}"
    return own if price.unit == "credit" else f"{own} = {render_credits(price.micro_credits())} credits"


def _show(model: Model, output: Output) -> None:
    from gesso.catalogue.schema import json_schema

    if output.as_json:
        output.answer(_row(model) | {"input": json_schema(model)}, ())
        return
    output.remark(f"{model.name} ({model.slug}) by {model.owner}: {', '.join(model.operations)}; {price_words(model)}.")
    rows = [_parameter_row(parameter) for parameter in model.parameters]
    titles = {"name": "parameter", "type": "type", "default": "default", "allowed": "allowed", "meaning": "meaning"}
    output.table(rows, titles, "name", "It takes no parameters.")


def _parameter_row(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "type": parameter.type,
        "default": "required" if parameter.required else parameter.default,
        "allowed": allowed_words(parameter),
        "meaning": parameter.description,
    }


def allowed_words(parameter: Parameter) -> str:
    """Return what a parameter takes in words: its choices, or its range, steps, length and items; "" for anything."""
    if parameter.allowed:
        return ", ".join(str(value) for value in parameter.allowed)
    words = []
    if parameter.minimum is not None or parameter.maximum is not None:
        words.append(_range(parameter.minimum, parameter.maximum))
    if parameter.multiple_of is not None:
        words.append(f"in steps of {parameter.multiple_of:.12g}")
    if parameter.min_length is not None or parameter.max_length is not None:
        words.append(f"{_range(parameter.min_length or 0, parameter.max_length)} characters")
    if parameter.min_items is not None or parameter.max_items is not None:
        words.append(f"{_range(parameter.min_items or 0, parameter.max_items)} items")
    return ", ".join(words)


def _range(least: float | None, most: float | None) -> str:
    if least is None:
        return f"at most {most:.12g}"
    return f"{least:.12g} or more" if most is None else f"{least:.12g} to {most:.12g}"
