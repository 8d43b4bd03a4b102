"""How the database carries out the one statement that a work says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, event

from gesso.database.dialect import is_postgres


def plan_of(connection: Connection, work: Callable[[Connection], Any]) -> str:
    """Do the work and return the plan of its statement, a step a line."""
    said: list[tuple[str, Any]] = []

    def note(_: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        said.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    try:
        work(connection)
    finally:
        event.remove(connection, "before_cursor_execute", note)
    ((statement, parameters),) = said
    explain = "EXPLAIN" if is_postgres(connection) else "EXPLAIN QUERY PLAN"
    return "\n".join(str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {statement}", parameters))
