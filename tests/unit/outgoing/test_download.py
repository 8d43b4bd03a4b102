"""Downloading into a file: the guards of `fetch`, and no file left of what did not come whole."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest
from local_server import by_path, fixed, response, serving

from gesso.domain.errors import ImageNotRetrievable
from gesso.outgoing.errors import BadUrl, BlockedAddress
from gesso.outgoing.fetch import Downloaded, Outgoing, Policy

HERE = Policy(allow=("127.0.0.1",), total_seconds=10, max_bytes=10)  # the policy's bytes are those of pictures
BODY = bytes(range(256)) * 12_000  # three megabytes: several writes


async def download(url: str, file: Path, most: int = 1 << 24, policy: Policy = HERE, **how: float) -> Downloaded:
    outgoing = Outgoing(policy)
    try:
        return await outgoing.download(url, file, most, **how)
    finally:
        await outgoing.aclose()


async def test_what_is_there_is_written_and_hashed(tmp_path: Path) -> None:
    answers = {"/a": response(status=302, location="/b"), "/b": response(BODY)}
    async with serving(by_path(answers)) as server:
        got = await download(f"{server.url}/a", tmp_path / "file")
    assert got == Downloaded(len(BODY), hashlib.sha256(BODY).hexdigest())
    assert (tmp_path / "file").read_bytes() == BODY


def left(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (response(BODY), "allowed 2000000 bytes"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + BODY, "allowed 2000000 bytes"),  # length not declared
        (response(b"x", status=404), "status 404"),
        (response(b"x", content_encoding="gzip"), "compressed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1900000\r\n\r\n" + BODY[:1_500_000], "broke off"),
        (response(status=302, location="http://127.0.0.2/"), "may not or cannot reach"),
        (response(status=302, location="file:///etc/passwd"), "may not or cannot reach"),
    ],
)
async def test_of_what_does_not_come_whole_no_file_is_left(answer: bytes, said: str, tmp_path: Path) -> None:
    async with serving(fixed(answer)) as server:
        with pytest.raises(ImageNotRetrievable, match=said):
            await download(server.url, tmp_path / "file", 2_000_000)
    assert left(tmp_path) == []


async def test_addresses_are_checked_as_for_pictures(tmp_path: Path) -> None:
    async with serving(fixed(response(BODY))) as server:
        with pytest.raises(BlockedAddress):
            await download(server.url, tmp_path / "file", policy=Policy())
    with pytest.raises(BadUrl):
        await download("file:///etc/passwd", tmp_path / "file")
    assert server.heads == []
    assert left(tmp_path) == []


async def test_its_own_time_is_kept(tmp_path: Path) -> None:
    async def never(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nx")
        await writer.drain()
        await asyncio.sleep(3600)

    async with serving(never) as server:
        with pytest.raises(ImageNotRetrievable, match=r"within 0\.2 seconds"):
            await download(server.url, tmp_path / "file", seconds=0.2)
    assert left(tmp_path) == []


async def test_cancelling_leaves_no_file(tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def never(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + BODY)
        await writer.drain()
        asked.set()
        await asyncio.sleep(3600)

    async with serving(never) as server:
        task = asyncio.create_task(download(server.url, tmp_path / "file"))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert left(tmp_path) == []


async def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    async with serving(fixed(response(BODY))) as server:
        with pytest.raises(FileExistsError):
            await download(server.url, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"mine"
