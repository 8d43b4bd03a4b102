"""Tests of webhooks wait for strangers: however many are asked for, they leave the connections to the deliveries."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from open_server import open_server

AT_ONCE = 4


@asynccontextmanager
async def silent_receiver():
    """Listen, and answer nobody before `go`."""
    go, came = asyncio.Event(), asyncio.Semaphore(0)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        came.release()
        await go.wait()
        writer.write(b"HTTP/1.1 204 X\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", go, came
    finally:
        go.set()
        server.close()
        await server.wait_closed()


async def test_only_so_many_tests_of_an_account_wait_at_once(tmp_path):
    async with silent_receiver() as (url, go, came), open_server(tmp_path, outgoing_allow=("127.0.0.1",)) as server:
        webhook = (await server.client.post("/v1/webhooks", json={"url": url})).json()["id"]
        test = f"/v1/webhooks/{webhook}/test"
        waiting = [asyncio.create_task(server.client.post(test)) for _ in range(AT_ONCE)]
        for _ in waiting:
            await asyncio.wait_for(came.acquire(), 20)
        refused = await server.client.post(test)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        assert refused.headers["retry-after"] == "1"
        go.set()
        assert [answer.json()["delivered"] for answer in await asyncio.gather(*waiting)] == [True] * AT_ONCE
        assert (await server.client.post(test)).json()["delivered"] is True
