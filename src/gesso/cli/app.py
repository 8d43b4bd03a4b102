"""The tree of commands, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from gesso.cli import (
    accounts,
    database,
    doctor,
    jobs,
    keys,
    models,
    money,
    pictures,
    pull,
    serve,
    storage,
    upstream,
    webhooks,
    worker,
)
from gesso.domain.errors import GessoError, InvalidInput

USER_ERROR = 1
INTERRUPTED = 130


def build() -> typer.Typer:
    """Return the command tree."""
    app = typer.Typer(
        name="gesso",
        help="One self-hosted server under every image model.",
        epilog="Settings come from GESSO_* variables and ./gesso.toml. A first picture: gesso generate 'a red duck'",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_root)
    app.command("serve")(serve.serve)
    app.command("worker")(worker.worker)
    app.command("generate")(pictures.generate)
    app.command("edit")(pictures.edit)
    app.command("models")(models.models)
    app.command("pull")(pull.pull)
    app.add_typer(keys.app, name="keys")
    app.add_typer(accounts.app, name="accounts")
    app.add_typer(money.app, name="credits")
    app.add_typer(jobs.app, name="jobs")
    app.add_typer(webhooks.app, name="webhooks")
    app.add_typer(upstream.app, name="upstream")
    app.add_typer(worker.app, name="workers")
    app.add_typer(database.app, name="db")
    app.add_typer(storage.app, name="storage")
    app.command("doctor")(doctor.doctor)
    return app


def run(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command line and return its exit code; usage mistakes are 2, errors of ours 1."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        build()(words, prog_name="gesso")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else USER_ERROR
    except GessoError as error:
        _say(error, as_json="--json" in words)
        return USER_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _print_version(asked: bool) -> None:
    if asked:
        from gesso import __version__

        sys.stdout.write(f"gesso {__version__}\n")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Print the version and leave.")
]


def _root(version: Version = False) -> None:
    """One self-hosted server under every image model."""


def _say(error: GessoError, *, as_json: bool) -> None:
    problems = error.problems if isinstance(error, InvalidInput) else ()
    if as_json:
        body = {"code": error.code, "message": error.message}
        listed = [problem.model_dump(mode="json") for problem in problems]
        text = json.dumps({"error": body | ({"problems": listed} if listed else {})}, ensure_ascii=False)
    else:
        text = "\n".join(f"gesso: {line}" for line in [problem.message for problem in problems] or [error.message])
    sys.stderr.write(text + "\n")
