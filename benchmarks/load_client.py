"""A lean keep-alive HTTP client in a process of its own, so that measuring costs the server as little as possible.

    python load_client.py HOST PORT KEY CLIENTS REQUESTS

Each of CLIENTS connections sends its share of REQUESTS, one after the other; the seconds of each are printed as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from instant_engine import SIDE

BODY = json.dumps({"model": "gesso-sketch", "input": {"prompt": "a duck", "width": SIDE, "height": SIDE}}).encode()


def request_bytes(host: str, key: str) -> bytes:
    """Return the whole request that is sent again and again."""
    head = (
        f"POST /v1/jobs HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"
        f"Prefer: wait=60\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
    )
    return head.encode() + BODY


async def one_client(host: str, port: int, request: bytes, requests: int) -> list[float]:
    """Return the seconds each request took; raise when one was not answered with a finished job."""
    reader, writer = await asyncio.open_connection(host, port)
    taken = []
    try:
        for _ in range(requests):
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            lowered = head.lower()
            start = lowered.index(b"content-length:") + len(b"content-length:")
            body = await reader.readexactly(int(lowered[start : lowered.index(b"\r", start)]))
            taken.append(time.perf_counter() - began)
            if not head.startswith(b"HTTP/1.1 200") or b'"state":"succeeded"' not in body:
                raise SystemExit(f"unexpected answer: {(head + body).decode(errors='replace')[:2000]}")
    finally:
        writer.close()
        await writer.wait_closed()
    return taken


async def measure(host: str, port: int, key: str, clients: int, requests: int) -> dict[str, object]:
    """Run all clients at once; return every latency and the wall seconds of the whole."""
    request = request_bytes(f"{host}:{port}", key)
    share = max(1, requests // clients)
    began = time.perf_counter()
    lists = await asyncio.gather(*(one_client(host, port, request, share) for _ in range(clients)))
    wall = time.perf_counter() - began
    return {"seconds": [second for taken in lists for second in taken], "wall_seconds": wall}


if __name__ == "__main__":
    where, port_text, secret, client_count, request_count = sys.argv[1:]
    done = measure(where, int(port_text), secret, int(client_count), int(request_count))
    json.dump(asyncio.run(done), sys.stdout)
