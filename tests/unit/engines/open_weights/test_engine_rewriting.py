"""Prompts are written out where the request wants that and a rewriter is set up; the report says so."""

from __future__ import annotations

from functools import partial

import pytest
from engines_of_noise import TARGET, task, weights

from gesso.domain.errors import ContentRefused
from gesso.domain.events import Note, Task
from gesso.domain.picture import RawPicture
from gesso.engines.diffusers.engine import DiffusersEngine
from gesso.engines.diffusers.engine_settings import EngineSettings
from gesso.engines.diffusers.launch import Thread
from gesso.engines.diffusers.rewriter import RewriterSettings


class Writer:
    """Writes every prompt out to one that the process of noise refuses."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.closed = False

    async def written_out(self, prompt, operation):
        self.asked.append((prompt, operation))
        return f"{prompt} unsafe", Note("expanded", "It was.", {"prompt": f"{prompt} unsafe"})

    async def close(self):
        self.closed = True


def engine_of(folder, rewriter: RewriterSettings | None) -> DiffusersEngine:
    settings = EngineSettings(folder, {TARGET: weights(folder / "flux")}, devices=("cpu",))
    return DiffusersEngine(settings, rewriter=rewriter, launch=partial(Thread, main="fake_child:run"))


async def hear(engine: DiffusersEngine, asked: Task, told: list[object]) -> None:
    async for event in engine.run(asked):
        told.append(event)  # noqa: PERF401 - what came before a failure counts


async def test_the_words_it_writes_are_painted(tmp_path):
    engine, writer = engine_of(tmp_path, RewriterSettings("http://127.0.0.1:9/v1")), Writer()
    engine._rewriter = writer
    assert engine.able(task().route) == {"expand_prompt"}
    asked = task("a cat")
    asked.route.arguments["expand_prompt"] = True
    told: list[object] = []
    with pytest.raises(ContentRefused):  # the words that were written are refused
        await hear(engine, asked, told)
    assert [note.code for note in told if isinstance(note, Note)] == ["expanded"]
    assert writer.asked == [("a cat", "generate")]
    assert [type(event) async for event in engine.run(task("a cat"))].count(RawPicture) == 1
    assert len(writer.asked) == 1
    await engine.close()
    assert writer.closed


async def test_without_one_the_words_stay(tmp_path):
    engine, asked = engine_of(tmp_path, None), task("a cat")
    asked.route.arguments["expand_prompt"] = True
    assert engine.able(asked.route) == frozenset()
    assert [type(event) async for event in engine.run(asked)].count(RawPicture) == 1
    await engine.close()
