"""Absolute, signed links towards the caller of a request."""

from __future__ import annotations

from fastapi import Request

from gesso.server.render import LinkTo
from gesso.storage.links import linker_to, links_end
from gesso.wiring import Parts


def base_url(parts: Parts, request: Request) -> str:
    """Return the configured public URL, else the address this very request used."""
    return parts.public_url or str(request.base_url).rstrip("/")


def linker(parts: Parts, request: Request) -> LinkTo:
    """Return a function from blob id to link."""
    return linker_to(parts.links, base_url(parts, request), links_end(parts.clock(), parts.link_seconds))
