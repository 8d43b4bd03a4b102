"""Reports read for long where there are many jobs: one at a time, so that there are connections left for the rest."""

import asyncio
import threading
import time

from open_server import open_server

from gesso.server import spending


async def test_one_report_is_read_at_a_time(tmp_path, monkeypatch):
    lock, reading, most = threading.Lock(), 0, 0

    def read(*_):
        nonlocal reading, most
        with lock:
            reading += 1
            most = max(most, reading)
        time.sleep(0.05)
        with lock:
            reading -= 1
        return []

    monkeypatch.setattr(spending, "account_report", read)
    async with open_server(tmp_path) as server:
        answers = await asyncio.gather(*(server.client.get("/v1/credits/report") for _ in range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert most == 1
