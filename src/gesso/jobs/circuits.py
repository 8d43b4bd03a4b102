"""The circuits of receivers, shared by all processes: a row for each host of an account that fails or has a line.

Deliveries that are due and may not go yet stand in the line of their account and host, where no claim meets them again
until its `look_at`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cache
from urllib.parse import urlsplit

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.engine import RowMapping
from sqlalchemy.sql.elements import TextClause

from gesso.database.dialect import is_postgres, notify, skip_locked
from gesso.domain.circuit import WELL, Circuit, CircuitState

Target = tuple[str, str]  # an account's id and a host
BROUGHT_FORWARD = 1000  # deliveries, when a receiver comes back
COUNTED = 10_000

_COLUMNS = ", ".join(Circuit.model_fields)
_OWN = "account_id = :account_id AND host = :host"
_FIND = text(f"SELECT {_COLUMNS} FROM webhook_circuits WHERE {_OWN}")  # noqa: S608 - made of constants
_HOLD = text(f"{_FIND.text} FOR UPDATE")
_FIND_ALL = text(
    f"SELECT account_id, host, {_COLUMNS}, look_at FROM webhook_circuits "  # noqa: S608 - made of constants
    "WHERE account_id IN :accounts AND host IN :hosts"
).bindparams(bindparam("accounts", expanding=True), bindparam("hosts", expanding=True))
_MAKE = text(
    "INSERT INTO webhook_circuits (account_id, host, failures, openings) VALUES (:account_id, :host, 0, 0) "
    "ON CONFLICT (account_id, host) DO NOTHING"
)
# Who stands in line is looked at when the circuit lets something through.
_KEEP = text(
    "UPDATE webhook_circuits SET failures = :failures, openings = :openings, opened_at = :opened_at, "  # noqa: S608 - made of constants
    "open_until = :open_until, places = :places, look_at = CASE WHEN look_at IS NULL THEN NULL ELSE :look_at END "
    f"WHERE {_OWN}"
)
_IS_WELL = "failures = 0 AND openings = 0"
_FORGET = text(f"DELETE FROM webhook_circuits WHERE {_OWN} AND look_at IS NULL AND {_IS_WELL}")  # noqa: S608 - made of constants
# The delivery goes back to its place in the schedule if it fails again: coming early costs it no attempt.
_FORWARD = (
    f"SELECT id FROM webhook_deliveries WHERE {_OWN} AND state = 'pending' AND lined = FALSE AND next_at > :now "  # noqa: S608 - made of constants
    "AND claimed_until IS NULL AND tried > 0 ORDER BY next_at LIMIT :most"
)
_TRY_NOW = text(
    "UPDATE webhook_circuits SET open_until = :now, look_at = CASE WHEN look_at IS NULL THEN NULL ELSE :now END "  # noqa: S608 - made of constants
    f"WHERE {_OWN} AND open_until > :now"
)
_LINE = text(
    "INSERT INTO webhook_circuits (account_id, host, failures, openings, look_at) "
    "VALUES (:account_id, :host, 0, 0, :look_at) ON CONFLICT (account_id, host) DO UPDATE SET look_at = "
    "CASE WHEN webhook_circuits.open_until > excluded.look_at THEN webhook_circuits.open_until ELSE excluded.look_at END"
)
_NO_LINE = (
    "NOT EXISTS (SELECT 1 FROM webhook_deliveries AS lined WHERE lined.account_id = webhook_circuits.account_id "
    "AND lined.host = webhook_circuits.host AND lined.state = 'pending' AND lined.lined = TRUE)"
)
_END_LINE = text(f"UPDATE webhook_circuits SET look_at = NULL WHERE {_OWN} AND {_NO_LINE}")  # noqa: S608 - made of constants
_COUNT_LINED = text(
    "SELECT COUNT(*) FROM (SELECT 1 FROM webhook_deliveries "  # noqa: S608 - made of constants
    f"WHERE {_OWN} AND state = 'pending' AND lined = TRUE LIMIT :most) AS found"
)
_NEXT_LOOK = text("SELECT MIN(look_at) FROM webhook_circuits WHERE look_at IS NOT NULL")
_COUNT = text(
    "SELECT CASE WHEN open_until > :now THEN 'open' ELSE 'half_open' END AS state, COUNT(*) FROM webhook_circuits "
    "WHERE open_until IS NOT NULL GROUP BY 1"
)
# Of receivers that nothing was sent to for long.
_FORGET_OLD = text(
    f"DELETE FROM webhook_circuits WHERE look_at IS NULL AND COALESCE(open_until, opened_at, 0) <= :before AND {_NO_LINE} "  # noqa: S608 - made of constants
    "AND NOT EXISTS (SELECT 1 FROM webhook_deliveries AS waiting WHERE waiting.account_id = webhook_circuits.account_id "
    "AND waiting.host = webhook_circuits.host AND waiting.state = 'pending')"
)


def host_of(url: str) -> str:
    """Return the host of a target in lower case, with its port where the address names one."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:  # it is refused when it is sent to
        return ""
    if port is None:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def find_circuit(connection: Connection, account_id: str, host: str) -> Circuit:
    """Return the circuit of an account's receiver; of one that nothing is known of, a new one."""
    row = connection.execute(_FIND, _values((account_id, host))).mappings().one_or_none()
    return WELL if row is None else _circuit(row)


def find_circuits(connection: Connection, targets: Collection[Target]) -> Mapping[Target, tuple[Circuit, bool]]:
    """Return those of these receivers that have a row, and whether deliveries stand in line for them."""
    if not targets:
        return {}
    values = {"accounts": list({one[0] for one in targets}), "hosts": list({one[1] for one in targets})}
    rows = connection.execute(_FIND_ALL, values).mappings()
    return {(row["account_id"], row["host"]): (_circuit(row), row["look_at"] is not None) for row in rows}


def note(
    connection: Connection,
    target: Target,
    *,
    taken: bool,
    began: int,
    now: int,
    most: int,
    dice: Callable[[], float],
) -> Circuit:
    """Keep what an attempt says of a receiver, and return its circuit; see `Circuit.after`.

    When the receiver has come back, what waits for a later attempt becomes due.
    """
    own = _values(target)
    if not taken:
        connection.execute(_MAKE, own)
    found = connection.execute(_HOLD if is_postgres(connection) else _FIND, own).mappings().one_or_none()
    if found is None:
        return WELL
    before = _circuit(found)
    after = before.after(taken=taken, began=began, now=now, most=most, dice=dice)
    if after == before:
        return after
    look_at = now if after.open_until is None else after.open_until
    connection.execute(_KEEP, own | after.model_dump() | {"look_at": look_at})
    if before.open_until is not None and after.open_until is None:
        connection.execute(_bring_forward(skip_locked(connection)), own | {"now": now, "most": BROUGHT_FORWARD})
        notify(connection, "gesso_webhooks", "")
    if after == WELL:
        connection.execute(_FORGET, own)
    return after


def try_now(connection: Connection, account_id: str, host: str, now: int) -> None:
    """Let one message through an open circuit at once: somebody says that its receiver is back."""
    connection.execute(_TRY_NOW, _values((account_id, host)) | {"now": now})
    notify(connection, "gesso_webhooks", "")


def begin_line(connection: Connection, target: Target, look_at: int) -> None:
    """Say that deliveries stand in line for a receiver, to be looked at then or when its circuit lets one through."""
    connection.execute(_LINE, _values(target) | {"look_at": look_at})


def end_line(connection: Connection, target: Target) -> bool:
    """Say that none do any more, if that is so; tell whether it is."""
    ended = connection.execute(_END_LINE, _values(target)).rowcount > 0
    if ended:
        connection.execute(_FORGET, _values(target))
    return ended


def next_look(connection: Connection) -> int | None:
    """Return when the next line is to be looked at; None when there is none."""
    look_at: int | None = connection.execute(_NEXT_LOOK).scalar()
    return look_at


def count_lined(connection: Connection, account_id: str, host: str) -> int:
    """Return how many deliveries stand in line for a receiver, counted up to `COUNTED`."""
    values = _values((account_id, host)) | {"most": COUNTED}
    return int(connection.execute(_COUNT_LINED, values).scalar_one())


def count_circuits(connection: Connection, now: int) -> dict[CircuitState, int]:
    """Return how many circuits are open and how many half-open, of all accounts."""
    counts = {str(state): int(count) for state, count in connection.execute(_COUNT, {"now": now})}
    return {"open": counts.get("open", 0), "half_open": counts.get("half_open", 0)}


def forget_circuits(connection: Connection, before: int) -> int:
    """Remove those that opened last by then and for which nothing waits; return how many."""
    return connection.execute(_FORGET_OLD, {"before": before}).rowcount


@cache
def _bring_forward(lock: str) -> TextClause:
    """Return the statement; what others hold is left to them, as whoever claims may wait for the circuit held here."""
    among = f"= ANY(ARRAY({_FORWARD}{lock}))" if lock else f"IN ({_FORWARD})"
    return text(f"UPDATE webhook_deliveries SET next_at = :now, tried = tried - 1 WHERE id {among}")  # noqa: S608 - made of constants


def _values(target: Target) -> dict[str, object]:
    return {"account_id": target[0], "host": target[1]}


def _circuit(row: RowMapping) -> Circuit:
    return Circuit.model_validate({name: row[name] for name in Circuit.model_fields})
