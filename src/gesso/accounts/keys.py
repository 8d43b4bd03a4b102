"""Accounts and their API keys. A secret exists only in the answer that makes it; the database keeps its SHA-256."""

from __future__ import annotations

import hashlib
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from gesso.accounts.ledger import grant
from gesso.accounts.limits import KeyLimits
from gesso.accounts.priority import NORMAL
from gesso.accounts.retention import NAMES, Retention
from gesso.database.account_tables import accounts, key_buckets, keys
from gesso.database.dialect import alone
from gesso.domain.errors import InvalidInput, NotFound
from gesso.domain.faults import Fault
from gesso.domain.frozen import Frozen
from gesso.domain.ids import new_id
from gesso.domain.request import Mode

DEFAULT_TIER = "business"  # everything allowed
MODES: tuple[Mode, ...] = ("live", "test")

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SECRET_LETTERS = 43  # of 62: 256 bits
_SHOWN_LETTERS = 6  # how much of the random part a listing shows


class Caller(Frozen):
    """Who asks: the account and mode that a request is made, paid and answered in.

    `priority` is the best its jobs may have; lower is claimed first. `fault` is the test fault the key carries.
    `retention` is the account's own; with `private` no picture of its jobs is ever behind a link.
    `limits` are the key's own; `full_at` is when its requests of a minute are all there again (see `domain/rate.py`).
    """

    account_id: str
    key_id: str
    mode: Mode
    tier: str
    priority: int = NORMAL
    fault: str | None = None
    private: bool = False
    retention: Retention = Retention()
    limits: KeyLimits = KeyLimits()
    full_at: int = 0


class KeyRow(KeyLimits):
    """A key as it is listed, with its limits.

    `prefix` is the beginning of its secret; times are microseconds since 1970 (UTC).
    """

    id: str
    account_id: str
    mode: Mode
    name: str
    prefix: str
    created_at: int
    revoked_at: int | None = None
    priority: int = NORMAL
    fault: str | None = None  # what is to go wrong with its requests, as `domain.faults` spells it; test keys only
    private: bool = False  # its own; its account may be as well


@dataclass(frozen=True)
class FirstKeys:
    """What the first start shows once: the secrets of the first account's keys."""

    live_secret: str
    test_secret: str
    account_id: str

    def __repr__(self) -> str:  # the secrets must not reach a log or a traceback
        return f"FirstKeys(account_id={self.account_id!r})"


def create_account(connection: Connection, name: str, now: int, grant_micro: int = 0) -> str:
    """Make an account with `grant_micro` micro-credits in each mode; return its id."""
    account_id = new_id()
    connection.execute(insert(accounts).values(id=account_id, name=name, tier=DEFAULT_TIER, created_at=now))
    for mode in MODES:
        grant(connection, account_id, mode, grant_micro, None, now, "first credits")
    return account_id


def create_key(
    connection: Connection,
    account_id: str,
    mode: Mode,
    name: str,
    now: int,
    priority: int = NORMAL,
    fault: Fault | None = None,
    limits: KeyLimits | None = None,
    *,
    private: bool = False,
) -> tuple[KeyRow, str]:
    """Make a key; return its row and its secret, which nobody can ever read again.

    Raises `InvalidInput` for a live key with a test fault.
    """
    carried = None if fault is None or fault.name == "none" else str(fault)
    if carried is not None and mode != "test":
        raise InvalidInput.of("fault", "test_only", "Only a test key can carry a fault.", carried)
    start = f"gesso_{mode}_"
    secret = start + "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_LETTERS))
    row = KeyRow(
        id=new_id(),
        account_id=account_id,
        mode=mode,
        name=name,
        prefix=secret[: len(start) + _SHOWN_LETTERS],
        created_at=now,
        priority=priority,
        fault=carried,
        private=private,
        **(limits or KeyLimits()).model_dump(),
    )
    connection.execute(insert(keys).values(secret_sha256=_digest(secret), **row.model_dump()))
    return row, secret


def _digest(secret: str) -> str:
    """Return the SHA-256 (hex). A plain hash is enough: the secret is random, so there is nothing to guess."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


_LIMITS = tuple(KeyLimits.model_fields)
_FIND = (
    select(
        keys.c.account_id,
        keys.c.id.label("key_id"),
        keys.c.mode,
        accounts.c.tier,
        keys.c.priority,
        keys.c.fault,
        or_(keys.c.private, accounts.c.private).label("private"),
        *(accounts.c[name] for name in NAMES),
        key_buckets.c.full_at,
        *(keys.c[name] for name in _LIMITS),
    )
    .join(accounts, accounts.c.id == keys.c.account_id)
    .outerjoin(key_buckets, key_buckets.c.key_id == keys.c.id)
    .where(keys.c.secret_sha256 == bindparam("digest"), keys.c.revoked_at.is_(None))
)


def find_caller(connection: Connection, secret: str) -> Caller | None:
    """Return who holds this secret; None when no key has it or the key is revoked."""
    row = connection.execute(_FIND, {"digest": _digest(secret)}).mappings().one_or_none()
    if row is None:
        return None
    found = dict(row)
    limits = KeyLimits(**{name: found.pop(name) for name in _LIMITS})
    retention = Retention(**{name: found.pop(name) for name in NAMES})
    caller = {**found, "limits": limits, "retention": retention, "full_at": found["full_at"] or 0}
    return Caller.model_validate(caller)


def account_name(connection: Connection, account_id: str) -> str:
    """Return what an account is called."""
    return str(connection.execute(select(accounts.c.name).where(accounts.c.id == account_id)).scalar_one())


def revoke_key(connection: Connection, key_id: str, now: int) -> None:
    """Make a key useless from now on; revoking again changes nothing. Raises `NotFound`."""
    done = connection.execute(
        update(keys).where(keys.c.id == key_id, keys.c.revoked_at.is_(None)).values(revoked_at=now)
    )
    if done.rowcount == 0 and connection.execute(select(keys.c.id).where(keys.c.id == key_id)).first() is None:
        raise NotFound("There is no such key.")


def limit_key(connection: Connection, key_id: str, changes: Mapping[str, int | None]) -> KeyRow:
    """Change some limits of a key, by their names in `KeyLimits`, from its next request on. Raises `NotFound`."""
    KeyLimits.model_validate(dict(changes))
    if changes:
        connection.execute(update(keys).where(keys.c.id == key_id).values(**changes))
    columns = [keys.c[name] for name in KeyRow.model_fields]
    row = connection.execute(select(*columns).where(keys.c.id == key_id)).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such key.")
    return KeyRow.model_validate(dict(row))


def list_keys(connection: Connection, account_id: str | None) -> list[KeyRow]:
    """Return the keys of one account, or of all, oldest first, revoked ones too."""
    columns = [keys.c[name] for name in KeyRow.model_fields]
    statement = select(*columns).order_by(keys.c.created_at, keys.c.id)
    if account_id is not None:
        statement = statement.where(keys.c.account_id == account_id)
    return [KeyRow.model_validate(dict(row)) for row in connection.execute(statement).mappings()]


def first_account(connection: Connection) -> str | None:
    """Return the id of the oldest account, which is this database's alone and stays."""
    found: str | None = connection.execute(select(accounts.c.id).order_by(accounts.c.id).limit(1)).scalar()
    return found


def first_start(connection: Connection, now: int, grant_micro: int) -> FirstKeys | None:
    """Make the first account and one key of each mode; None when there is an account already.

    Of several processes that start at once, one makes them.
    """
    alone(connection, "first-start")
    if connection.execute(select(accounts.c.id).limit(1)).first() is not None:
        return None
    account_id = create_account(connection, "first account", now, grant_micro)
    live, test = (create_key(connection, account_id, mode, "first key", now)[1] for mode in MODES)
    return FirstKeys(live_secret=live, test_secret=test, account_id=account_id)
