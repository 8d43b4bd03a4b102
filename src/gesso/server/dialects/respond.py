"""Write a dialect's reply as an HTTP response."""

from __future__ import annotations

from fastapi import Response
from pydantic_core import to_json

from gesso.dialects.call import Reply


def respond(reply: Reply) -> Response:
    """Return the response."""
    if reply.body is None:
        return Response(status_code=reply.status, headers=dict(reply.headers))
    content = reply.body if isinstance(reply.body, bytes) else to_json(reply.body)
    return Response(content, reply.status, dict(reply.headers), reply.media_type)
