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
    from gesso.settings import load_settings
    from gesso.wiring import catalogue_of

    catalogue = catalogue_of(load_settings())
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
    """Return what a parameter takes in words: its choices, or its range, multiple and lengths; "" for anything."""
    if parameter.enum:
        return ", ".join(str(value) for value in parameter.enum)
    words = []
    if parameter.minimum is not None or parameter.maximum is not None:
        words.append(f"{_bound(parameter.minimum)} to {_bound(parameter.maximum)}")
    if parameter.multiple_of is not None:
        words.append(f"in steps of {_bound(parameter.multiple_of)}")
    if parameter.max_length is not None:
        unit = "items" if parameter.type in ("array", "image_list") else "characters"
        words.append(f"{parameter.min_length or 0} to {parameter.max_length} {unit}")
    return ", ".join(words)


def _bound(value: float | None) -> str:
    return "…" if value is None else f"{value:.12g}"
