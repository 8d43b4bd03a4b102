"""A job's pictures as files for an engine that passes them on to a vendor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from gesso.domain.events import GivenFile
from gesso.domain.request import RouteChoice
from gesso.imaging.hand_on import mask_file, picture_file
from gesso.workers.inputs import Inputs
from gesso.workers.threads import to_its_end

# Of files that vendors work at, which may take minutes: further jobs wait, with their pictures decoded.
FILE_BYTES_AT_ONCE = 1 << 30


class File(NamedTuple):
    """The bytes of a picture and their media type."""

    data: bytes
    media_type: str


async def files_of(inputs: Inputs) -> dict[str, File]:
    """Return the files of a job's pictures ("image", "mask", "reference[0]", …), made on a thread one at a time.

    A mask's white is what is to be repainted.
    """
    found = {"image": inputs.image, **{f"reference[{i}]": one for i, one in enumerate(inputs.references)}}
    files = {name: File(*await to_its_end(picture_file, one)) for name, one in found.items() if one is not None}
    if inputs.mask is not None:
        files["mask"] = File(*await to_its_end(_mask_file, inputs.mask))
    return files


def files_for(route: RouteChoice, files: Mapping[str, File]) -> tuple[GivenFile, ...]:
    """Return the files a route's arguments take, in their order."""
    return tuple(
        GivenFile(one.argument, one.picture.partition("[")[0], one.many, *files[one.picture])
        for one in route.pictures
        if one.picture in files
    )


def _mask_file(mask: np.ndarray) -> tuple[bytes, str]:
    return mask_file(mask, "white")
