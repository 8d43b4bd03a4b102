"""`gesso models`: the catalogue, one model with all there is to know of it, or the check of a model file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gesso.cli.output import AsJson, Output, Quiet

if TYPE_CHECKING:
    from gesso.catalogue.model import Lifecycle, Model, Parameter
    from gesso.engines.registry import Engines

CHECK = "check"


def models(
    slug: Annotated[
        str | None, typer.Argument(help="Show this model: parameters, sizes, routes. `check`: check a model file.")
    ] = None,
    file: Annotated[Path | None, typer.Argument(help="After `check`: the model file.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List the models, show one, or check a model file: gesso models check FILE."""
    output = Output(as_json, quiet)
    if slug == CHECK and file is None:
        raise typer.BadParameter("Say which file: gesso models check FILE", param_hint="FILE")
    if slug != CHECK and file is not None:
        raise typer.BadParameter(f"Only `check` takes a file: gesso models check {file}", param_hint="FILE")
    from gesso.installation import catalogue_of
    from gesso.settings import load_settings

    settings = load_settings()
    if file is not None:
        _check(file, settings.model_folders, output)
        return
    catalogue = catalogue_of(settings)
    if slug is None:
        _list(catalogue.models, output)
        return
    from gesso.engines.registry import Engines
    from gesso.installation import engines_of

    _show(catalogue.get(slug), Engines(engines_of(settings)), output)


def _list(found: tuple[Model, ...], output: Output) -> None:
    from gesso.catalogue.describe import describe

    titles = {
        "slug": "model",
        "operations": "does",
        "state": "lifecycle",
        "price": "price a picture",
        "engines": "runs on",
        "fidelity": "fidelity",
    }
    rows = [describe(model) if output.as_json else _row(model) for model in found]
    output.table(rows, titles, "slug", "The catalogue is empty.")


def _row(model: Model) -> dict[str, Any]:
    from gesso.catalogue.stand_in import routes_of

    routes = routes_of(model)
    return {
        "slug": model.slug,
        "operations": list(model.operations),
        "state": model.lifecycle.state,
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


def lifecycle_words(lifecycle: Lifecycle) -> str:
    """Return whether the owner still offers a model: "retired (2026-03-01); use flux-schnell instead"."""
    when = f" ({lifecycle.date})" if lifecycle.date else ""
    instead = f"; use {lifecycle.successor} instead" if lifecycle.successor else ""
    return f"{lifecycle.state}{when}{instead}"


def tier_words(model: Model) -> list[str]:
    """Return a sentence for each tier of accounts that may not use all of a model."""
    from gesso.catalogue.tiers import rights

    sentences = []
    for one in rights(model):
        if not one.allowed:
            sentences.append(f"Accounts of the tier {one.tier} may not use it.")
        elif one.auto is not None:
            allowed = ", ".join(one.resolutions)
            sentences.append(f"Accounts of the tier {one.tier} have the resolutions {allowed}; auto is {one.auto}.")
    return sentences


def _show(model: Model, engines: Engines, output: Output) -> None:
    from gesso.catalogue.schema import json_schema
    from gesso.catalogue.size_words import offered_sizes, size_left_out

    routes = _routes(model, engines)
    if not output.for_people:
        from gesso.catalogue.describe import describe

        whole = describe(model) | {"routes": routes, "input": json_schema(model)}
        output.answer(whole, (), [parameter.name for parameter in model.parameters])
        return
    output.remark(f"{model.name} ({model.slug}) by {model.owner}: {', '.join(model.operations)}. {model.description}")
    output.remark(f"Licence: {model.licence or 'not stated'}. Price of a picture: {price_words(model)}.")
    output.remark(f"Lifecycle: {lifecycle_words(model.lifecycle)}. {model.lifecycle.note}".rstrip())
    output.remark("".join(f"{sentence}\n" for sentence in tier_words(model)))
    titles = {"name": "parameter", "type": "type", "default": "default", "allowed": "allowed", "meaning": "meaning"}
    output.table([_parameter_row(one) for one in model.parameters], titles, "name", "It takes no parameters.")
    output.remark(f"\nSize when nothing is said of it: {size_left_out(model)}.")
    sizes = [one._asdict() for one in offered_sizes(model)]
    output.table(sizes, {"parameter": "parameter", "value": "value", "gives": "pixels"}, "value", "")
    output.remark("")
    titles = {"engine": "engine", "vendor": "vendor", "target": "runs", "fidelity": "fidelity", "needs": "needs"}
    output.table(routes, titles, "engine", "")
    for row in routes:
        if row["fit"]:
            output.remark(f"{row['target']}: {row['fit']}.")


def _routes(model: Model, engines: Engines) -> list[dict[str, Any]]:
    """Return the routes with whether each can be used here, what it needs (None: nothing), and for weights of ours
    whether they fit this machine."""
    from gesso.catalogue.describe import bare_choice, describe_route
    from gesso.catalogue.stand_in import routes_of

    rows = []
    for route in routes_of(model):
        needs = engines.why_not(bare_choice(model, route))
        fits, words = _fit(route.target, engines) if route.engine == "diffusers" else (None, None)
        ready = {"ready": needs is None, "needs": needs, "fits": fits, "fit": words}
        rows.append({**describe_route(route), **ready})
    return rows


def _fit(target: str, engines: Engines) -> tuple[bool | None, str | None]:
    from gesso.engines.diffusers.engine import DiffusersEngine
    from gesso.engines.diffusers.fits import fit
    from gesso.engines.diffusers.machine import device_bytes, host_bytes

    engine = engines["diffusers"]
    if not isinstance(engine, DiffusersEngine):
        return None, None
    device = engine.device_names[0]
    budget, host_budget = engine.budgets
    found = fit(target, device, device_bytes(device), host_bytes(), budget=budget, host_budget=host_budget)
    return (None, None) if found is None else (found.fits, found.words)


def _check(file: Path, folders: Sequence[Path], output: Output) -> None:
    from gesso.catalogue.load import check_file

    model = check_file(file, folders)
    sentence = f"{file} is in order: {model.slug} with {len(model.parameters)} parameters."
    output.answer({"file": str(file), "slug": model.slug}, (sentence,), (model.slug,))


def _parameter_row(parameter: Parameter) -> Mapping[str, Any]:
    return {
        "name": parameter.name,
        "type": parameter.type,
        "default": "required" if parameter.must_be_given else parameter.default,
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
