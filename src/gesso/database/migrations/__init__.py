"""The schema's history (alembic). A database at its head is recognised without importing alembic."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from gesso.database.dialect import alone, is_postgres
from gesso.database.failures import is_undone_by_others
from gesso.domain.errors import OperatorError

HEAD = "0014"  # the newest file in versions/; a test keeps it true
TRIES = 5


def revision(connection: Connection) -> str | None:
    """Return the revision the database is at; None when it has no tables yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def must_be_at_head(connection: Connection) -> None:
    """Raise `OperatorError`, saying what to do, unless the database is as this Gesso needs it."""
    found = revision(connection)
    if found is None:
        raise OperatorError("The database has no tables yet. Make them with: gesso db migrate")
    if found > HEAD:
        raise _newer(found)
    if found < HEAD:
        raise OperatorError(
            f"The database is at revision {found} and this Gesso needs {HEAD}. Bring it up to date with: gesso db migrate"
        )


def bring_up_to_date(connection: Connection) -> str | None:
    """Apply what is missing, all or nothing, and return the revision it was at; two that start at once do it once.

    What meets a deadlock with servers at work is undone and begun again. The connection must not be in a transaction.
    Raises `OperatorError` when a newer Gesso wrote the database.
    """
    for _ in range(TRIES - 1):
        try:
            return _bring_up_to_date(connection)
        except DBAPIError as error:
            if not is_undone_by_others(error):
                raise
    return _bring_up_to_date(connection)


def _bring_up_to_date(connection: Connection) -> str | None:
    if revision(connection) == HEAD:
        return HEAD
    connection.exec_driver_sql("BEGIN" if is_postgres(connection) else "BEGIN IMMEDIATE")
    try:
        if is_postgres(connection):
            connection.exec_driver_sql(
                "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0"
            )  # the other one may take its time
        alone(connection, "gesso migrations")
        before = revision(connection)
        if before != HEAD:
            _upgrade(connection)
        connection.exec_driver_sql("COMMIT")
    except BaseException:
        with suppress(SQLAlchemyError):  # where the database has ended the transaction by itself
            connection.exec_driver_sql("ROLLBACK")
        raise
    return before


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    # The configuration format treats % as the start of a variable.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise _newer(revision(connection)) from error


def _newer(found: str | None) -> OperatorError:
    return OperatorError(
        f"The database is at revision {found}, which this Gesso does not know: it was written by a newer one. "
        "Install that version or newer."
    )
