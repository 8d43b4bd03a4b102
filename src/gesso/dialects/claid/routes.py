"""The routes of Claid."""

from __future__ import annotations

from gesso.dialects.call import Call, Reply
from gesso.dialects.dialect import Dialect
from gesso.domain.errors import GessoError


def error(error: GessoError, status: int, call: Call) -> Reply:
    """Return an error as the vendor words it."""
    return Reply({"error": error.message}, status)


DIALECT = Dialect(name="claid", title="Claid", routes=(), error=error)
