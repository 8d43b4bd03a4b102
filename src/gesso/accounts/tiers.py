"""Accounts as an operator lists them, and the tier of each."""

from __future__ import annotations

from sqlalchemy import Connection, or_, select, update

from gesso.accounts.retention import Retention
from gesso.database.account_tables import accounts
from gesso.domain.errors import InvalidInput, NotFound
from gesso.domain.tier import Tier


class AccountRow(Retention):
    """An account as it is listed, with how long its things are kept; times are microseconds since 1970 (UTC)."""

    id: str
    name: str
    tier: str
    created_at: int
    private: bool = False


def list_accounts(connection: Connection) -> list[AccountRow]:
    """Return the accounts, oldest first."""
    statement = select(accounts).order_by(accounts.c.created_at, accounts.c.id)
    return [AccountRow.model_validate(dict(row)) for row in connection.execute(statement).mappings()]


def find_account(connection: Connection, asked: str) -> AccountRow:
    """Return the account of that id or name; raise `NotFound`, or `InvalidInput` when several have the name."""
    statement = select(accounts).where(or_(accounts.c.id == asked, accounts.c.name == asked)).order_by(accounts.c.id)
    found = [AccountRow.model_validate(dict(row)) for row in connection.execute(statement).mappings()]
    if not found:
        raise NotFound(f"There is no account {asked}. List them with: gesso accounts list")
    same = [row for row in found if row.id == asked]
    if len(found) > 1 and not same:
        ids = [row.id for row in found]
        message = f"{len(found)} accounts are named {asked}; say which by its id: {', '.join(ids)}."
        raise InvalidInput.of("account", "ambiguous", message, asked, ids)
    return same[0] if same else found[0]


def set_tier(connection: Connection, account_id: str, tier: Tier) -> None:
    """Give an account a tier; jobs accepted before keep what they were accepted with."""
    connection.execute(update(accounts).where(accounts.c.id == account_id).values(tier=tier))
