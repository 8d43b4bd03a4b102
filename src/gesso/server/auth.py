"""Who is asking: the API key of a request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gesso.accounts.keys import Caller, find_caller
from gesso.domain.errors import Unauthenticated
from gesso.server.parts import PartsOf

bearer = HTTPBearer(auto_error=False, description="A Gesso key: gesso_live_… or gesso_test_…")


async def caller_of(
    request: Request,
    parts: PartsOf,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Caller:
    """Return who asks; raise `Unauthenticated` without a key, or with one that is unknown or revoked."""
    if credentials is None:
        raise Unauthenticated
    secret = credentials.credentials
    caller = await parts.database.read(lambda connection: find_caller(connection, secret))
    if caller is None:
        raise Unauthenticated("This API key is not valid: it is unknown or was revoked.")
    request.scope["caller"] = caller
    return caller


CallerOf = Annotated[Caller, Depends(caller_of)]
