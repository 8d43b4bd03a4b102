"""The secret an account's webhooks of one mode are signed with where their target has none of its own."""

from __future__ import annotations

import base64
import secrets

from sqlalchemy import Connection, text

from gesso.domain.clock import DAY
from gesso.domain.request import Mode

FORMER_SIGNS_FOR = DAY  # after a change, so that receivers can follow
PREFIX = "whsec_"
_BYTES = 32

_FIND = text(
    "SELECT secret, former_secret, former_until FROM webhook_secrets WHERE account_id = :account_id AND mode = :mode"
)
_KEEP = text(
    "INSERT INTO webhook_secrets (account_id, mode, secret, created_at) VALUES (:account_id, :mode, :secret, :now) "
    "ON CONFLICT (account_id, mode) DO NOTHING"
)
_CHANGE = text(
    "UPDATE webhook_secrets SET former_secret = secret, former_until = :until, secret = :secret, created_at = :now "
    "WHERE account_id = :account_id AND mode = :mode"
)


def new_secret() -> str:
    """Return a secret of 256 bits as Standard Webhooks writes it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def find_secrets(connection: Connection, account_id: str, mode: Mode, now: int) -> tuple[str, ...]:
    """Return what to sign with: the secret, then the one before for a day after its change; empty when there is none."""
    row = connection.execute(_FIND, {"account_id": account_id, "mode": mode}).one_or_none()
    if row is None:
        return ()
    secret, former, until = row
    return (secret, former) if former is not None and until > now else (secret,)


def make_secrets(connection: Connection, account_id: str, mode: Mode, now: int) -> tuple[str, ...]:
    """Return what to sign with, made if there was none."""
    connection.execute(_KEEP, {"account_id": account_id, "mode": mode, "secret": new_secret(), "now": now})
    return find_secrets(connection, account_id, mode, now)


def change_secret(connection: Connection, account_id: str, mode: Mode, now: int) -> tuple[str, ...]:
    """Put a new secret in the place of the old one, which signs too for a day."""
    make_secrets(connection, account_id, mode, now)
    values = {"account_id": account_id, "mode": mode, "now": now, "until": now + FORMER_SIGNS_FOR}
    connection.execute(_CHANGE, values | {"secret": new_secret()})
    return find_secrets(connection, account_id, mode, now)
