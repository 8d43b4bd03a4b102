"""Absolute, signed links towards the caller of a request."""

from __future__ import annotations

from fastapi import Request

from gesso.domain.clock import SECOND
from gesso.server.render import LinkTo
from gesso.storage.links import Links
from gesso.wiring import Parts


def base_url(parts: Parts, request: Request) -> str:
    """Return the configured public URL, else the address this very request used."""
    return parts.public_url or str(request.base_url).rstrip("/")


def linker(parts: Parts, request: Request) -> LinkTo:
    """Return a function from blob id to link."""
    return linker_to(parts.links, base_url(parts, request), links_end(parts.clock(), parts.link_seconds))


def links_end(now: int, link_seconds: int) -> int:
    """Return when links made now end (Unix seconds): a whole hour, so that polling shows one stable link."""
    return -(-(now // SECOND + link_seconds) // 3600) * 3600


def linker_to(links: Links, host: str, expires: int) -> LinkTo:
    """Return a function from blob id to a link below `host` that works until `expires` (Unix seconds)."""
    return lambda blob: f"{host}/blobs/{blob}?{links.sign(blob, 'GET', expires)}"
