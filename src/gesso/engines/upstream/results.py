"""Bring a vendor's pictures here, before its links expire, and decode them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import numpy as np

from gesso.domain.budget import Budget
from gesso.domain.errors import ImageNotRetrievable, InvalidInput
from gesso.domain.picture import DecodedPicture, RawPicture
from gesso.engines.upstream.steps import Inline, Link
from gesso.imaging.decode import DecodeLimits, decode, inspect
from gesso.outgoing.errors import BadUrl, BlockedAddress
from gesso.outgoing.fetch import Outgoing

TRIES = 4
FIRST_PAUSE_SECONDS = 0.5


class NoPicture(Exception):
    """A picture the vendor told of could not be had, or is none."""


class Brought(NamedTuple):
    """A picture's pixels, and the file they came in."""

    decoded: DecodedPicture
    file: bytes


@asynccontextmanager
async def brought(
    picture: Link | Inline,
    outgoing: Outgoing,
    limits: DecodeLimits,
    budget: Budget,
    *,
    rest: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[Brought]:
    """Fetch and decode a picture; within the block its pixels are held of the budget. Raises `NoPicture`."""
    data = picture.data if isinstance(picture, Inline) else await _fetched(picture.url, outgoing, limits, rest)
    async with AsyncExitStack() as held:
        try:
            header = await asyncio.to_thread(inspect, data, "picture", limits)
            await held.enter_async_context(budget.take(header.width * header.height))
            decoded = await asyncio.to_thread(decode, data, "picture", limits)
        except InvalidInput as error:
            raise NoPicture("The vendor's picture is none that can be read.") from error
        yield Brought(decoded, data)


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


def raw(made: Brought, index: int, seed: int) -> RawPicture:
    """Return a picture that was brought as one of a job's."""
    rgb, alpha = made.decoded.rgb, made.decoded.alpha
    return RawPicture(index, rgb if alpha is None else np.dstack([rgb, alpha]), seed, file=made.file)
