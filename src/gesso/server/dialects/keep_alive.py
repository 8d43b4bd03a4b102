"""Answers that take long, for clients that hang up when nothing comes: blanks before the JSON, which may hold them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from fastapi import Response
from fastapi.responses import StreamingResponse

BLANK = b" "


async def kept_alive(answer: Coroutine[Any, Any, Response], seconds: float) -> Response:
    """Return the answer as it is when it comes within `seconds`, else begin a 200 and send a blank every `seconds`.

    Once blanks were sent the status is 200, whatever the answer's own would have been: its body still says what went
    wrong. When the client leaves, the wait for the answer is given up. An answer's background task runs once all of it
    was sent, never when the client had left before.
    """
    coming = asyncio.ensure_future(answer)
    try:
        done, _ = await asyncio.wait({coming}, timeout=seconds)
    except asyncio.CancelledError:
        coming.cancel()
        raise
    if done:
        return coming.result()
    return StreamingResponse(_blanks(coming, seconds), media_type="application/json")


async def _blanks(coming: asyncio.Future[Response], seconds: float) -> AsyncIterator[bytes]:
    try:
        while not coming.done():
            yield BLANK
            await asyncio.wait({coming}, timeout=seconds)
        answer = coming.result()
        yield bytes(answer.body)
        if answer.background is not None:
            await answer.background()
    finally:
        coming.cancel()
