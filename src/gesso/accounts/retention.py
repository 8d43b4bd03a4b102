"""How long an account's results, uploaded files and ended jobs are kept, and whether its pictures are all private."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, select, update

from gesso.database.account_tables import accounts
from gesso.domain.frozen import Frozen

FOREVER = 100 * 365 * 24 * 3600  # seconds; a time like any other, only that nobody waits for its end
LEAST_FILE_SECONDS = 60
LEAST_JOB_SECONDS = 24 * 3600  # an idempotency key lives a day: until then its job must be there


class Retention(Frozen):
    """Seconds that things are kept. None is "as the settings say"; in force, none of them is None.

    Results from the end of their job, files from when they came, jobs (their rows) from their end, and in any case
    until their pictures are gone.
    """

    results_seconds: int | None = None
    files_seconds: int | None = None
    jobs_seconds: int | None = None

    def in_force(self, defaults: Kept) -> Kept:
        """Return what holds: the account's own, else the default."""
        own = self.model_dump()
        return Kept(
            **{name: usual if own[name] is None else own[name] for name, usual in defaults.model_dump().items()}
        )


class Kept(Frozen):
    """What is in force, in seconds; `FOREVER` and more is for ever."""

    results_seconds: int = 7 * 24 * 3600
    files_seconds: int = 7 * 24 * 3600
    jobs_seconds: int = FOREVER


NAMES = tuple(Retention.model_fields)
_FIND = select(*(accounts.c[name] for name in NAMES)).where(accounts.c.id == bindparam("account_id"))
_ALL = select(accounts.c.id, *(accounts.c[name] for name in NAMES)).order_by(accounts.c.id)


def find_retention(connection: Connection, account_id: str) -> Retention:
    """Return an account's own; the defaults' for one that is not there."""
    row = connection.execute(_FIND, {"account_id": account_id}).mappings().one_or_none()
    return Retention() if row is None else Retention.model_validate(dict(row))


def retentions(connection: Connection) -> dict[str, Retention]:
    """Return every account's own, by its id."""
    found = (dict(row) for row in connection.execute(_ALL).mappings())
    return {row.pop("id"): Retention.model_validate(row) for row in found}


def set_retention(connection: Connection, account_id: str, changes: Mapping[str, int | None]) -> Retention:
    """Change some of an account's times, by their names in `Retention`; return all of them."""
    Retention.model_validate(dict(changes))
    if changes:
        connection.execute(update(accounts).where(accounts.c.id == account_id).values(**changes))
    return find_retention(connection, account_id)


def set_private(connection: Connection, account_id: str, private: bool) -> None:
    """Make all pictures of an account's jobs private from the next request on, or no longer."""
    connection.execute(update(accounts).where(accounts.c.id == account_id).values(private=private))
