"""The built-in engine with its packaged weights: it draws, repeats itself exactly, and fails clearly without them."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gesso.domain.errors import EngineFailed
from gesso.domain.events import Note, Progress, Task
from gesso.domain.picture import DecodedPicture, RawPicture
from gesso.domain.request import Request, RouteChoice
from gesso.engines.builtin.engine import BuiltinEngine
from gesso.engines.builtin.vocabulary import WEIGHTS_FOLDER, load_vocabulary

ROUTE = RouteChoice(engine="builtin", fidelity="exact", runs="gesso-sketch")


def task(prompt: str, *, seed: int = 11, count: int = 1, image: DecodedPicture | None = None, **arguments: Any) -> Task:
    request = Request(
        model="gesso-sketch", operation="edit" if image else "generate", prompt=prompt, count=count, seed=seed
    )
    given = {"prompt": prompt, "width": 128, "height": 128, "steps": 4, **arguments}
    return Task("job", request, ROUTE.model_copy(update={"arguments": given}), image=image)


async def paint(engine: BuiltinEngine, asked: Task) -> list[RawPicture]:
    return [event async for event in engine.run(asked) if isinstance(event, RawPicture)]


async def hashes(engine: BuiltinEngine, asked: Task) -> list[str]:
    return [picture.pixel_hash() for picture in await paint(engine, asked)]


async def test_ready_with_the_packaged_weights_and_they_are_small() -> None:
    assert BuiltinEngine().readiness(ROUTE).ready
    assert sum(file.stat().st_size for file in WEIGHTS_FOLDER.iterdir()) <= 40_000_000


async def test_without_weights_it_says_so_and_fails_clearly(tmp_path: Path) -> None:
    engine = BuiltinEngine(weights=tmp_path)
    readiness = engine.readiness(ROUTE)
    assert not readiness.ready
    assert "missing" in readiness.reason
    assert str(tmp_path) not in readiness.reason
    with pytest.raises(EngineFailed, match="could not be read"):
        await paint(engine, task("a duck"))


async def test_broken_weights_fail_clearly(tmp_path: Path) -> None:
    (tmp_path / "sketch.onnx").write_bytes(b"not a network")
    (tmp_path / "vocabulary.json").write_bytes((WEIGHTS_FOLDER / "vocabulary.json").read_bytes())
    with pytest.raises(EngineFailed, match="could not be loaded") as failure:
        await paint(BuiltinEngine(weights=tmp_path), task("a duck"))
    assert str(tmp_path) not in failure.value.message


async def test_the_same_request_gives_the_same_pixels_alone_in_a_batch_and_after_others() -> None:
    engine = BuiltinEngine()
    alone = await hashes(engine, task("a red duck and a cat", seed=13))
    batch = await hashes(engine, task("a red duck and a cat", seed=11, count=4))
    await hashes(engine, task("a house on the grass", guidance=5.0))
    assert batch[2] == alone[0]
    assert await hashes(engine, task("a red duck and a cat", seed=13)) == alone
    assert await hashes(BuiltinEngine(), task("a red duck and a cat", seed=13)) == alone
    assert len(set(batch)) == 4


async def test_a_new_process_gives_the_same_pixels() -> None:
    program = (
        "import asyncio, sys; sys.path.insert(0, sys.argv[1]); import test_builtin_engine as here\n"
        "print(asyncio.run(here.hashes(here.BuiltinEngine(), here.task('a blue star', seed=3)))[0])"
    )
    command = [sys.executable, "-c", program, str(Path(__file__).parent)]
    other = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True, timeout=120)
    assert other.stdout.strip() == (await hashes(BuiltinEngine(), task("a blue star", seed=3)))[0]


async def test_colours_arrive() -> None:
    engine = BuiltinEngine()
    for colour, channel in (("red", 0), ("green", 1), ("blue", 2)):
        (picture,) = await paint(engine, task(f"a {colour} heart on a white background", steps=8))
        middle = picture.pixels[48:80, 48:80].reshape(-1, 3).mean(0)
        assert middle.argmax() == channel
        assert middle.max() - np.sort(middle)[1] > 40, (colour, middle)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"steps": 2}, {"steps": 12}),
        ({"guidance": 1.0}, {"guidance": 4.0}),
        ({"guidance": 2.0}, {"guidance": 2.0, "negative_prompt": "orange"}),
        ({"guidance": 2.0}, {"guidance": 2.0, "negative_prompt": "a bear"}),
        ({"seed": 1}, {"seed": 2}),
    ],
)
async def test_every_parameter_has_a_real_effect(first: dict[str, Any], second: dict[str, Any]) -> None:
    engine = BuiltinEngine()
    prompt = "a cat on a white background"
    (one,), (other,) = await paint(engine, task(prompt, **first)), await paint(engine, task(prompt, **second))
    difference = np.abs(one.pixels.astype(int) - other.pixels).mean()
    assert difference > 0.3, difference


async def test_strength_keeps_more_or_less_of_the_place() -> None:
    image = DecodedPicture(np.full((128, 128, 3), (40, 90, 200), np.uint8), None, "png")
    engine = BuiltinEngine()
    changes = []
    for strength in (1.0, 0.5, 0.1, 0.02):
        (picture,) = await paint(engine, task("add a big yellow star", image=image, strength=strength, steps=8))
        changes.append(np.abs(picture.pixels.astype(int) - image.rgb).mean())
    assert 0 < changes[3] < changes[2] < min(changes[:2])
    assert changes[3] < 1  # near nothing: there is no jump between 0 and a little
    assert changes[0] != changes[1]


async def test_closing_stops_and_leaves_no_thread() -> None:
    engine = BuiltinEngine()
    running = engine.run(task("ten ducks", steps=50))
    async for event in running:
        if isinstance(event, Progress):
            break
    await running.aclose()
    for thread in threading.enumerate():
        if thread.name.startswith("builtin"):
            thread.join(10)
            assert not thread.is_alive()
    await engine.close()
    assert len(await paint(engine, task("a duck"))) == 1  # it comes back


async def test_regions_are_told() -> None:
    found = [event async for event in BuiltinEngine().run(task("a duck")) if isinstance(event, Note)]
    (region,) = [note.data for note in found if note.code == "region"]
    assert region["object"] == "duck"
    assert region["width"] > 40
    assert region["height"] > 40


def test_importing_the_engine_loads_no_onnxruntime() -> None:
    program = "import sys, gesso.engines.builtin.engine; print('onnxruntime' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"


def test_the_vocabulary_is_what_the_issue_asks_for() -> None:
    assert len(load_vocabulary().nouns) >= 40
