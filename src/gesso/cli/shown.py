"""Rows that say some things twice: for people in a column of a table, for programs in parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SHOWN = "shown_"  # how the names of columns for people alone begin


def for_programs(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row without what is only shown."""
    return {name: value for name, value in row.items() if not name.startswith(SHOWN)}
