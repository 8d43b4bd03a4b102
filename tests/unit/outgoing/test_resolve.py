"""Names to addresses: side by side, and a name server that never answers keeps no process from ending."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from ipaddress import ip_address

import pytest

from gesso.outgoing import resolve
from gesso.outgoing.resolve import SystemResolver

HANGS = """
import asyncio, threading
from gesso.outgoing import resolve

asked = threading.Event()

def hang(*_):
    asked.set()
    threading.Event().wait()

resolve._ask_system = hang

async def main():
    resolver = resolve.SystemResolver()
    waiting = asyncio.create_task(resolver("a.example", 80))
    await asyncio.to_thread(asked.wait)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    resolver.close()

asyncio.run(main())
print("ended")
"""


def test_a_lookup_that_hangs_keeps_no_process_from_ending():
    ended = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "ended\n"


async def test_names_are_looked_up_side_by_side_on_few_threads(monkeypatch):
    together, seen = threading.Barrier(3), set()

    def ask(host, port):
        seen.add(threading.current_thread().name)
        together.wait(20)
        return ["192.0.2.1", "192.0.2.1", "192.0.2.2"]

    monkeypatch.setattr(resolve, "_ask_system", ask)
    resolver = SystemResolver(3)
    found = await asyncio.gather(*(resolver("a.example", 80) for _ in range(6)))
    resolver.close()
    assert found == [[ip_address("192.0.2.1"), ip_address("192.0.2.2")]] * 6
    assert len(seen) == 3


async def test_a_name_that_there_is_not_is_an_error_for_who_asked(monkeypatch):
    def ask(host, port):
        raise OSError("no such name")

    monkeypatch.setattr(resolve, "_ask_system", ask)
    resolver = SystemResolver()
    with pytest.raises(OSError, match="no such name"):
        await resolver("a.example", 80)
    resolver.close()


async def test_who_waits_when_it_is_closed_gets_no_answer(monkeypatch):
    go = threading.Event()
    monkeypatch.setattr(resolve, "_ask_system", lambda host, port: go.wait(20) and [])
    resolver = SystemResolver(1)
    first, second = (asyncio.create_task(resolver("a.example", 80)) for _ in range(2))
    await asyncio.sleep(0.05)
    resolver.close()
    with pytest.raises(asyncio.CancelledError):
        await second
    go.set()
    assert await first == []
