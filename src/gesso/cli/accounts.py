"""`gesso accounts`: the accounts of this installation, and the tier that says what each may use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gesso.cli.data_folder import opened_database
from gesso.cli.durations import REST, changes_of, shown_retention
from gesso.cli.output import AsJson, Output, Quiet
from gesso.domain.clock import to_iso
from gesso.domain.errors import InvalidInput
from gesso.domain.tier import TIERS, Tier

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gesso.accounts.retention import Retention
    from gesso.accounts.tiers import AccountRow

app = typer.Typer(
    help="List accounts, set what they may use and how long what is theirs is kept.", no_args_is_help=True
)
NameOrId = Annotated[str, typer.Argument(metavar="NAME-OR-ID", help="What `gesso accounts list` shows.")]


@app.command("list")
def list_all(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """List the accounts with their tiers."""
    from gesso.accounts.tiers import list_accounts

    with opened_database() as database:
        rows = [_row(account) for account in database.read_blocking(list_accounts)]
    titles = {"id": "id", "name": "name", "tier": "tier", "private": "private", "created_at": "made"}
    empty = "There are no accounts yet. The first start of the server makes one: gesso serve"
    Output(as_json, quiet).table(rows, titles, "id", empty)


@app.command("tier")
def change_tier(
    account: NameOrId,
    tier: Annotated[str, typer.Argument(help=f"One of {', '.join(TIERS)}; business may use everything.")],
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Set an account's tier: which models that have tiers it may use, and how large; from the next request on."""
    from gesso.accounts.tiers import find_account, set_tier

    wanted = _tier(tier)

    def change(connection: Connection) -> AccountRow:
        found = find_account(connection, account)
        set_tier(connection, found.id, wanted)
        return found.model_copy(update={"tier": wanted})

    with opened_database() as database:
        changed = database.write_blocking(change)
    sentence = f"{changed.name} ({changed.id}) has the tier {wanted}."
    Output(as_json, quiet).answer(_row(changed), [sentence], [changed.id])


@app.command("retention")
def change_retention(
    account: NameOrId,
    results: Annotated[str | None, typer.Option(help=f"Pictures of jobs, from the job's end: {REST}.")] = None,
    files: Annotated[str | None, typer.Option(help=f"Uploaded files: {REST}.")] = None,
    jobs: Annotated[str | None, typer.Option(help=f"Jobs, from their end, a day at least: {REST}.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Set how long an account's things are kept. Without options, show it.

    Times of results and files hold for those made from now on: what was promised of the others stays. That of jobs holds
    for all of them.
    """
    from gesso.accounts.retention import set_retention
    from gesso.accounts.tiers import find_account

    changes = changes_of(results, files, jobs)

    def change(connection: Connection) -> tuple[AccountRow, Retention]:
        found = find_account(connection, account)
        return found, set_retention(connection, found.id, changes)

    with opened_database() as database:
        changed, kept = database.write_blocking(change)
    row = {name.removesuffix("_seconds"): value for name, value in shown_retention(kept).items()}
    said = [f"{changed.name} ({changed.id})", *(f"{name}: {value or 'default'}" for name, value in row.items())]
    Output(as_json, quiet).answer({"id": changed.id, **row}, said, [changed.id])


@app.command("private")
def change_private(
    account: NameOrId,
    switch: Annotated[
        str, typer.Argument(metavar="on|off", help="Whether all its keys are as keys made with --private.")
    ],
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make all pictures of an account's jobs private, from the next request on, or no longer."""
    from gesso.accounts.retention import set_private
    from gesso.accounts.tiers import find_account

    if switch not in ("on", "off"):
        raise InvalidInput.of("private", "not_a_choice", f"{switch} is neither on nor off.", switch, ["on", "off"])

    def change(connection: Connection) -> AccountRow:
        found = find_account(connection, account)
        set_private(connection, found.id, switch == "on")
        return found

    with opened_database() as database:
        changed = database.write_blocking(change)
    sentence = f"The pictures of {changed.name} ({changed.id}) are private: {switch}."
    Output(as_json, quiet).answer({"id": changed.id, "private": switch == "on"}, [sentence], [changed.id])


def _tier(text: str) -> Tier:
    for tier in TIERS:
        if text == tier:
            return tier
    message = f"{text} is not a tier; allowed: {', '.join(TIERS)}."
    raise InvalidInput.of("tier", "unknown_tier", message, text, [*TIERS])


def _row(account: AccountRow) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "tier": account.tier,
        "private": account.private,
        "created_at": to_iso(account.created_at),
    }
