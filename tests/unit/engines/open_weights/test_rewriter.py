"""Prompts written out by a chat endpoint, and left as they are where it gives nothing of use."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gesso.engines.diffusers.rewriter import MOST_CHARACTERS, PromptRewriter, RewriterSettings
from unit.outgoing.local_server import response

KEY = "sk-secret-of-the-operator"


class Chat:
    """A chat endpoint that gives its answers in turn, the last one for ever."""

    def __init__(self, *answers: bytes) -> None:
        self.answers, self.asked, self.heads, self.port = list(answers), list[Any](), list[str](), 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-length:"))
            self.heads.append(head)
            self.asked.append(json.loads(await reader.readexactly(length)))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            writer.write(answer)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def rewriter(chat: Chat, **how: Any) -> AsyncIterator[PromptRewriter]:
    server = await asyncio.start_server(chat.handle, "127.0.0.1", 0)
    chat.port = server.sockets[0].getsockname()[1]
    made = PromptRewriter(RewriterSettings(f"http://127.0.0.1:{chat.port}/v1/", "small", KEY, **how))
    try:
        yield made
    finally:
        await made.close()
        server.close()


def says(content: Any, finish: str = "stop", **more: Any) -> bytes:
    choice = {"message": {"role": "assistant", "content": content} | more, "finish_reason": finish}
    return response(json.dumps({"choices": [choice]}).encode())


@pytest.mark.parametrize("operation", ["generate", "edit"])
async def test_a_prompt_is_written_out_and_noted(operation: Any) -> None:
    chat = Chat(says("A red fox in fresh snow, low sun."))
    async with rewriter(chat) as made:
        prompt, note = await made.written_out("a fox", operation)
    assert prompt == "A red fox in fresh snow, low sun."
    assert (note.code, note.data) == ("expanded", {"prompt": prompt})
    assert chat.heads[0].startswith("POST /v1/chat/completions ")
    assert f"authorization: bearer {KEY}" in chat.heads[0].lower()
    (wish,) = chat.asked
    assert wish["model"] == "small"
    assert [message["role"] for message in wish["messages"]] == ["system", "user"]
    assert wish["messages"][1]["content"] == "a fox"
    assert ("edit" in wish["messages"][0]["content"]) == (operation == "edit")


async def test_the_same_prompt_is_asked_once_for_each_operation() -> None:
    chat = Chat(says("one"), says("two"))
    async with rewriter(chat) as made:
        found = [(await made.written_out("a fox", operation))[0] for operation in ("generate", "generate", "edit")]
    assert found == ["one", "one", "two"]
    assert len(chat.asked) == 2


async def test_models_that_take_no_temperature_are_asked_without() -> None:
    chat = Chat(response(b"{}", status=400), says("written"))
    async with rewriter(chat) as made:
        assert (await made.written_out("a fox", "generate"))[0] == "written"
    assert ["temperature" in wish for wish in chat.asked] == [True, False]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('  "A fox."\n', "A fox."),
        ('"A" and "B"', '"A" and "B"'),
        ("<think>hm, a fox\nred?</think>\n\nA fox.", "A fox."),
        ("A\x00 fox\x1b", "A  fox"),
        ("A fox \ud83e runs", "A fox   runs"),
    ],
)
async def test_what_surrounds_the_words_is_left_out(said: str, words: str) -> None:
    async with rewriter(Chat(says(said))) as made:
        assert (await made.written_out("a fox", "generate"))[0] == words


@pytest.mark.parametrize(
    "answer",
    [
        response(b"", status=401),
        response(b"", status=500),
        response(b"", status=400),
        response(status=302, location="http://127.0.0.1:1/"),
        response(b"<html>"),
        response(b"[" * 100_000),
        response(b"[]"),
        response(b'{"choices": []}'),
        response(b'{"choices": [{"message": {"content": null}}]}'),
        response(b" " * (2 << 20)),
        says(""),
        says("<think>nothing</think>"),
        says([{"type": "text"}]),
        says("cut in the mid", finish="length"),
        says("no", finish="content_filter"),
        says("no", refusal="I cannot"),
        says("x" * (MOST_CHARACTERS + 1)),
        b"nonsense\r\n\r\n",
        b"",
    ],
)
async def test_where_nothing_of_use_comes_the_prompt_stays_and_the_note_says_so(answer: bytes) -> None:
    chat = Chat(answer)
    async with rewriter(chat) as made:
        prompt, note = await made.written_out("a fox", "generate")
        assert prompt == "a fox"
        assert note.code == "not_expanded"
        assert note.message.startswith("The prompt was not expanded: ")
        for secret in (KEY, "127.0.0.1", str(chat.port)):
            assert secret not in note.message
        chat.answers = [says("written")]
        assert (await made.written_out("a fox", "generate"))[0] == "written"  # a failure is not remembered


async def test_a_redirect_never_takes_the_key_along() -> None:
    other = Chat(says("stolen"))
    async with rewriter(other):
        chat = Chat(response(status=307, location=f"http://127.0.0.1:{other.port}/v1/chat/completions"))
        async with rewriter(chat) as made:
            assert (await made.written_out("a fox", "generate"))[1].code == "not_expanded"
    assert other.asked == []


async def test_time_is_limited_and_nobody_there_is_no_failure() -> None:
    async def never(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await gone.wait()
        writer.close()

    gone = asyncio.Event()
    server = await asyncio.start_server(never, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    slow = PromptRewriter(RewriterSettings(f"http://127.0.0.1:{port}/v1", seconds=0.2))
    assert (await slow.written_out("a fox", "generate"))[1].code == "not_expanded"
    gone.set()
    server.close()
    await server.wait_closed()
    assert (await slow.written_out("a fox", "generate"))[1].code == "not_expanded"
    await slow.close()


async def test_no_words_are_not_asked_about() -> None:
    chat = Chat(says("x"))
    async with rewriter(chat) as made:
        assert (await made.written_out("  ", "generate"))[1].code == "not_expanded"
    assert chat.asked == []


@pytest.mark.parametrize("key", ["line\nbreak", "schlüssel", "ключ"])
async def test_a_key_that_no_header_can_hold_is_no_failure(key: str) -> None:
    made = PromptRewriter(RewriterSettings("http://127.0.0.1:1/v1", key=key))
    assert (await made.written_out("a fox", "generate"))[1].code == "not_expanded"
    await made.close()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:99999/v1", "http://a b/v1", "nonsense", "http://[::1/v1", "http://localhost:1"]
)
async def test_an_address_that_is_none_is_no_failure_of_a_job(url: str) -> None:
    made = PromptRewriter(RewriterSettings(url))
    assert (await made.written_out("a fox", "generate"))[1].code == "not_expanded"
    await made.close()


def test_settings_do_not_show_the_key() -> None:
    assert KEY not in repr(RewriterSettings("http://x/v1", "m", KEY))
