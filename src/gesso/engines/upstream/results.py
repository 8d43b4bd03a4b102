"""Bring a vendor's pictures here, before its links expire, and decode them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import numpy as np

from gesso.domain.errors import ImageNotRetrievable, InvalidInput
from gesso.domain.picture import DecodedPicture, RawPicture
from gesso.engines.upstream.steps import Inline, Link
from gesso.imaging.decode import DecodeLimits, decode
from gesso.outgoing.errors import BadUrl, BlockedAddress
from gesso.outgoing.fetch import Outgoing

TRIES = 4
FIRST_PAUSE_SECONDS = 0.5


class NoPicture(Exception):
    """A picture the vendor told of could not be had, or is none."""


async def bring(
    picture: Link | Inline,
    outgoing: Outgoing,
    limits: DecodeLimits,
    *,
    rest: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> DecodedPicture:
    """Return a picture's pixels. Raises `NoPicture`."""
    data = picture.data if isinstance(picture, Inline) else await _fetched(picture.url, outgoing, limits, rest)
    try:
        return await asyncio.to_thread(decode, data, "picture", limits)
    except InvalidInput as error:
        raise NoPicture("The vendor's picture is none that can be read.") from error


async def _fetched(
    url: str, outgoing: Outgoing, limits: DecodeLimits, rest: Callable[[float], Awaitable[None]]
) -> bytes:
    pause = FIRST_PAUSE_SECONDS
    for number in range(TRIES):
        try:
            return (await outgoing.fetch(url, max_bytes=limits.max_bytes)).data
        except (BadUrl, BlockedAddress) as error:
            raise NoPicture("The vendor's link leads where links may not lead.") from error
        except ImageNotRetrievable as error:
            if number + 1 == TRIES:
                raise NoPicture("The vendor's picture could not be fetched.") from error
        await rest(pause * (0.5 + random.random()))  # noqa: S311 - jitter
        pause *= 2
    raise AssertionError("the last try returns or raises")


def raw(decoded: DecodedPicture, index: int, seed: int) -> RawPicture:
    """Return a decoded picture as one of a job's."""
    pixels = decoded.rgb if decoded.alpha is None else np.dstack([decoded.rgb, decoded.alpha])
    return RawPicture(index, pixels, seed)
