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
        titles = {"slug": "model", "operations": "does", "price": "price", "engines": "runs on"}
        output.table([_row(model) for model in catalogue.models], titles, "slug", "The catalogue is empty.")
    else:
        _show(catalogue.get(slug), output)


def _row(model: Model) -> dict[str, Any]:
    return {
        "slug": model.slug,
        "name": model.name,
        "owner": model.owner,
        "licence": model.licence,
        "operations": list(model.operations),
        "price": _price(model),
        "engines": [route.engine for route in model.routes] or ["stand-in only"],
    }


def _price(model: Model) -> str:
    return "free" if model.price.amount == 0 else f"{model.price.amount.normalize():f} {model.price.unit}"


def _show(model: Model, output: Output) -> None:
    from gesso.catalogue.schema import json_schema

    if output.as_json:
        output.answer(_row(model) | {"input": json_schema(model)}, ())
        return
    output.remark(f"{model.name} ({model.slug}) by {model.owner}: {', '.join(model.operations)}; {_price(model)}.")
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
