"""Write docs/reference/ from the code: settings, errors, models, dialects, vendors, commands, routes. A test compares it with what is there.

python docs/generate.py
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

sys.path.insert(0, str(Path(__file__).resolve().parent))
from dialect_pages import dialect_pages
from model_pages import model_pages
from page_words import sentence, table, value_words
from vendor_pages import vendors

REFERENCE = Path(__file__).resolve().parent / "reference"
HEAD = "<!-- Written by docs/generate.py; change the code instead, then run: make docs -->\n\n"


def pages() -> dict[str, str]:
    """Return every generated page by its path below docs/reference/."""
    makers = {"settings": settings, "errors": errors, "cli": commands, "api": routes, "metrics": metrics}
    makers |= {"vendors": vendors}
    makers |= model_pages() | dialect_pages()
    return {f"{name}.md": HEAD + "\n".join(make()).rstrip() + "\n" for name, make in makers.items()}


def settings() -> Iterator[str]:
    """Yield the page of settings."""
    from gesso.settings import Settings

    yield "# Settings\n"
    yield "Each is read from the environment, then from `gesso.toml` in the working folder, then has its default."
    yield "In the file a setting has its lower-case name without the prefix: `port = 9000`.\n"
    yield from table(
        ("variable", "default", "allowed", "meaning"),
        (
            (f"`GESSO_{name.upper()}`", _default(field), _allowed(field), sentence(field.description or ""))
            for name, field in Settings.model_fields.items()
        ),
    )


def _default(field: FieldInfo) -> str:
    if field.default is None or field.default == ():
        return "none"
    return "required" if field.default is PydanticUndefined else f"`{field.default}`"


def _allowed(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(field.annotation))
    limits = {
        word: getattr(limit, name)
        for limit in field.metadata
        for word, name in (("from", "ge"), ("over", "gt"), ("to", "le"))
        if hasattr(limit, name)
    }
    return " ".join(f"{word} {value}" for word, value in limits.items())


def errors() -> Iterator[str]:
    """Yield the page of error codes."""
    from gesso.domain.errors import ERROR_CODES, JobFailed, StorageFailed
    from gesso.server.errors import STATUSES

    yield "# Errors\n"
    yield "Errors of the HTTP API are problem documents (RFC 9457, `application/problem+json`). `code` is stable; the"
    yield "sentence in `detail` is not. For wrong input, `errors` lists every mistake with its `field`, what came and"
    yield "what is allowed. `Retry-After` says when to try again after 429 and 503.\n"
    yield from table(
        ("code", "status", "meaning"),
        (
            (f"`{code}`", _status(kind, STATUSES), sentence(kind.__doc__ or ""))
            for code, kind in ERROR_CODES.items()
            if not issubclass(kind, JobFailed)
        ),
    )
    yield "\nThe web server itself answers 405 `method_not_allowed`, and 500 `internal` for a mistake of ours: its log has"
    yield "the `request_id`.\n"
    yield "## Why a job failed\n"
    yield "A job that was accepted and then failed is no HTTP error: its `state` is `failed`, its `error` has one of these"
    yield "codes, and it was refunded.\n"
    yield from table(
        ("code", "meaning"),
        (
            *(
                (f"`{code}`", sentence(kind.__doc__ or ""))
                for code, kind in ERROR_CODES.items()
                if issubclass(kind, JobFailed)
            ),
            (
                "`unreadable_image`, `unsupported_image`, `empty_image`, `image_too_large`, `mask_size`",
                "A picture was fetched or decoded, and is not what can be taken.",
            ),
            ("`expired`", "It waited in the queue for longer than `GESSO_QUEUE_TIMEOUT_HOURS`."),
            ("`interrupted`", "It was started `GESSO_MAX_ATTEMPTS` times and its worker went silent each time."),
            ("`storage_failed`", sentence(StorageFailed.__doc__ or "")),
            ("`internal`", "The server made a mistake running it; its log has the job's id."),
        ),
    )


def _status(kind: type, statuses: Mapping[type, int]) -> str:
    return next((str(statuses[base]) for base in kind.__mro__ if base in statuses), "never sent")


def commands() -> Iterator[str]:
    """Yield the page of commands with their options."""
    import typer

    from gesso.cli.app import build

    yield "# Commands\n"
    yield "Every command takes `--help`; those with `--json` answer programs. Exit codes: 0 done, 1 it failed (standard"
    yield "error says why and what to do), 2 the words of the command could not be read.\n"
    yield from _command("gesso", typer.main.get_command(build()))


def _command(path: str, command: Any) -> Iterator[str]:
    children: Mapping[str, Any] = getattr(command, "commands", {})
    if not children:
        yield f"## `{path}`\n"
        yield f"{sentence((command.help or '').strip())}\n"
        yield from table(("argument or option", "default", "meaning"), map(_option, command.params))
        yield ""
    for name, child in children.items():
        yield from _command(f"{path} {name}", child)


def _option(option: Any) -> tuple[str, str, str]:
    spelled = ", ".join(f"`{word}`" for word in option.opts)
    if option.param_type_name == "argument":
        spelled = f"`{option.metavar or option.name.upper()}`"
    default = "required" if option.required else value_words(None if callable(option.default) else option.default)
    return spelled, "off" if option.default is False else default, sentence(option.help or "")


def routes() -> Iterator[str]:
    """Yield the page of the native API's routes."""
    yield "# Native API\n"
    yield "A running server shows this with its schemas at `/docs` and as OpenAPI at `/openapi.json`. Unless it says"
    yield "otherwise a route needs `Authorization: Bearer gesso_…`. What the words mean: [glossary](../glossary.md);"
    yield "what can go wrong: [errors](errors.md).\n"
    every = [
        (f"`{method.upper()} {path}`", route)
        for path, methods in openapi()["paths"].items()
        for method, route in methods.items()
    ]
    yield from table(
        ("route", "what it does", "answers"),
        (
            (name, sentence(route["description"].split("\n\n")[0]), ", ".join(sorted(route["responses"])))
            for name, route in every
        ),
    )
    yield "\n## Query parameters and headers\n"
    yield from table(
        ("route", "parameter", "default", "allowed", "meaning"),
        (
            (
                name,
                f"`{given['name']}`",
                value_words(schema.get("default")),
                _limits(schema),
                sentence(given["description"]),
            )
            for name, route in every
            for given in route.get("parameters", ())
            if (given["in"] in ("query", "header")) and "description" in given
            for schema in (given["schema"],)
        ),
    )


def _limits(schema: Mapping[str, Any]) -> str:
    """Return the choices or the range of a JSON Schema in words."""
    for member in schema.get("anyOf", (schema,)):
        if "enum" in member:
            return ", ".join(f"`{value}`" for value in member["enum"])
        if "minimum" in member:
            return f"{member['minimum']} to {member['maximum']}"
    return ""


def metrics() -> Iterator[str]:
    """Yield the page of what is told at /metrics."""
    with assembled() as app:
        described = app.state.metrics.described
    yield "# Metrics\n"
    yield "What `/metrics` of `gesso serve` and of `gesso worker --port` tells; how to use it: [Observe](../howto/observe.md).\n"
    yield "Beside these are the usual `process_…` values (memory, processor time, open files) where the system tells them.\n"
    for title, text, fleet in (
        ("Of this process", "Since it started. Add them up over all processes: `sum(rate(…))`.", False),
        ("Of the database", "The same at every process of one database, some seconds old: take `max(…)`.", True),
    ):
        yield f"## {title}\n"
        yield f"{text}\n"
        rows = [one for one in described if one.name.startswith("gesso_fleet_") == fleet]
        titles = ("metric", "kind", "labels", "meaning")
        yield from table(
            titles, ((f"`{one.name}`", one.kind, ", ".join(one.labels), one.text) for one in sorted(rows, key=_name))
        )
        yield ""


def _name(one: Any) -> str:
    return str(one.name)


def openapi() -> dict[str, Any]:
    """Return the OpenAPI document of a server."""
    with assembled() as app:
        return dict(app.openapi())


@contextmanager
def assembled() -> Iterator[Any]:
    """Yield the application of a server that is assembled, but never started."""
    from gesso.server.app import create_app
    from gesso.settings import Settings
    from gesso.wiring import build

    with tempfile.TemporaryDirectory() as folder:
        parts = build(Settings(data_dir=Path(folder)), engines=())
        try:
            yield create_app(parts)
        finally:
            parts.close()


def main() -> int:
    """Write every page that is not as it should be; remove those of models that are gone."""
    written = pages()
    for name, text in written.items():
        target = REFERENCE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_text() != text:
            target.write_text(text)
            print(f"wrote {target}")
    for target in REFERENCE.rglob("*.md"):
        if str(target.relative_to(REFERENCE)) not in written:
            target.unlink()
            print(f"removed {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
