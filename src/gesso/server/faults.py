"""The header with which a request of a test key asks for a fault. Every route that makes jobs takes it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Request

from gesso.domain.faults import ALLOWED, FAULT_HEADER

_DESCRIPTION = (
    f"For test keys: what is to go wrong with this request, instead of what the key carries ({', '.join(ALLOWED)}). "
    "With none nothing is."
)

# For a route's signature, so that OpenAPI tells of it; `fault_of` reads it.
FaultHeader = Annotated[str | None, Header(alias=FAULT_HEADER, description=_DESCRIPTION, examples=["moderated"])]


def fault_of(request: Request) -> str | None:
    """Return what the header says, for `Ask.fault`; sent more than once it is one text that means nothing."""
    sent = request.headers.getlist(FAULT_HEADER)
    return ", ".join(sent) if sent else None
