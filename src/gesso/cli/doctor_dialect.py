"""`gesso doctor --dialect NAME`: what a client of that API finds here, and what differs from its vendor."""

from __future__ import annotations

from typing import Any

from gesso.cli.output import Output


def explain(name: str, output: Output) -> None:
    """Print where the dialect is served, its routes, what its model names stand for, and what differs."""
    from gesso.catalogue.wording import did_you_mean
    from gesso.dialects.guide import guide_of
    from gesso.dialects.registry import BY_NAME
    from gesso.domain.errors import OperatorError

    dialect = BY_NAME.get(name.replace("-", "_").lower())
    if dialect is None:
        message = f"There is no dialect {name!r}.{did_you_mean(name, list(BY_NAME))} There are {', '.join(BY_NAME)}."
        raise OperatorError(message)
    models = _models(dialect.name)
    differs = guide_of(dialect).differs
    routes = [{"method": route.method, "path": dialect.mount + route.path} for route in dialect.routes]
    about = {"dialect": dialect.name, "title": dialect.title, "mount": dialect.mount}
    sentence = f"{dialect.title} is served at http://HOST:PORT{dialect.mount}; the key is a Gesso key."
    output.answer(about | {"routes": routes, "models": models, "differs": list(differs)}, [sentence], [dialect.mount])
    if not output.for_people:
        return
    output.table(routes, {"method": "method", "path": "route"}, "path", "")
    titles = {"name": "its name", "model": "model here", "live": "with a live key"}
    output.table(models, titles, "name", "It has no names of its own: models are asked for by slug.")
    output.remark("Any other model goes by its slug (gesso models); a test key runs every one on the built-in engine.")
    output.remark("What differs from the vendor:")
    for point in differs:
        output.remark(f"- {point}")


def _models(dialect: str) -> list[dict[str, Any]]:
    from gesso.catalogue.describe import bare_choice
    from gesso.engines.registry import Engines
    from gesso.installation import catalogue_of, engines_of
    from gesso.settings import load_settings

    settings = load_settings()
    engines = Engines(engines_of(settings))
    rows = []
    for name, models in catalogue_of(settings).names(dialect).items():
        for model in models:
            reasons = [engines.why_not(bare_choice(model, route)) for route in model.routes]
            ready = any(reason is None for reason in reasons)
            why = "ready" if ready else next((reason for reason in reasons if reason), "no route")
            rows.append({"name": name, "model": model.slug, "live": why})
    return rows
