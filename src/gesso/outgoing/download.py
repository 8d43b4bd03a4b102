"""Write an answer's body into a file as it comes, counted and hashed."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import httpx

_GATHERED_BYTES = 1 << 20  # written at once, off the event loop


@dataclass(frozen=True)
class Downloaded:
    """What was written: how many bytes, and their SHA-256 in hexadecimal."""

    size_bytes: int
    sha256: str


async def write_body(response: httpx.Response, file: Path, max_bytes: int, too_large: Exception) -> Downloaded:
    """Write the body into a new file; raise `too_large` before a byte more than allowed is written.

    Raises `OSError` where the file is there or cannot be written. Whatever is raised, the file is gone.
    """
    written = _Written(file)
    size, gathered = 0, bytearray()
    try:
        async for part in response.aiter_raw():
            size += len(part)
            if size > max_bytes:
                raise too_large
            gathered += part
            if len(gathered) >= _GATHERED_BYTES:
                await asyncio.to_thread(written.add, bytes(gathered))
                gathered.clear()
        await asyncio.to_thread(written.add, bytes(gathered))
        await asyncio.to_thread(written.finish)
    except BaseException:
        written.discard()
        raise
    return Downloaded(size, written.digest.hexdigest())


class _Written:
    """A new file while it is written. Opened and discarded where it is called, as a thread that was given up goes on."""

    def __init__(self, path: Path) -> None:
        self._path, self._stream, self.digest = path, path.open("xb"), sha256()

    def add(self, data: bytes) -> None:
        self._stream.write(data)
        self.digest.update(data)

    def finish(self) -> None:
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()

    def discard(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.close()
        self._path.unlink(missing_ok=True)
