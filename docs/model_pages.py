"""The reference pages of the catalogue: an index, a page per model, and what each model calls a meaning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby
from typing import Any

from page_words import sentence, table, value_words

from gesso.catalogue.load import Catalogue, load_catalogue
from gesso.catalogue.model import Fact, Model, Parameter, Route
from gesso.catalogue.roles import Role
from gesso.catalogue.size_tables import TABLES
from gesso.catalogue.size_words import offered_sizes, size_left_out
from gesso.catalogue.stand_in import routes_of
from gesso.catalogue.tiers import TIER_TABLES, Right, rights
from gesso.catalogue.vendors import VENDORS
from gesso.catalogue.wording import choices
from gesso.cli.models import allowed_words, lifecycle_words, price_words
from gesso.engines.diffusers.places import is_operators

MEANINGS: dict[Role, str] = {
    "prompt": "What to paint or to change, in words",
    "negative_prompt": "What to keep away from",
    "image": "The picture to edit or to start from",
    "mask": "Where a picture may change",
    "reference": "Pictures to take people or things from",
    "style_reference": "Pictures to take the look from",
    "character_reference": "Pictures of who is to appear",
    "control_image": "A picture whose outlines or depth to follow",
    "count": "How many pictures",
    "count_limit": "How many pictures at most",
    "aspect_ratio": "Width to height",
    "width": "Width in pixels",
    "height": "Height in pixels",
    "megapixels": "How many million pixels",
    "resolution": "How large, by a word such as 2K",
    "image_size": "The size by name, or width and height together",
    "size": "Width and height in one text, such as 1024x768",
    "steps": "How many denoising steps",
    "prior_steps": "How many steps of the model that comes before",
    "guidance": "How closely to follow the prompt",
    "attention_guidance": "How strongly the prompt steers attention",
    "strength": "How far to move away from the image",
    "reference_strength": "How strongly references count",
    "seed": "What makes a picture repeatable",
    "scheduler": "The way from noise to picture",
    "style": "A look by name",
    "quality": "How much care to take",
    "background": "Opaque, transparent or left open",
    "detail": "How finely something is worked out",
    "model_version": "Which build of the model",
    "loras": "Added weights, each with its strength",
    "lora_weights": "Added weights, one set",
    "lora_strength": "How strongly added weights count",
    "output_format": "File format of the pictures",
    "output_quality": "How little a file format may lose",
    "inline_result": "The picture in the answer itself",
    "safety": "A check of prompts or pictures, on",
    "safety_off": "A check of pictures, left out",
    "safety_level": "How much a check lets through",
    "acceleration": "Faster, at some loss",
    "prompt_expansion": "The prompt written out by a language model",
}


def model_pages() -> dict[str, Callable[[], Iterator[str]]]:
    """Return the maker of each page by its name below docs/reference/."""
    catalogue = load_catalogue()
    makers: dict[str, Callable[[], Iterator[str]]] = {
        "models": partial(_index, catalogue),
        "parameters": partial(_parameters_by_role, catalogue),
    }
    for model in catalogue.models:
        makers[f"models/{model.slug}"] = partial(_page, model)
    return makers


def _index(catalogue: Catalogue) -> Iterator[str]:
    yield "# Models\n"
    yield f"{len(catalogue.models)} models. Test keys run each of them on the built-in model, as a stand-in. What every"
    yield "model calls count, size, steps and the rest: [parameters](parameters.md). The same for programs:"
    yield "`gesso models --json`, `GET /v1/models`.\n"
    yield from table(
        ("model", "name", "owner", "does", "lifecycle", "price a picture", "engines"),
        (
            (
                f"[`{model.slug}`](models/{model.slug}.md)",
                model.name,
                model.owner,
                ", ".join(model.operations),
                model.lifecycle.state,
                price_words(model),
                ", ".join(dict.fromkeys(route.engine for route in model.routes)),
            )
            for model in catalogue.models
        ),
    )


def _page(model: Model) -> Iterator[str]:
    yield f"# `{model.slug}`\n"
    yield f"{model.name} by {model.owner}. {sentence(model.description)}".rstrip() + "\n"
    yield f"- Does: {', '.join(model.operations)}"
    yield f"- Lifecycle: {lifecycle_words(model.lifecycle)}. {sentence(model.lifecycle.note)}".rstrip(". ")
    yield f"- Licence: {model.licence or 'not stated'}"
    yield f"- Price of a picture: {price_words(model)}"
    for rule in model.price_rules:
        when = " and ".join(f"`{name}` is {', '.join(map(str, values))}" for name, values in rule.when.items())
        yield f"- Price when {when}: {rule.amount.normalize():f} {model.price.unit}"
    yield f"- Family: {model.family or 'its own'}"
    for dialect, names in model.names.items():
        yield f"- Called by {dialect}: {', '.join(f'`{name}`' for name in names)}"
    yield from (f"- {sentence(note)}" for note in model.notes)
    yield "\n## Parameters\n"
    yield from table(("parameter", "type", "default", "allowed", "meaning"), map(_parameter, model.parameters))
    yield from _fields(model)
    yield from _sizes(model)
    yield from _tiers(model)
    yield "\n## Routes\n"
    yield from table(("engine", "vendor", "runs", "fidelity", "needs"), (_route(each) for each in routes_of(model)))
    yield "\n## Where this is known from\n"
    yield from table(("what", "source", "confidence"), _facts(model))


def _parameter(parameter: Parameter) -> tuple[str, ...]:
    return (
        f"`{parameter.name}`",
        parameter.type,
        "required" if parameter.must_be_given else value_words(parameter.default),
        allowed_words(parameter) + (" or an object of width and height" if parameter.also_size else ""),
        _meaning(parameter),
    )


def _meaning(parameter: Parameter) -> str:
    words = [sentence(parameter.description)]
    if parameter.aliases:
        words.append(f"Also spelled {', '.join(f'`{alias}`' for alias in parameter.aliases)}.")
    if parameter.unset:
        words.append(f"Not chosen: {', '.join(f'`{value}`' for value in parameter.unset)}.")
    if parameter.only_when:
        conditions = (f"`{name}` is {', '.join(map(str, values))}" for name, values in parameter.only_when.items())
        words.append(f"Only used when {' and '.join(conditions)}.")
    if parameter.inverted:
        words.append(f"Counts from the other end: the {parameter.role} is one minus it.")
    if parameter.idle:
        words.append(f"Without effect: {sentence(parameter.idle)}")
    return " ".join(filter(None, words))


def _fields(model: Model) -> Iterator[str]:
    for parameter in model.parameters:
        if parameter.fields:
            yield f"\nEach of `{parameter.name}` has:\n"
            yield from table(("field", "type", "default", "allowed", "meaning"), map(_parameter, parameter.fields))


def _sizes(model: Model) -> Iterator[str]:
    yield "\n## Sizes\n"
    yield f"When nothing is said of size: {size_left_out(model)}. Choices that are pixels, such as 1024x768, mean just that.\n"
    offered = list(offered_sizes(model))
    if offered:
        rows = ((f"`{one.parameter}`", f"`{one.value}`", one.gives) for one in offered)
        yield from table(("parameter", "value", "gives"), rows)


def _tiers(model: Model) -> Iterator[str]:
    if model.tiers is None:
        return
    yield "\n## Tiers of accounts\n"
    yield "An operator sets an account's tier with `gesso accounts tier`; `business` is where each starts.\n"
    yield from table(("tier", "may use it", "resolutions", "auto"), map(_right, rights(model)))


def _right(right: Right) -> tuple[str, ...]:
    if not right.allowed:
        return right.tier, "no", "", ""
    auto = f"`{right.auto}`" if right.auto else "what the route makes of it"
    return right.tier, "yes", ", ".join(f"`{word}`" for word in right.resolutions), auto


def _route(route: Route) -> tuple[str, ...]:
    vendor = VENDORS[route.vendor].name if route.vendor else ""
    target = route.target or route.model or ""
    runs = ", ".join(part for part in (f"`{target}`" if target else "", route.note) if part)
    return route.engine, vendor, runs, route.fidelity, _needs(route)


def _needs(route: Route) -> str:
    words = [f"`{one}`" for one in VENDORS[route.vendor].variables] if route.vendor else []
    if route.engine == "diffusers":
        weights = "weights of your own" if is_operators(route.target) else "the weights"
        beside = "".join(f", `{target}`" for target in dict.fromkeys(route.beside.values()))
        words.append(f"{weights}{beside}" + (", to which an owner has to let you in first" if route.gated else ""))
        words += (f"`{name}` {choices(values)}" for name, values in route.only_when.items())
    if route.fidelity != "exact":
        words.append(f"a test key; for live ones `GESSO_ALLOW_FIDELITY={route.fidelity}`")
    return ", ".join(words)


def _facts(model: Model) -> Iterator[tuple[str, ...]]:
    """Yield what is stated, its source and confidence; parameters of one source in one row."""
    yield from _fact("names, types, defaults and choices", model.fact)
    stated = sorted((one for one in model.parameters if one.fact), key=lambda one: str(one.fact))
    for _, same in groupby(stated, key=lambda one: one.fact):
        parameters = list(same)
        yield from _fact("limits of " + ", ".join(f"`{one.name}`" for one in parameters), parameters[0].fact)
    yield from _fact("sizes", model.sizing.fact)
    if any(one.role == "aspect_ratio" for one in model.parameters):
        yield from _fact(f"sizes by ratio (`{model.sizing.table}`)", TABLES[model.sizing.table].fact)
    yield from _fact("lifecycle", model.lifecycle.fact)
    yield from _fact("price", model.price_fact)
    if model.tiers is not None:
        yield from _fact("which tiers may use it", model.tiers.fact)
        if model.tiers.table is not None:
            yield from _fact(f"resolutions by tier (`{model.tiers.table}`)", TIER_TABLES[model.tiers.table].fact)
    for route in model.routes:
        yield from _fact(f"route {route.engine} {route.vendor or route.pipeline}".rstrip(), route.fact)


def _fact(what: str, fact: Fact | None) -> Iterator[tuple[str, ...]]:
    if fact is not None:
        yield what, sentence(fact.source), fact.confidence


def _parameters_by_role(catalogue: Catalogue) -> Iterator[str]:
    yield "# What parameters are called\n"
    yield "A role is what a parameter means. Models name one role in many ways; Gesso reads all of them as one thing, so"
    yield "that a job can be compared, charged and run elsewhere.\n"
    names = _names_by_role(catalogue)
    yield from table(
        ("role", "meaning", "names", "models"),
        (
            (
                f"[`{role}`](#{role})",
                meaning,
                ", ".join(f"`{name}`" for name in names[role]),
                str(len({slug for slugs in names[role].values() for slug in slugs})),
            )
            for role, meaning in MEANINGS.items()
            if role in names
        ),
    )
    for role, meaning in MEANINGS.items():
        if role in names:
            yield f"\n## {role}\n"
            yield f"{meaning}.\n"
            yield from table(
                ("name", "models"),
                (
                    (f"`{name}`", ", ".join(f"[{slug}](models/{slug}.md)" for slug in slugs))
                    for name, slugs in names[role].items()
                ),
            )
    yield "\n## Without a role\n"
    yield "Parameters only some models know; they are passed on under their own names.\n"
    yield from table(
        ("name", "models"),
        (
            (f"`{one.name}`", f"[{model.slug}](models/{model.slug}.md)")
            for model in catalogue.models
            for one in model.parameters
            if one.role is None
        ),
    )


def _names_by_role(catalogue: Catalogue) -> dict[Role, dict[str, list[str]]]:
    """Return the models of every name of every role, the commonest name first."""
    found: dict[Role, dict[str, list[str]]] = {}
    times: Counter[tuple[Any, str]] = Counter()
    for model in catalogue.models:
        for one in model.parameters:
            if one.role is not None:
                found.setdefault(one.role, {}).setdefault(one.name, []).append(model.slug)
                times[one.role, one.name] += 1
    return {
        role: dict(sorted(names.items(), key=lambda item: (-times[role, item[0]], item[0])))
        for role, names in found.items()
    }
