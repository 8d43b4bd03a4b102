"""The first stage of a job: bring its pictures here (kept bytes or a link), decode them, fit them to the asked size."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np

from gesso.catalogue.sizes import output_size
from gesso.domain.errors import ImageNotRetrievable, InvalidInput, NotFound
from gesso.domain.job import Job
from gesso.domain.picture import DecodedPicture, PictureReference
from gesso.domain.request import Request
from gesso.imaging.budget import PixelBudget
from gesso.imaging.decode import DecodeLimits, Header, decode, inspect
from gesso.imaging.fit import fit, fit_mask
from gesso.imaging.mask import decode_mask
from gesso.outgoing.fetch import Outgoing
from gesso.storage.blobs import BlobStore


@dataclass(frozen=True)
class Fetched:
    """The bytes of one input picture; its header is within the limits."""

    field: str
    data: bytes
    header: Header


@dataclass(frozen=True, eq=False)
class Inputs:
    """A job's pictures, decoded. `mask` is uint8 [height, width] of the image's size, 255 = repaint."""

    image: DecodedPicture | None = None
    mask: np.ndarray | None = None
    references: tuple[DecodedPicture, ...] = ()


class InputReader:
    """Reads and decodes the pictures of jobs."""

    def __init__(self, blobs: BlobStore, outgoing: Outgoing, budget: PixelBudget, limits: DecodeLimits) -> None:
        self._blobs, self._outgoing, self._budget, self._limits = blobs, outgoing, budget, limits

    async def fetch(self, job: Job, request: Request) -> dict[str, Fetched]:
        """Return the bytes of every picture by field; raise `ImageNotRetrievable` or `InvalidInput`."""
        wanted: dict[str, PictureReference] = {}
        if request.image:
            wanted["image"] = request.image
        if request.mask:
            wanted["mask"] = request.mask
        wanted |= {f"reference[{i}]": reference for i, reference in enumerate(request.references)}
        results = await asyncio.gather(*(self._fetch_one(job, name, wanted[name]) for name in wanted))
        return {fetched.field: fetched for fetched in results}

    async def _fetch_one(self, job: Job, field: str, reference: PictureReference) -> Fetched:
        if reference.url is not None:
            data = (await self._outgoing.fetch(reference.url, max_bytes=self._limits.max_bytes)).data
        else:
            data = await self._kept(job, field, reference.blob or "")
        header = await asyncio.to_thread(inspect, data, field, self._limits)
        return Fetched(field, data, header)

    async def _kept(self, job: Job, field: str, blob: str) -> bytes:
        try:
            return await self._blobs.get(job.account_id, blob)
        except NotFound as error:
            raise ImageNotRetrievable(f"The file given as {field} was deleted before the job ran.") from error

    @asynccontextmanager
    async def decoded(self, request: Request, fetched: dict[str, Fetched]) -> AsyncIterator[Inputs]:
        """Decode off the event loop, within the budget of decoded pixels, which is held until the block ends."""
        pixels = sum(one.header.width * one.header.height for one in fetched.values())
        if (image := fetched.get("image")) is not None:
            width, height = output_size(request, image.header.width, image.header.height)
        else:
            width, height = request.width or 0, request.height or 0
        pixels += width * height
        async with self._budget.take(pixels):
            yield await asyncio.to_thread(decode_inputs, request, fetched, self._limits)


def decode_inputs(request: Request, fetched: dict[str, Fetched], limits: DecodeLimits) -> Inputs:
    """Decode the image, its mask and the references; image and mask come out in the size the request asks for."""
    image = mask = None
    if (source := fetched.get("image")) is not None:
        image = decode(source.data, "image", limits)
        if (masked := fetched.get("mask")) is not None:
            size = (image.width, image.height)
            mask = decode_mask(masked.data, request.mask_polarity, size, "mask", limits)
        width, height = output_size(request, image.width, image.height)
        if (width, height) != (image.width, image.height):
            image = fit(image, width, height)
            mask = fit_mask(mask, width, height) if mask is not None else None
    elif "mask" in fetched:
        raise InvalidInput.of("mask", "mask_without_image", "A mask needs an image to go with.")
    names = sorted((name for name in fetched if name.startswith("reference")), key=lambda name: (len(name), name))
    references = tuple(decode(fetched[name].data, name, limits) for name in names)
    return Inputs(image, mask, references)
