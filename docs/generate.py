"""Write docs/reference/ from the code: settings, errors, models, commands, routes. A test compares it with what is there.

python docs/generate.py
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

REFERENCE = Path(__file__).resolve().parent / "reference"
HEAD = "<!-- Written by docs/generate.py; change the code instead, then run: make docs -->\n\n"


def pages() -> dict[str, str]:
    """Return every generated page by its file name."""
    makers = {"settings": settings, "errors": errors, "models": models, "cli": commands, "api": routes}
    return {f"{name}.md": HEAD + "\n".join(make()).rstrip() + "\n" for name, make in makers.items()}


def settings() -> Iterator[str]:
    """Yield the page of settings."""
    from gesso.settings import Settings

    yield "# Settings\n"
    yield "Each is read from the environment, then from `gesso.toml` in the working folder, then has its default."
    yield "In the file a setting has its lower-case name without the prefix: `port = 9000`.\n"
    yield from _table(
        ("variable", "default", "allowed", "meaning"),
        (
            (f"`GESSO_{name.upper()}`", _default(field), _allowed(field), _sentence(field.description or ""))
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
    yield from _table(
        ("code", "status", "meaning"),
        (
            (f"`{code}`", _status(kind, STATUSES), _sentence(kind.__doc__ or ""))
            for code, kind in ERROR_CODES.items()
            if not issubclass(kind, JobFailed)
        ),
    )
    yield "\nThe web server itself answers 405 `method_not_allowed`, and 500 `internal` for a mistake of ours: its log has"
    yield "the `request_id`.\n"
    yield "## Why a job failed\n"
    yield "A job that was accepted and then failed is no HTTP error: its `state` is `failed`, its `error` has one of these"
    yield "codes, and it was refunded.\n"
    yield from _table(
        ("code", "meaning"),
        (
            *(
                (f"`{code}`", _sentence(kind.__doc__ or ""))
                for code, kind in ERROR_CODES.items()
                if issubclass(kind, JobFailed)
            ),
            (
                "`unreadable_image`, `unsupported_image`, `empty_image`, `image_too_large`, `mask_size`",
                "A picture was fetched or decoded, and is not what can be taken.",
            ),
            ("`expired`", "It waited in the queue for longer than `GESSO_QUEUE_TIMEOUT_HOURS`."),
            ("`interrupted`", "It was started `GESSO_MAX_ATTEMPTS` times and its worker went silent each time."),
            ("`storage_failed`", _sentence(StorageFailed.__doc__ or "")),
            ("`internal`", "The server made a mistake running it; its log has the job's id."),
        ),
    )


def _status(kind: type, statuses: Mapping[type, int]) -> str:
    return next((str(statuses[base]) for base in kind.__mro__ if base in statuses), "never sent")


def models() -> Iterator[str]:
    """Yield the page of models with their parameters."""
    from gesso.catalogue.load import load_catalogue
    from gesso.cli.models import allowed_words, price_words

    yield "# Models\n"
    for model in load_catalogue().models:
        yield f"## `{model.slug}`\n"
        yield f"{model.name} by {model.owner}. {_sentence(model.description)}".rstrip() + "\n"
        price = "free" if model.price.amount == 0 else f"{price_words(model)} a picture"
        yield f"Does: {', '.join(model.operations)}. Licence: {model.licence or 'not stated'}. Price: {price}.\n"
        for route in model.routes:
            yield f"Runs on `{route.engine}` ({route.fidelity}). {_sentence(route.note)}".rstrip() + "\n"
        if not model.routes:
            yield "No engine runs it here yet; test keys get a stand-in.\n"
        yield from _table(
            ("parameter", "type", "default", "allowed", "meaning"),
            (
                (
                    f"`{parameter.name}`",
                    parameter.type,
                    "required" if parameter.must_be_given else _value(parameter.default),
                    allowed_words(parameter),
                    _sentence(parameter.description),
                )
                for parameter in model.parameters
            ),
        )
        yield ""


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
        yield f"{_sentence((command.help or '').strip())}\n"
        yield from _table(("argument or option", "default", "meaning"), map(_option, command.params))
        yield ""
    for name, child in children.items():
        yield from _command(f"{path} {name}", child)


def _option(option: Any) -> tuple[str, str, str]:
    spelled = ", ".join(f"`{word}`" for word in option.opts)
    if option.param_type_name == "argument":
        spelled = f"`{option.metavar or option.name.upper()}`"
    default = "required" if option.required else _value(None if callable(option.default) else option.default)
    return spelled, "off" if option.default is False else default, _sentence(option.help or "")


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
    yield from _table(
        ("route", "what it does", "answers"),
        (
            (name, _sentence(route["description"].split("\n\n")[0]), ", ".join(sorted(route["responses"])))
            for name, route in every
        ),
    )
    yield "\n## Query parameters and headers\n"
    yield from _table(
        ("route", "parameter", "default", "allowed", "meaning"),
        (
            (
                name,
                f"`{given['name']}`",
                _value(schema.get("default")),
                _limits(schema),
                _sentence(given["description"]),
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


def openapi() -> dict[str, Any]:
    """Return the OpenAPI document of a server that is assembled, but never started."""
    from gesso.server.app import create_app
    from gesso.settings import Settings
    from gesso.wiring import build

    with tempfile.TemporaryDirectory() as folder:
        parts = build(Settings(data_dir=Path(folder)), engines=())
        try:
            return create_app(parts).openapi()
        finally:
            parts.close()


def _table(titles: tuple[str, ...], rows: Iterator[tuple[str, ...]] | Any) -> Iterator[str]:
    yield "| " + " | ".join(titles) + " |"
    yield "|" + "---|" * len(titles)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _value(value: Any) -> str:
    if value is None or value in ((), ""):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _sentence(text: str) -> str:
    """Return a text on one line, ended with a full stop."""
    line = " ".join(text.split())
    return line if not line or line.endswith((".", "!", "?", ":")) else f"{line}."


def main() -> int:
    """Write every page that is not as it should be."""
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        target = REFERENCE / name
        if not target.exists() or target.read_text() != text:
            target.write_text(text)
            print(f"wrote {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
