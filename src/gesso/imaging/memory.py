"""What becomes of the memory of pictures that are done with: it goes back to the system at once."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

LARGE_BYTES = (
    8 << 20
)  # under what Pillow takes for a large picture (16 MiB at a time), above the strips that are worked on
_M_MMAP_THRESHOLD = -3  # malloc.h of glibc


def return_large_blocks() -> None:
    """Let the C library keep no freed block of a picture for later, for the whole process.

    glibc learns to keep ever larger ones, on each thread its own: after ten edits of 32 megapixels 500 MB nobody used.
    Other C libraries have no such switch and are left as they are.
    """
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
