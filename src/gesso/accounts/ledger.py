"""What accounts have left and every movement of it: grants, charges, refunds, in micro-credits, each mode apart."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Connection, bindparam, insert, select, text

from gesso.accounts.audit import Discrepancy, audit
from gesso.database.account_tables import balances, ledger_entries
from gesso.domain.errors import InsufficientCredits, InvalidInput
from gesso.domain.frozen import Frozen
from gesso.domain.request import Mode

__all__ = [
    "Discrepancy",
    "EntryKind",
    "LedgerEntry",
    "Page",
    "audit",
    "balance",
    "charge",
    "entries",
    "grant",
    "refund",
]

EntryKind = Literal["grant", "charge", "refund"]


class LedgerEntry(Frozen):
    """One movement. `micro` is signed (a charge is negative); `balance_after` is what was left then."""

    id: int
    account_id: str
    mode: Mode
    kind: EntryKind
    micro: int
    balance_after: int
    job_id: str | None
    note: str
    created_at: int


class Page(Frozen):
    """Some entries, newest first, and where the next page starts (None: there is none)."""

    entries: tuple[LedgerEntry, ...]
    next_cursor: str | None = None


# The row is locked by the statement that changes it, so that two charges at once can never both spend the last credit.
_ADD = text(
    "INSERT INTO balances (account_id, mode, balance_micro) VALUES (:account_id, :mode, :micro) "
    "ON CONFLICT (account_id, mode) DO UPDATE SET balance_micro = balances.balance_micro + excluded.balance_micro "
    "RETURNING balance_micro"
)
_TAKE = text(
    "UPDATE balances SET balance_micro = balance_micro - :micro "
    "WHERE account_id = :account_id AND mode = :mode AND balance_micro >= :micro RETURNING balance_micro"
)
_ENTER = insert(ledger_entries).inline()  # inline: nobody asks for the new row's id
_BALANCE = select(balances.c.balance_micro).where(
    balances.c.account_id == bindparam("account_id"), balances.c.mode == bindparam("mode")
)


def balance(connection: Connection, account_id: str, mode: Mode) -> int:
    """Return what an account has left in a mode, in micro-credits; 0 for one that never had any."""
    found: int | None = connection.execute(_BALANCE, {"account_id": account_id, "mode": mode}).scalar()
    return found or 0


def grant(
    connection: Connection, account_id: str, mode: Mode, micro: int, job_id: str | None, now: int, note: str
) -> None:
    """Add credits. Nothing is written for 0."""
    _move(connection, "grant", account_id, mode, micro, job_id, now, note)


def charge(
    connection: Connection, account_id: str, mode: Mode, micro: int, job_id: str | None, now: int, note: str
) -> None:
    """Take credits, at most once for a job; raise `InsufficientCredits` when there are too few. Nothing for 0."""
    _move(connection, "charge", account_id, mode, micro, job_id, now, note)


def refund(
    connection: Connection, account_id: str, mode: Mode, micro: int, job_id: str | None, now: int, note: str
) -> None:
    """Give credits back, at most once for a job. Nothing is written for 0."""
    _move(connection, "refund", account_id, mode, micro, job_id, now, note)


def _move(
    connection: Connection,
    kind: EntryKind,
    account_id: str,
    mode: Mode,
    micro: int,
    job_id: str | None,
    now: int,
    note: str,
) -> None:
    if micro < 0:
        raise ValueError(f"a {kind} is never negative, {micro} is")
    if micro == 0:
        return
    taken = kind == "charge"
    where = {"account_id": account_id, "mode": mode, "micro": micro}
    after: int | None = connection.execute(_TAKE if taken else _ADD, where).scalar()
    if after is None:
        raise InsufficientCredits(micro, balance(connection, account_id, mode))
    entry = {
        "account_id": account_id,
        "mode": mode,
        "kind": kind,
        "micro": -micro if taken else micro,
        "balance_after": after,
        "job_id": job_id,
        "note": note,
        "created_at": now,
    }
    connection.execute(_ENTER, entry)


def entries(connection: Connection, account_id: str, mode: Mode, cursor: str | None, limit: int) -> Page:
    """Return at most `limit` entries, newest first. `cursor` is the `next_cursor` of the page before, or None."""
    statement = (
        select(ledger_entries)
        .where(ledger_entries.c.account_id == account_id, ledger_entries.c.mode == mode)
        .order_by(ledger_entries.c.id.desc())
        .limit(limit + 1)
    )
    if cursor is not None:
        statement = statement.where(ledger_entries.c.id < _position(cursor))
    rows = [LedgerEntry.model_validate(dict(row)) for row in connection.execute(statement).mappings()]
    more = len(rows) > limit
    shown = tuple(rows[:limit])
    return Page(entries=shown, next_cursor=str(shown[-1].id) if more else None)


def _position(cursor: str) -> int:
    if cursor.isascii() and cursor.isdigit() and len(cursor) <= 18:
        return int(cursor)
    raise InvalidInput.of("cursor", "unknown_cursor", "cursor must be the next_cursor of an earlier page.", cursor)
