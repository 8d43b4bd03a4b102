"""The load of `gateway.py`, in a process of its own: reads what to send from standard input as JSON, prints what it found.

`{"url", "path", "key", "body", "clients", "requests"}`: each of `clients` kept-alive connections sends its share of the
requests, one after the other. Every answer must be 200 with one picture in base64; each picture that differs from
those before it is decoded, after the time was taken.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
import sys
import time
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

PICTURE = re.compile(rb'"b64_json":\s*"([^"]*)"')
LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
LARGEST = 1 << 24


class Client:
    """One connection."""

    def __init__(self, task: dict[str, Any], pictures: set[bytes]) -> None:
        self._where, self._pictures = urlsplit(task["url"]), pictures
        body = json.dumps(task["body"]).encode()
        head = (
            f"POST {task['path']} HTTP/1.1\r\nHost: {self._where.netloc}\r\nAuthorization: Bearer {task['key']}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._request = head.encode() + body
        self.seconds: list[float] = []

    async def open(self) -> None:
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection(
            self._where.hostname, self._where.port, limit=LARGEST
        )

    async def send(self, requests: int) -> None:
        """Send one request after the other."""
        for _ in range(requests):
            began = time.perf_counter()
            self._writer.write(self._request)
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = LENGTH.search(head)
            if length is None:
                raise SystemExit(f"an answer without a length: {head!r}")
            body = await self._reader.readexactly(int(length[1]))
            self.seconds.append(time.perf_counter() - began)
            found = PICTURE.findall(body)
            if not head.startswith(b"HTTP/1.1 200") or len(found) != 1:
                raise SystemExit(f"unexpected answer: {(head + body)[:2000].decode(errors='replace')}")
            self._pictures.add(found[0])
        self._writer.close()


async def measure(task: dict[str, Any]) -> dict[str, Any]:
    """Return every latency, the wall seconds of the whole, and what came as pictures."""
    pictures: set[bytes] = set()
    clients = [Client(task, pictures) for _ in range(task["clients"])]
    for client in clients:
        await client.open()
    share = max(1, task["requests"] // task["clients"])
    began = time.perf_counter()
    await asyncio.gather(*(client.send(share) for client in clients))
    wall = time.perf_counter() - began
    return {
        "seconds": [second for client in clients for second in client.seconds],
        "wall_seconds": wall,
        "pictures": [decoded(base64.b64decode(one, validate=True)) for one in pictures],
    }


def decoded(file: bytes) -> dict[str, Any]:
    """Return what a picture is; raise for what is none."""
    with Image.open(io.BytesIO(file)) as made:
        made.load()
        return {"format": made.format, "width": made.width, "height": made.height, "bytes": len(file)}


if __name__ == "__main__":
    json.dump(asyncio.run(measure(json.load(sys.stdin))), sys.stdout)
