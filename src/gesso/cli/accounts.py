"""`gesso accounts`: the accounts of this installation, and the tier that says what each may use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gesso.cli.data_folder import opened_database
from gesso.cli.output import AsJson, Output, Quiet
from gesso.domain.clock import to_iso
from gesso.domain.errors import InvalidInput
from gesso.domain.tier import TIERS, Tier

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gesso.accounts.tiers import AccountRow

app = typer.Typer(help="List accounts, set what they may use.", no_args_is_help=True)


@app.command("list")
def list_all(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """List the accounts with their tiers."""
    from gesso.accounts.tiers import list_accounts

    with opened_database() as database:
        rows = [_row(account) for account in database.read_blocking(list_accounts)]
    titles = {"id": "id", "name": "name", "tier": "tier", "created_at": "made"}
    empty = "There are no accounts yet. The first start of the server makes one: gesso serve"
    Output(as_json, quiet).table(rows, titles, "id", empty)


@app.command("tier")
def change_tier(
    account: Annotated[str, typer.Argument(metavar="NAME-OR-ID", help="What `gesso accounts list` shows.")],
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
        "created_at": to_iso(account.created_at),
    }
