"""`gesso serve`: run the server in this terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gesso.cli.output import AsJson, Output, Quiet

if TYPE_CHECKING:
    from gesso.accounts.keys import FirstKeys


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (setting: host).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 picks a free one (setting: port).")] = None,
    worker: Annotated[
        bool,
        typer.Option("--worker/--no-worker", help="Run jobs here too, or leave them to `gesso worker` (PostgreSQL)."),
    ] = True,
    webhooks: Annotated[
        bool, typer.Option("--webhooks/--no-webhooks", help="Deliver webhooks, or leave them to other servers.")
    ] = True,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run the server until it is interrupted.

    The first start on a data folder makes an account and prints its two keys, once.
    """
    from gesso.server.logs import configure_logs
    from gesso.server.run import serve as serve_parts
    from gesso.settings import load_settings
    from gesso.wiring import build
    from gesso.workers.role import Role

    given: dict[str, Any] = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = load_settings(**given)
    configure_logs(settings.log_level, settings.log_format)
    parts = build(settings, role=Role(works=worker, delivers=webhooks))
    output = Output(as_json, quiet)
    serve_parts(
        parts,
        host=settings.host,
        port=settings.port,
        on_ready=lambda url: _announce(output, url, parts.first_keys),
    )


def _announce(output: Output, url: str, keys: FirstKeys | None) -> None:
    """Say where the server is, and the keys of a first start: on standard output only, never in the log."""
    data: dict[str, Any] = {"url": url}
    sentences = [f"Gesso listens on {url}; its API is described at {url}/docs. Ctrl-C stops it."]
    if keys is not None:
        data |= {"live_key": keys.live_secret, "test_key": keys.test_secret}
        sentences += [
            "",
            "Your keys, shown this once (only their hashes are kept):",
            f"  live  {keys.live_secret}",
            f"  test  {keys.test_secret}",
            "",
        ]
    output.answer(data, sentences, essence=[url])
