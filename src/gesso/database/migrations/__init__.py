"""The schema's history (alembic). A database at its head is recognised without importing alembic."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from gesso.database.sqlite import driver_of
from gesso.domain.errors import OperatorError

HEAD = "0002"  # the newest file in versions/; a test keeps it true


def revision(connection: Connection) -> str | None:
    """Return the revision the database is at; None when it has no tables yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def bring_up_to_date(connection: Connection) -> None:
    """Apply what is missing, all or nothing; two processes that start at once do it once.

    Raises `OperatorError` when the database was written by a newer Gesso.
    """
    if revision(connection) == HEAD:
        return
    driver = driver_of(connection)
    driver.execute("BEGIN IMMEDIATE")
    try:
        if revision(connection) != HEAD:
            _upgrade(connection)
        driver.execute("COMMIT")
    except BaseException:
        if driver.in_transaction:
            driver.execute("ROLLBACK")
        raise


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
        found = revision(connection)
        raise OperatorError(
            f"The database is at revision {found}, which this Gesso does not know: it was written by a newer one. "
            "Install that version or newer."
        ) from error
