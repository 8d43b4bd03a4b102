"""The log of webhooks: looking at deliveries and their attempts. Nothing here changes a row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, and_, func, or_, select
from sqlalchemy.sql import ColumnElement

from gesso.database.webhook_tables import webhook_attempts, webhook_deliveries
from gesso.domain.delivery import Attempt, Delivery
from gesso.domain.errors import InvalidInput, NotFound
from gesso.domain.frozen import Frozen
from gesso.domain.ids import is_id
from gesso.domain.request import Mode
from gesso.jobs.deliveries import to_delivery

_TABLE = webhook_deliveries.c
_COLUMNS = [_TABLE[name] for name in Delivery.model_fields]
_COUNTED = 10_000  # a longer log is not counted to its end


class LoggedDelivery(Frozen):
    """A delivery and its attempts, oldest first."""

    delivery: Delivery
    attempts: tuple[Attempt, ...] = ()


class DeliveryPage(Frozen):
    """Some deliveries, newest first, and where the next page starts (None: there is none)."""

    deliveries: tuple[LoggedDelivery, ...]
    next_cursor: str | None = None


def own_delivery(connection: Connection, delivery_id: str, account_id: str, mode: Mode) -> LoggedDelivery:
    """Return an account's own delivery; `NotFound` for an absent one and for another account's or mode's alike."""
    where = (_TABLE.id == delivery_id, *_owned(account_id, mode))
    row = connection.execute(select(*_COLUMNS).where(*where)).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such delivery.")
    return _with_attempts(connection, [to_delivery(row)])[0]


def deliveries_of_job(
    connection: Connection, job_id: str, account_id: str, mode: Mode, dialect: str | None = None
) -> tuple[LoggedDelivery, ...]:
    """Return the deliveries of an account's own job, newest first; of one dialect, where it is named."""
    where = [_TABLE.job_id == job_id, *_owned(account_id, mode)]
    if dialect is not None:
        where.append(_TABLE.dialect == dialect)
    return _with_attempts(connection, _newest(connection, where, None))


def list_deliveries(
    connection: Connection,
    account_id: str,
    mode: Mode,
    *,
    limit: int,
    cursor: str | None = None,
    offset: int = 0,
    registration_id: str | None = None,
    dialect: str | None = None,
) -> DeliveryPage:
    """Return at most `limit` deliveries of an account; `cursor` is the `next_cursor` of the page before, or None."""
    where = list(_owned(account_id, mode))
    if registration_id is not None:
        where.append(_TABLE.registration_id == registration_id)
    if dialect is not None:
        where.append(_TABLE.dialect == dialect)
    if cursor is not None:
        at, identifier = _position(cursor)
        where.append(_TABLE.created_at <= at)  # an index is searched for this, not for the choice
        where.append(or_(_TABLE.created_at < at, and_(_TABLE.created_at == at, _TABLE.id < identifier)))
    found = _newest(connection, where, limit + 1, offset)
    shown = _with_attempts(connection, found[:limit])
    last = found[limit - 1] if len(found) > limit else None
    return DeliveryPage(deliveries=shown, next_cursor=None if last is None else f"{last.created_at}_{last.id}")


def count_deliveries(connection: Connection, account_id: str, mode: Mode, dialect: str) -> int:
    """Return how many deliveries an account's log has in a dialect, counted up to 10,000."""
    found = select(_TABLE.id).where(*_owned(account_id, mode), _TABLE.dialect == dialect).limit(_COUNTED).subquery()
    return int(connection.execute(select(func.count()).select_from(found)).scalar_one())


def _owned(account_id: str, mode: Mode) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _TABLE.account_id == account_id, _TABLE.mode == mode


def _newest(
    connection: Connection, where: Sequence[ColumnElement[bool]], limit: int | None, offset: int = 0
) -> list[Delivery]:
    statement = select(*_COLUMNS).where(*where).order_by(_TABLE.created_at.desc(), _TABLE.id.desc())
    return [to_delivery(row) for row in connection.execute(statement.limit(limit).offset(offset)).mappings()]


def _with_attempts(connection: Connection, found: Sequence[Delivery]) -> tuple[LoggedDelivery, ...]:
    table = webhook_attempts
    names = [table.c[name] for name in Attempt.model_fields]
    ids = [delivery.id for delivery in found]
    statement = select(table.c.delivery_id, *names).where(table.c.delivery_id.in_(ids)).order_by(table.c.number)
    attempts: dict[str, list[Attempt]] = defaultdict(list)
    for row in connection.execute(statement).mappings() if ids else ():
        attempts[row["delivery_id"]].append(Attempt.model_validate({name: row[name] for name in Attempt.model_fields}))
    return tuple(LoggedDelivery(delivery=one, attempts=tuple(attempts[one.id])) for one in found)


def _position(cursor: str) -> tuple[int, str]:
    at, _, identifier = cursor.partition("_")
    if at.isascii() and at.isdigit() and len(at) <= 18 and is_id(identifier):
        return int(at), identifier
    raise InvalidInput.of("cursor", "unknown_cursor", "cursor must be the next_cursor of an earlier page.", cursor)
