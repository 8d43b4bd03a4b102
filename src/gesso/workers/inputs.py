"""The first stage of a job: bring its pictures here (kept bytes or a link), decode them, fit them to the asked size."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from gesso.catalogue.sizes import output_size
from gesso.domain.errors import ImageNotRetrievable, InvalidInput, NotFound, StorageFailed
from gesso.domain.job import Job
from gesso.domain.picture import DecodedPicture, PictureReference
from gesso.domain.request import Request
from gesso.imaging.budget import PixelBudget
from gesso.imaging.decode import DecodeLimits, Header, decode, inspect
from gesso.imaging.fit import fit, fit_mask
from gesso.imaging.mask import decode_mask
from gesso.outgoing.fetch import Outgoing
from gesso.storage.blobs import BlobStore
from gesso.workers.patience import patiently
from gesso.workers.threads import to_its_end

HELD_BYTES = 1 << 20  # a larger file is not held in memory until there is room to decode it
KEPT_AT_ONCE, LINKS_AT_ONCE = 2, 8  # files looked at, whole, before their jobs have room


@dataclass(frozen=True)
class Fetched:
    """One input picture whose header is within the limits; its bytes are `read` when there is room to decode them."""

    field: str
    header: Header
    read: Callable[[], Awaitable[bytes]]


@dataclass(frozen=True, eq=False)
class Inputs:
    """A job's pictures, decoded. `mask` is uint8 [height, width] of the image's size, 255 = repaint.

    `came` is what the image was before it was fitted to the asked size: its format, and its size turned upright.
    """

    image: DecodedPicture | None = None
    mask: np.ndarray | None = None
    references: tuple[DecodedPicture, ...] = ()
    came: Header | None = None


class InputReader:
    """Reads and decodes the pictures of jobs. Large files that came by a link lie, nameless, in `folder` until then."""

    def __init__(
        self, blobs: BlobStore, outgoing: Outgoing, budget: PixelBudget, limits: DecodeLimits, folder: Path
    ) -> None:
        self._blobs, self._outgoing, self._budget, self._limits = blobs, outgoing, budget, limits
        self._folder = folder
        self._kept, self._links = asyncio.Semaphore(KEPT_AT_ONCE), asyncio.Semaphore(LINKS_AT_ONCE)

    @asynccontextmanager
    async def read(
        self, job: Job, request: Request, add_time: Callable[[str, float], None], *, fitted: bool = True
    ) -> AsyncIterator[Inputs]:
        """Yield a job's pictures, decoded within the budget of pixels, which is held until the block ends.

        Unless `fitted`, the image keeps its own size. `add_time` is told the seconds of "fetch" and "decode". Raises `ImageNotRetrievable`, `InvalidInput` and
        `StorageFailed`.
        """
        began = time.perf_counter()
        async with AsyncExitStack() as held:
            async with AsyncExitStack() as files:
                fetched = await self._fetch(job, request, files)
                if fetched:
                    add_time("fetch", time.perf_counter() - began)
                began = time.perf_counter()
                await held.enter_async_context(self._budget.take(_pixels(request, fetched)))
                inputs = await decode_inputs(request, fetched, self._limits, fitted=fitted)
                if fetched:
                    add_time("decode", time.perf_counter() - began)
            yield inputs

    # ── fetch ─────────────────────────────────────────────────────────────────────────────────────────

    async def _fetch(self, job: Job, request: Request, files: AsyncExitStack) -> dict[str, Fetched]:
        """Bring every picture here, by field; the first that fails ends the others."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._fetch_one(job, field, reference, files))
                    for field, reference in _references(request).items()
                ]
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return {one.field: one for one in (task.result() for task in tasks)}

    async def _fetch_one(self, job: Job, field: str, reference: PictureReference, files: AsyncExitStack) -> Fetched:
        if reference.url is None:
            again = partial(self._read_kept, job, field, reference.blob or "")
            async with self._kept:
                data = await again()
                header = await to_its_end(inspect, data, field, self._limits)
            return Fetched(field, header, again if len(data) > HELD_BYTES else holding(data))
        async with self._links:
            data = (await self._outgoing.fetch(reference.url, max_bytes=self._limits.max_bytes)).data
            header = await to_its_end(inspect, data, field, self._limits)
            read = await self._spool(data, files) if len(data) > HELD_BYTES else holding(data)
        return Fetched(field, header, read)

    async def _read_kept(self, job: Job, field: str, blob: str) -> bytes:
        try:
            return await patiently(partial(self._blobs.get, job.account_id, blob), self._blobs, job=job.id)
        except NotFound as error:
            raise ImageNotRetrievable(f"The file given as {field} was deleted before the job ran.") from error

    async def _spool(self, data: bytes, files: AsyncExitStack) -> Callable[[], Awaitable[bytes]]:
        """Put bytes into a file that goes with this process; return what reads them back."""
        try:
            file = files.enter_context(tempfile.TemporaryFile(dir=self._folder))  # noqa: SIM115 - `files` closes it
            await to_its_end(_write, file, data)
        except OSError as error:
            raise StorageFailed("There is no room on the server's disk for a linked picture.") from error
        return partial(to_its_end, _read_back, file)


def _references(request: Request) -> dict[str, PictureReference]:
    named = {"image": request.image, "mask": request.mask}
    named |= {f"reference[{i}]": reference for i, reference in enumerate(request.references)}
    return {field: reference for field, reference in named.items() if reference is not None}


def holding(data: bytes) -> Callable[[], Awaitable[bytes]]:
    """Return what `Fetched.read` is for bytes that are held in memory."""

    async def read() -> bytes:
        return data

    return read


def _write(file: IO[bytes], data: bytes) -> None:
    file.write(data)
    file.flush()


def _read_back(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


# ── decode ────────────────────────────────────────────────────────────────────────────────────────────


def _pixels(request: Request, fetched: Mapping[str, Fetched]) -> int:
    """Return how many pixels a job counts for in the budget: those of its inputs, and of one picture it makes.

    Measured with 32 megapixels in and out (JPEG, PNG): see `PixelBudget`.
    """
    pixels = sum(one.header.width * one.header.height for one in fetched.values())
    if (image := fetched.get("image")) is not None:
        width, height = output_size(request, image.header.width, image.header.height)
    else:
        width, height = request.width or 0, request.height or 0
    return pixels + width * height


async def decode_inputs(
    request: Request, fetched: Mapping[str, Fetched], limits: DecodeLimits, *, fitted: bool = True
) -> Inputs:
    """Decode the image, its mask and the references; `fitted`, image and mask come out in the size asked for.

    One at a time, each on a thread, and the bytes of a file only while it is decoded.
    """
    image = mask = came = None
    if (source := fetched.get("image")) is not None:
        image = await to_its_end(decode, await source.read(), "image", limits)
        came = Header(source.header.format, image.width, image.height)
        if (masked := fetched.get("mask")) is not None:
            size = (image.width, image.height)
            mask = await to_its_end(decode_mask, await masked.read(), request.mask_polarity, size, "mask", limits)
        size = (image.width, image.height)
        width, height = output_size(request, *size) if fitted else size
        if (width, height) != (image.width, image.height):
            image = await to_its_end(fit, image, width, height)
            mask = None if mask is None else await to_its_end(fit_mask, mask, width, height)
    elif "mask" in fetched:
        raise InvalidInput.of("mask", "mask_without_image", "A mask needs an image to go with.")
    names = sorted((name for name in fetched if name.startswith("reference")), key=lambda name: (len(name), name))
    references = [await to_its_end(decode, await fetched[name].read(), name, limits) for name in names]
    return Inputs(image, mask, tuple(references), came)
