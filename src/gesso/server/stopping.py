"""Requests that outlive the server's patience when it has to end: an answer to come again with, instead of a mistake of ours."""

from __future__ import annotations

import asyncio

import structlog
from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gesso.domain.errors import StorageFailed
from gesso.server.errors import headers_of, problem, status_of

log = structlog.get_logger(__name__)
WHY = "The server had to end before its storage answered. Ask again."


async def answered_at_the_end(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Let the app answer. Only who ends the server cancels this; then it is 503, or nothing more of an answer begun."""
    begun = False

    async def watched(message: Message) -> None:
        nonlocal begun
        begun = begun or message["type"] == "http.response.start"
        await send(message)

    try:
        await app(scope, receive, watched)
    except asyncio.CancelledError:
        log.warning("request_cut_short", request_id=scope.get("request_id", ""), begun=begun)
        if not begun:
            error = StorageFailed(WHY)
            answer = problem(Request(scope), status_of(error), error.code, WHY, headers=headers_of(error))
            await answer(scope, receive, send)
