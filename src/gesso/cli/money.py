"""`gesso credits`: balances, grants, what vendors took, and the check that balances, ledger and jobs add up."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from gesso.cli.credit_report import report
from gesso.cli.data_folder import Account, Test, mode_of, opened_database, the_account
from gesso.cli.output import AsJson, Output, Quiet
from gesso.domain.clock import now_microseconds
from gesso.domain.credits import MICRO, render_credits
from gesso.domain.errors import InvalidInput, OperatorError
from gesso.domain.request import Mode

if TYPE_CHECKING:
    from sqlalchemy import Connection

MODES: tuple[Mode, ...] = ("live", "test")

app = typer.Typer(
    help="Look at balances, grant credits, report what vendors took, check the ledger.", no_args_is_help=True
)
app.command()(report)


@app.command()
def show(account: Account = None, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Show the balance of each mode in credits (one credit is one US cent)."""
    from gesso.accounts.ledger import balance

    with opened_database() as database:
        balances = database.read_blocking(
            lambda connection: {mode: balance(connection, the_account(connection, account), mode) for mode in MODES}
        )
    amounts: dict[str, str] = {mode: render_credits(micro) for mode, micro in balances.items()}
    sentences = [f"{mode}  {amount} credits" for mode, amount in amounts.items()]
    Output(as_json, quiet).answer(amounts, sentences, [f"{mode} {amount}" for mode, amount in amounts.items()])


@app.command()
def grant(
    amount: Annotated[str, typer.Argument(help="Credits to add, for example 500 or 0.25.")],
    test: Test = False,
    note: Annotated[str, typer.Option(help="Why; kept in the ledger.")] = "granted by the operator",
    account: Account = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Add credits to an account."""
    from gesso.accounts.ledger import balance
    from gesso.accounts.ledger import grant as grant_credits

    micro, mode = _micro(amount), mode_of(test)
    with opened_database() as database:

        def add(connection: Connection) -> int:
            owner = the_account(connection, account)
            grant_credits(connection, owner, mode, micro, None, now_microseconds(), note)
            return balance(connection, owner, mode)

        left = render_credits(database.write_blocking(add))
    sentences = [f"Granted {render_credits(micro)} credits; the {mode} balance is {left}."]
    Output(as_json, quiet).answer({"granted": render_credits(micro), "mode": mode, "balance": left}, sentences, [left])


@app.command()
def check(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Check that balances are what the ledger adds up to, and the ledger what jobs cost; exit with 1 when not."""
    from gesso.accounts.audit import audit

    with opened_database() as database:
        found = [str(discrepancy) for discrepancy in database.read_blocking(audit)]
    if found:
        raise OperatorError("The ledger does not add up: " + "; ".join(found))
    Output(as_json, quiet).answer(
        {"discrepancies": []},
        ["Every balance is what its ledger adds up to, and every job was charged and refunded what it should be."],
    )


def _micro(text: str) -> int:
    """Return credits as micro-credits; raise `InvalidInput` for anything but a positive number of whole ones."""
    try:
        micro = Decimal(text) * MICRO
    except InvalidOperation:
        micro = Decimal(0)
    if not micro.is_finite() or micro <= 0 or micro != micro.to_integral_value() or micro > 10**18:
        message = f"{text} is not a number of credits: more than 0, at most six decimals, for example 500 or 0.25."
        raise InvalidInput.of("amount", "not_an_amount", message, text)
    return int(micro)
