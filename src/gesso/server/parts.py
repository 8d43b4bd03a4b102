"""The assembled server as its routes see it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from gesso.wiring import Parts


async def parts_of(request: Request) -> Parts:  # async: a plain function would be sent to a thread
    """Return the parts of the app that answers this request."""
    parts: Parts = request.app.state.parts
    return parts


PartsOf = Annotated[Parts, Depends(parts_of)]
