"""LoRAs fetched from a server on this machine: what is allowed, what is kept, what fails and how that is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from lora_bytes import file_of, header_of, lora
from lora_library import ALL, asked, left, library, refusal

from gesso.domain.errors import EngineFailed, OperatorError
from gesso.engines.diffusers.lora import LoraAsked
from gesso.engines.diffusers.loras.references import loras_asked
from gesso.outgoing.fetch import Policy
from unit.outgoing.local_server import by_path, fixed, response, serving


async def test_a_link_is_fetched_once_and_kept(tmp_path: Path) -> None:
    async with serving(fixed(response(lora()))) as server, library(tmp_path) as made:
        link = asked(f"{server.url}/style.safetensors", 0.6)
        async with made.used([link, link]) as uses:
            assert [use.scale for use in uses] == [0.6, 0.6]
            assert uses[0].ready.path.read_bytes() == lora()
        again = await made.ready(link)
    assert again == uses[0].ready
    assert server.paths == ["/style.safetensors"]
    async with library(tmp_path) as later:  # after a restart, and with the server gone
        assert await later.ready(link) == again


async def test_what_was_fetched_long_ago_is_fetched_again(tmp_path: Path) -> None:
    bodies = iter([lora(1), lora(2)])

    async def answer(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(response(next(bodies)))

    async with serving(answer) as server, library(tmp_path, fresh_seconds=-1) as made:
        first, second = [await made.ready(asked(server.url + "/x")) for _ in range(2)]
    assert first.sha256 != second.sha256


async def test_equal_requests_at_once_download_once(tmp_path: Path) -> None:
    go, begun = asyncio.Event(), asyncio.Event()

    async def slow(_: str, writer: asyncio.StreamWriter) -> None:
        begun.set()
        await go.wait()
        writer.write(response(lora()))

    async with serving(slow) as server, library(tmp_path) as made:
        tasks = [asyncio.create_task(made.ready(asked(server.url + "/x"))) for _ in range(5)]
        await begun.wait()
        tasks[0].cancel()  # the others still want it
        await asyncio.sleep(0)
        go.set()
        got = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(got[0], asyncio.CancelledError)
    assert len({one.sha256 for one in got[1:]}) == 1  # type: ignore[union-attr]
    assert len(server.heads) == 1


async def test_a_download_that_nobody_waits_for_any_more_is_stopped(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def never(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + lora()[:50])
        await writer.drain()
        begun.set()
        await asyncio.sleep(3600)

    async with serving(never) as server, library(tmp_path) as made:
        tasks = [asyncio.create_task(made.ready(asked(server.url + "/x"))) for _ in range(2)]
        await begun.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await made.close()
        assert left(tmp_path) == []


async def test_a_failure_is_told_to_all_who_wait_and_tried_anew_by_the_next(tmp_path: Path) -> None:
    bodies = iter([response(b"x", status=503), response(lora())])

    async def answer(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(next(bodies))

    async with serving(answer) as server, library(tmp_path) as made:
        link = asked(server.url + "/x")
        got = await asyncio.gather(made.ready(link), made.ready(link), return_exceptions=True)
        assert [isinstance(one, EngineFailed) for one in got] == [True, True]
        assert "status 503" in str(got[0])
        assert (await made.ready(link)).size_bytes == len(lora())


async def test_the_cache_keeps_within_its_bytes_and_never_removes_what_is_used(tmp_path: Path) -> None:
    answers = {f"/{i}": response(lora(i, 10_000)) for i in range(4)}
    size = len(lora(0, 10_000))
    async with serving(by_path(answers)) as server, library(tmp_path, cache_bytes=2 * size) as made:
        links = [asked(f"{server.url}/{i}") for i in range(4)]
        async with made.used(links[:3]) as uses:
            assert all(use.ready.path.exists() for use in uses)  # more than allowed, but all in use
            await made.ready(links[3])
            assert all(use.ready.path.exists() for use in uses)
        assert len(left(tmp_path)) == 2
        async with made.used([links[0]]) as (use,):
            assert use.ready.path.exists()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (response(b"<html>no</html>" * 99), "no safetensors file"),
        (response(b"PK\x03\x04" + bytes(500)), "pickled"),
        (response(file_of(header_of(shift=-32), bytes(96))), "overlap"),
        (response(file_of(header_of(), length=1 << 60)), "no safetensors file"),
        (response(lora(0, 60_000)), "more than the allowed 50000 bytes"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + lora(0, 60_000), "more than the allowed 50000 bytes"),
        (response(b"", status=401), "status 401"),
        (response(status=302, location="http://127.0.0.2:1/"), "may not or cannot reach"),
    ],
)
async def test_what_is_no_lora_or_too_large_leaves_nothing(answer: bytes, said: str, tmp_path: Path) -> None:
    async with serving(fixed(answer)) as server, library(tmp_path, file_bytes=50_000) as made:
        message = await refusal(made, server.url + "/x", tmp_path)
    assert message.startswith("loras[0] could not be had: ")
    assert said in message


async def test_time_is_limited(tmp_path: Path) -> None:
    async def never(_: str, __: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3600)

    async with serving(never) as server, library(tmp_path, seconds=0.2) as made:
        assert "within 0.2 seconds" in await refusal(made, server.url + "/x", tmp_path)


async def test_links_to_this_machine_are_refused_before_anything_is_asked(tmp_path: Path) -> None:
    async with serving(fixed(response(lora()))) as server, library(tmp_path, Policy()) as made:
        for link in (
            server.url,
            f"http://localhost:{server.port}/x",
            "http://169.254.169.254/x",
            "http://user:p@a.test/x",
        ):
            assert made.why_not(asked(link)) is not None
            await refusal(made, link, tmp_path)
    assert server.heads == []


async def test_no_room_is_told_without_a_path(tmp_path: Path) -> None:
    (tmp_path / "loras").write_text("a file where the folder should be")
    async with serving(fixed(response(lora()))) as server, library(tmp_path) as made:
        with pytest.raises(EngineFailed) as caught:
            await made.ready(asked(server.url + "/x"))
    assert caught.value.message == "loras[0] could not be had: there is no room for it here now."


# What is allowed


@pytest.mark.parametrize(
    ("sources", "reference", "allowed"),
    [
        ({"url"}, "http://127.0.0.1:1/x", True),
        ({"url"}, "owner/name", False),
        ({"url"}, "https://huggingface.co/owner/name", False),
        ({"url"}, "civitai:5", False),
        ({"hub"}, "owner/name", True),
        ({"hub"}, "http://127.0.0.1:1/x", False),
        ({"civitai"}, "civitai:5", True),
        ({"civitai"}, "owner/name", False),
        (set(), "http://127.0.0.1:1/x", False),
        (ALL, "unknown-name", False),
    ],
)
async def test_sources(sources: set[str], reference: str, allowed: bool, tmp_path: Path) -> None:
    async with library(tmp_path, sources=frozenset(sources)) as made:
        reason = made.why_not(asked(reference))
        assert (reason is None) == allowed
        if reason is not None:
            assert reason.startswith("loras[0]")
            assert await refusal(made, reference, tmp_path) == reason


async def test_registered_names(tmp_path: Path) -> None:
    file = tmp_path / "style.safetensors"
    file.write_bytes(lora(1))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "pytorch_lora_weights.safetensors").write_bytes(lora(2))
    (folder / "other.safetensors").write_bytes(lora(3))
    async with serving(
        by_path({"/o/n/resolve/main/l.safetensors": response(lora(4)), "/x": response(lora(5))})
    ) as server:
        names = {
            "file": str(file),
            "folder": str(folder),
            "hub": "o/n/l.safetensors",
            "link": f"{server.url}/x",
            "some/body": str(file),  # instead of the hub's
            "gone": str(tmp_path / "gone.safetensors"),
            "wrong": str(tmp_path / "wrong.safetensors"),
        }
        (tmp_path / "wrong.safetensors").write_bytes(b"secret words of the operator, long enough to be a header")
        async with library(tmp_path, sources=frozenset(), registered=names, hub=server.url) as made:
            for name, number in (("file", 1), ("folder", 2), ("hub", 4), ("link", 5), ("some/body", 1)):
                assert made.why_not(asked(name)) is None
                assert (await made.ready(asked(name))).path.read_bytes() == lora(number)
            assert made.why_not(asked("gone")) == 'loras[0]: the file of "gone" is not there.'
            with pytest.raises(EngineFailed) as caught:
                await made.ready(asked("wrong"))
            assert str(tmp_path) not in caught.value.message
            assert "secret" not in caught.value.message
            file.write_bytes(lora(6))
            assert (await made.ready(asked("file"))).path.read_bytes() == lora(6)
            assert made.why_not(asked(f"{server.url}/x")) is not None  # named by the asker, it is not allowed
            assert (await made.local(folder)).size_bytes == len(lora(2))
            with pytest.raises(EngineFailed) as caught:
                await made.local(tmp_path / "gone")
            assert str(tmp_path) not in caught.value.message


@pytest.mark.parametrize("value", ["just-a-name", "", "a/b/c.bin", "file:///x"])
async def test_a_registered_name_that_stands_for_nothing_is_told_at_the_start(value: str, tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="style"):
        async with library(tmp_path, registered={"style": value}):
            pass


@pytest.mark.parametrize("name", ["", "../style", "a,b", "C:style", "🦊"])
async def test_a_name_that_no_request_can_say_is_told_at_the_start(name: str, tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="no request can name"):
        async with library(tmp_path, registered={name: "/weights/style.safetensors"}):
            pass


@pytest.mark.parametrize("name", ["Füchse im Schnee", "лиса"])
async def test_a_name_of_any_script_can_be_asked_for(name: str, tmp_path: Path) -> None:
    (tmp_path / "style.safetensors").write_bytes(lora(1))
    async with library(tmp_path, registered={name: str(tmp_path / "style.safetensors")}) as made:
        (wanted,) = loras_asked({"loras": [{"path": name}]})
        assert made.why_not(wanted) is None
        assert (await made.ready(wanted)).size_bytes == len(lora(1))


async def test_an_adapter_of_a_models_file(tmp_path: Path) -> None:
    (tmp_path / "night.safetensors").write_bytes(lora(1))

    def adapter(path: str) -> LoraAsked:
        return loras_asked({"adapter": {"name": "night", "path": path, "scale": 0.4}})[0]

    answers = by_path({"/o/n/resolve/main/l.safetensors": response(lora(4))})
    async with serving(answers) as server, library(tmp_path, sources=frozenset(), hub=server.url) as made:
        for path, number in ((str(tmp_path / "night.safetensors"), 1), ("o/n/l.safetensors", 4)):
            assert made.why_not(adapter(path)) is None
            async with made.used([adapter(path)]) as (use,):
                assert use.ready.path.read_bytes() == lora(number)
                assert use.scale == 0.4
        for path in (str(tmp_path / "gone"), "no-name", "file:///x"):
            reason = made.why_not(adapter(path))
            assert reason is not None
            assert path not in reason
            with pytest.raises(EngineFailed):
                await made.ready(adapter(path))
