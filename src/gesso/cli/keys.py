"""`gesso keys`: make, list, limit and revoke API keys. A secret is shown once, when it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gesso.cli.data_folder import Account, Test, mode_of, opened_database, the_account
from gesso.cli.key_limits import ConcurrentJobs, CreditsPerDay, RequestsPerMinute, changes_of, shown_limits
from gesso.cli.output import AsJson, Output, Quiet
from gesso.domain.clock import now_microseconds, to_iso
from gesso.domain.errors import InvalidInput, NotFound
from gesso.domain.faults import parse_fault

if TYPE_CHECKING:
    from gesso.accounts.keys import KeyRow

app = typer.Typer(help="Make, list, limit and revoke API keys.", no_args_is_help=True)


@app.command()
def create(
    test: Test = False,
    name: Annotated[str, typer.Option(help="A name to know the key by.")] = "",
    priority: Annotated[
        str, typer.Option(help="How soon its jobs run beside those of other keys: high, normal or low.")
    ] = "normal",
    fault: Annotated[
        str | None,
        typer.Option(help="With --test: what is to go wrong with its requests, to test a client with (fail, slow, …)."),
    ] = None,
    requests_per_minute: RequestsPerMinute = None,
    concurrent_jobs: ConcurrentJobs = None,
    credits_per_day: CreditsPerDay = None,
    private: Annotated[
        bool, typer.Option("--private", help="Its pictures are never behind links, and go once they were handed over.")
    ] = False,
    account: Account = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a key and show its secret, once."""
    from gesso.accounts.keys import create_key
    from gesso.accounts.limits import KeyLimits

    limits = KeyLimits.model_validate(changes_of(requests_per_minute, concurrent_jobs, credits_per_day))
    now, urgency = now_microseconds(), _priority(priority)
    carried = None if fault is None else parse_fault(fault, "--fault")
    with opened_database() as database:
        key, secret = database.write_blocking(
            lambda connection: create_key(
                connection,
                the_account(connection, account),
                mode_of(test),
                name,
                now,
                urgency,
                carried,
                limits,
                private=private,
            )
        )
    sentences = [f"Your new {key.mode} key, shown this once:", f"  {secret}"]
    Output(as_json, quiet).answer(_row(key) | {"secret": secret}, sentences, [secret])


@app.command("list")
def list_all(account: Account = None, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """List the keys, revoked ones too; secrets are not kept and cannot be shown."""
    from gesso.accounts.keys import list_keys

    with opened_database() as database:
        rows = [_row(key) for key in database.read_blocking(lambda connection: list_keys(connection, account))]
    titles = {
        "id": "id",
        "mode": "mode",
        "prefix": "begins with",
        "name": "name",
        "priority": "priority",
        "fault": "test fault",
        "requests_per_minute": "requests/min",
        "concurrent_jobs": "jobs at once",
        "credits_per_day": "credits/day",
        "private": "private",
        "created_at": "made",
        "revoked_at": "revoked",
    }
    empty = "There are no keys yet. The first start of the server makes two: gesso serve"
    Output(as_json, quiet).table(rows, titles, "id", empty)


@app.command()
def limit(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The id that `gesso keys list` shows.")],
    requests_per_minute: RequestsPerMinute = None,
    concurrent_jobs: ConcurrentJobs = None,
    credits_per_day: CreditsPerDay = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Change what a key may do, from its next request on; what is not named stays. Without options, show it."""
    from gesso.accounts.keys import limit_key

    changes = changes_of(requests_per_minute, concurrent_jobs, credits_per_day)
    try:
        with opened_database() as database:
            key = database.write_blocking(lambda connection: limit_key(connection, key_id, changes))
    except NotFound as error:
        raise NotFound(f"There is no key {key_id}. List them with: gesso keys list") from error
    row = {"id": key.id, **shown_limits(key)}
    said = [f"{name.replace('_', ' ')}: {'default' if value is None else value}" for name, value in row.items()]
    Output(as_json, quiet).answer(row, said, [key.id])


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The id that `gesso keys list` shows.")],
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a key useless from now on; jobs it started go on."""
    from gesso.accounts.keys import revoke_key

    try:
        with opened_database() as database:
            database.write_blocking(lambda connection: revoke_key(connection, key_id, now_microseconds()))
    except NotFound as error:
        raise NotFound(f"There is no key {key_id}. List them with: gesso keys list") from error
    Output(as_json, quiet).answer({"id": key_id, "revoked": True}, [f"Key {key_id} is revoked."], [key_id])


def _priority(text: str) -> int:
    from gesso.accounts.priority import PRIORITIES

    for name, priority in PRIORITIES.items():
        if text == name:
            return priority
    message = f"{text} is not a priority; allowed: {', '.join(PRIORITIES)}."
    raise InvalidInput.of("priority", "unknown_priority", message, text, [*PRIORITIES])


def _row(key: KeyRow) -> dict[str, Any]:
    from gesso.accounts.priority import priority_name

    return {
        "id": key.id,
        "account_id": key.account_id,
        "mode": key.mode,
        "name": key.name,
        "prefix": key.prefix,
        "priority": priority_name(key.priority),
        "fault": key.fault,
        **shown_limits(key),
        "private": key.private,
        "created_at": to_iso(key.created_at),
        "revoked_at": None if key.revoked_at is None else to_iso(key.revoked_at),
    }
