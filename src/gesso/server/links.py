"""Absolute, signed links towards the caller of a request."""

from __future__ import annotations

from fastapi import Request

from gesso.domain.clock import SECOND
from gesso.server.render import LinkTo
from gesso.wiring import Parts


def base_url(parts: Parts, request: Request) -> str:
    """Return the configured public URL, else the address this very request used."""
    return parts.public_url or str(request.base_url).rstrip("/")


def linker(parts: Parts, request: Request) -> LinkTo:
    """Return a function from blob id to link.

    Expiry is rounded up to a whole link lifetime boundary of an hour, so that polling shows one stable link.
    """
    base = base_url(parts, request)
    seconds = parts.clock() // SECOND + parts.link_seconds
    expires = -(-seconds // 3600) * 3600
    return lambda blob: f"{base}/blobs/{blob}?{parts.links.sign(blob, 'GET', expires)}"
