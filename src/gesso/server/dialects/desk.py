"""Where one request of a dialect is dealt with."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from gesso.accounts.keys import Caller
from gesso.dialects.dialect import Dialect, Route
from gesso.domain.errors import Unauthenticated
from gesso.wiring import Parts


@dataclass(frozen=True)
class Desk:
    """The server, the request and who asks; `caller` is None on public routes only."""

    dialect: Dialect
    route: Route
    parts: Parts
    request: Request
    caller: Caller | None

    @property
    def known(self) -> Caller:
        """The caller, on a route that needs one."""
        if self.caller is None:
            raise Unauthenticated
        return self.caller
