"""The pages of docs/reference/dialects/: each dialect's guide, its routes and the names it has for models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from page_words import table

if TYPE_CHECKING:
    from gesso.dialects.dialect import Dialect


def dialect_pages() -> dict[str, Callable[[], Iterator[str]]]:
    """Return what makes each page, by its path below docs/reference/."""
    from gesso.dialects.registry import DIALECTS

    listed = sorted(DIALECTS, key=lambda one: one.title.lower())
    return {"dialects/README": partial(_index, listed)} | {
        f"dialects/{one.name}": partial(_page, one) for one in listed
    }


def _index(listed: list[Dialect]) -> Iterator[str]:
    yield "# Clients of other APIs\n"
    yield "A program written for one of these changes its base URL and its key, nothing else. A running server shows how at `/`,"
    yield "and `gesso doctor --dialect NAME` what its names stand for there.\n"
    yield from table(
        ("API", "base URL"), ((f"[{one.title}]({one.name}.md)", f"`http://HOST:8000{one.mount}`") for one in listed)
    )


def _page(dialect: Dialect) -> Iterator[str]:
    from gesso.catalogue.load import load_catalogue
    from gesso.dialects.guide import guide_of

    yield guide_of(dialect).text
    yield "## Every route\n"
    rows = [(f"`{one.method} {dialect.mount}{one.path}`", "yes" if one.public else "no") for one in dialect.routes]
    yield from table(("route", "without a key"), rows)
    names = load_catalogue().names(dialect.name)
    if names:
        yield "\n## Names of models\n"
        yield from table(
            ("name", "model here"),
            (
                (f"`{name}`", ", ".join(f"[{model.slug}](../models/{model.slug}.md)" for model in models))
                for name, models in sorted(names.items())
            ),
        )
