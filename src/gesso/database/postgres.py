"""How PostgreSQL is reached: the extra's driver, the address, and what every connection is told first."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from gesso.database.failures import as_storage_failure
from gesso.domain.errors import OperatorError

LOCK_SECONDS = 10  # as long as a write waits for a locked SQLite file
STATEMENT_SECONDS = 60.0  # unless the operator says otherwise
STOPPED_SECONDS = 8  # a process that stands still within a transaction is let go before others lose their patience

# A peer that vanished is noticed within a minute, not after the two hours of TCP's own defaults.
_DEFAULTS: dict[str, Any] = {
    "application_name": "gesso",
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_FIRST = (
    "SET statement_timeout = {milliseconds}; "
    f"SET lock_timeout = '{LOCK_SECONDS}s'; SET idle_in_transaction_session_timeout = '{STOPPED_SECONDS}s'; "
    "SET client_min_messages = warning"
)


class Server:
    """A PostgreSQL database by its address. `connect` may be called by any thread; who gets a connection owns it."""

    def __init__(self, url: str, statement_seconds: float = STATEMENT_SECONDS) -> None:
        self._first = _FIRST.format(milliseconds=int(statement_seconds * 1000))
        self._psycopg = _driver()
        self._parameters = _DEFAULTS | self._parsed(url) | {"client_encoding": "utf8"}
        # The driver begins no transaction by itself: the lanes do, and so know what ran before a connection broke.
        self._engine = create_engine(
            "postgresql+psycopg://",
            creator=self.connect_driver,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            use_native_hstore=False,
            hide_parameters=True,
        )

    def connect(self) -> Connection:
        """Open a connection; raise SQLAlchemy's `DBAPIError` when that fails."""
        connection = self._engine.connect()
        try:
            connection.exec_driver_sql(self._first)
        except BaseException:
            connection.close()
            raise
        return connection

    def connect_driver(self) -> Any:
        """Open a connection of the driver's own, outside of a transaction and committing each statement."""
        return self._psycopg.connect(**self._parameters, autocommit=True)

    def connect_first(self) -> Connection:
        """Open a connection; raise `OperatorError` in the server's words when that fails."""
        try:
            return self.connect()
        except DBAPIError as error:
            raise self.unusable(error) from error

    def unusable(self, error: DBAPIError) -> OperatorError:
        """Return the error for a database that does not open or cannot be used as it is."""
        lines = [line.strip() for line in str(error.orig).splitlines()]
        reason = " ".join(line for line in lines if not line.startswith("Is the server running")).rstrip(".")
        password = self._parameters.get("password")
        if password and password in reason:
            reason = str(as_storage_failure(error))
        return OperatorError(f"The PostgreSQL database cannot be opened: {reason}. Check GESSO_DATABASE_URL.")

    def _parsed(self, url: str) -> dict[str, Any]:
        text = url.replace("postgresql+psycopg://", "postgresql://", 1)
        try:
            parameters: dict[str, Any] = self._psycopg.conninfo.conninfo_to_dict(text)
        except self._psycopg.Error:  # its message quotes the address, password and all
            parameters = {}
        if not parameters or "@" in str(parameters.get("host", "")):  # the end of a password, taken for the host
            raise OperatorError(
                "GESSO_DATABASE_URL is not an address like postgresql://user:password@host/name; "
                "write special characters of a password as %40 and the like."
            ) from None
        return parameters


def _driver() -> ModuleType:
    try:
        import psycopg
        import psycopg.conninfo
    except ImportError as error:
        raise OperatorError('PostgreSQL needs an extra that is not installed: pip install "gesso[postgres]"') from error
    driver: ModuleType = psycopg
    return driver
