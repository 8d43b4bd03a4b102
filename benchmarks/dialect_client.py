"""The load of `dialects.py`, in a process of its own: reads what to send from standard input as JSON, prints its seconds.

`{"url", "key", "clients", "requests", "subject": {…}}` makes jobs; `{"url", "key", "clients", "seconds", "poll": path}` polls.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any
from urllib.parse import urlsplit

POLL_PAUSE_SECONDS = 0.002


class Connection:
    """One kept-alive connection that sends requests one after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, key: str) -> None:
        self._reader, self._writer = reader, writer
        self._head = f"HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"

    @classmethod
    async def open(cls, url: str, key: str) -> Connection:
        where = urlsplit(url)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        return cls(reader, writer, where.netloc, key)

    async def send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
        """Return the answer's body; raise when it is no success."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        self._writer.write(f"{method} {path} {self._head}{lines}{length}\r\n".encode() + body)
        head = await self._reader.readuntil(b"\r\n\r\n")
        lowered = head.lower()
        start = lowered.index(b"content-length:") + len(b"content-length:")
        answer = await self._reader.readexactly(int(lowered[start : lowered.index(b"\r", start)]))
        if not head.startswith(b"HTTP/1.1 2"):
            raise SystemExit(f"{method} {path}: {(head + answer).decode(errors='replace')[:2000]}")
        return answer

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


async def make_jobs(connection: Connection, subject: dict[str, Any], jobs: int) -> list[float]:
    """Return the seconds from sending each job to knowing that it succeeded."""
    body, done = json.dumps(subject["body"]).encode(), subject["done"].encode()
    taken = []
    for _ in range(jobs):
        began = time.perf_counter()
        answer = await connection.send("POST", subject["path"], subject["headers"], body)
        if subject["poll"]:
            identifier: Any = json.loads(answer)
            for key in subject["id"]:
                identifier = identifier[key]
            path = subject["poll"].replace("{id}", str(identifier))
            while done not in (answer := await connection.send("GET", path, {}, b"")):  # noqa: ASYNC110 - as clients do
                await asyncio.sleep(POLL_PAUSE_SECONDS)
        elif done not in answer:
            raise SystemExit(f"{subject['name']}: unexpected answer {answer[:2000]!r}")
        taken.append(time.perf_counter() - began)
    return taken


async def poll(connection: Connection, path: str, until: float) -> list[float]:
    """Return the seconds of each poll."""
    taken = []
    while (began := time.perf_counter()) < until:
        await connection.send("GET", path, {}, b"")
        taken.append(time.perf_counter() - began)
    return taken


async def measure(task: dict[str, Any]) -> dict[str, Any]:
    """Return every latency and the wall seconds of the whole."""
    connections = [await Connection.open(task["url"], task["key"]) for _ in range(task["clients"])]
    began = time.perf_counter()
    if "poll" in task:
        until = began + task["seconds"]
        lists = await asyncio.gather(*(poll(one, task["poll"], until) for one in connections))
    else:
        share = max(1, task["requests"] // task["clients"])
        lists = await asyncio.gather(*(make_jobs(one, task["subject"], share) for one in connections))
    wall = time.perf_counter() - began
    for one in connections:
        await one.close()
    return {"seconds": [second for taken in lists for second in taken], "wall_seconds": wall}


if __name__ == "__main__":
    json.dump(asyncio.run(measure(json.load(sys.stdin))), sys.stdout)
