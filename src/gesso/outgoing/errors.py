"""What can go wrong on the way out. Messages name the host the asker wrote and the reason, never where it resolved to."""

from __future__ import annotations

from gesso.domain.errors import ImageNotRetrievable


class BadUrl(ImageNotRetrievable):
    """This is not an http(s) link that can be followed."""


class UnknownHost(ImageNotRetrievable):
    """The link's host could not be resolved."""


class BlockedAddress(ImageNotRetrievable):
    """This link leads to an address that may not be reached from here."""


class Answered(ImageNotRetrievable):
    """What the link points at cannot be had: its server says so by a status."""

    def __init__(self, host: str, status: int) -> None:
        self.status = status
        super().__init__(f"{host} answered with status {status}.")
