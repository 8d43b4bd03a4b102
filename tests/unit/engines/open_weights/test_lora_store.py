"""The cache of LoRA files: by content, the least recently used go, those in use stay."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from gesso.engines.diffusers.lora import LoraReady
from gesso.engines.diffusers.loras.store import LoraStore


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def kept(store: LoraStore, reference: str, data: bytes) -> LoraReady:
    """Take a file in and let it go again."""
    ready = taken(store, reference, data)
    store.let_go(ready)
    store.tidy()
    return ready


def taken(store: LoraStore, reference: str, data: bytes) -> LoraReady:
    partial = store.partial()
    partial.write_bytes(data)
    ready = store.add(partial, sha256(data).hexdigest(), reference)
    store.tidy()
    return ready


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir() if file.is_file()}


def test_a_file_is_found_by_what_led_to_it(tmp_path: Path) -> None:
    store = LoraStore(tmp_path, 1000)
    ready = kept(store, "a", b"x" * 10)
    assert ready.path.read_bytes() == b"x" * 10
    assert ready.size_bytes == 10
    assert ready.path.stem == ready.sha256
    assert store.find("a", 60) == ready
    assert store.find("b", 60) is None
    assert LoraStore(tmp_path, 1000).find("a", 60) == ready  # after a restart


def test_what_is_old_is_not_found(tmp_path: Path) -> None:
    clock = Clock()
    store = LoraStore(tmp_path, 1000, clock)
    kept(store, "a", b"x")
    clock.now += 100
    assert store.find("a", 90) is None
    assert store.find("a", 200) is not None


def test_equal_files_are_one(tmp_path: Path) -> None:
    store = LoraStore(tmp_path, 1000)
    assert kept(store, "a", b"x").path == kept(store, "b", b"x").path
    assert len(names(tmp_path)) == 1


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    store = LoraStore(tmp_path, 30, Clock())
    for reference in ("a", "b", "c"):
        kept(store, reference, reference.encode() * 10)
    assert store.find("a", 1e9) is not None  # used now
    kept(store, "d", b"d" * 10)
    assert [reference for reference in "abcd" if store.find(reference, 1e9)] == ["a", "c", "d"]
    assert len(list((tmp_path / "of").iterdir())) == 3  # what led to the removed one is gone too


def test_what_is_in_use_stays_until_it_is_let_go(tmp_path: Path) -> None:
    store = LoraStore(tmp_path, 10, Clock())
    first = taken(store, "a", b"a" * 10)
    assert store.hold(first)
    second = taken(store, "b", b"b" * 10)
    kept(store, "c", b"c" * 10)
    assert first.path.exists()
    assert second.path.exists()
    assert store.find("c", 1e9) is None
    store.let_go(first)
    store.tidy()
    assert first.path.exists()  # held twice
    store.let_go(first)
    store.tidy()
    assert not first.path.exists()
    assert second.path.exists()
    assert not store.hold(first)


def test_a_file_that_another_process_uses_stays(tmp_path: Path) -> None:
    theirs, ours = LoraStore(tmp_path, 10, Clock()), LoraStore(tmp_path, 10, Clock())
    used = taken(theirs, "a", b"a" * 10)
    again = taken(ours, "a", b"a" * 10)  # the same bytes came there too
    ours.let_go(again)
    kept(ours, "b", b"b" * 10)
    assert used.path.exists()
    theirs.let_go(used)
    ours.tidy()
    assert names(tmp_path) <= {used.path.name, f"{sha256(b'b' * 10).hexdigest()}.safetensors"}
    assert len(names(tmp_path)) == 1


def test_one_larger_than_all_is_kept_while_it_is_used(tmp_path: Path) -> None:
    store = LoraStore(tmp_path, 10)
    ready = taken(store, "a", b"a" * 50)
    assert ready.path.exists()
    store.let_go(ready)
    store.tidy()
    assert names(tmp_path) == set()


def test_broken_notes_and_lost_files_are_as_if_there_were_none(tmp_path: Path) -> None:
    store = LoraStore(tmp_path, 100)
    ready = kept(store, "a", b"a")
    (note,) = (tmp_path / "of").iterdir()
    for text in ("", "[]", "null", '{"sha256": 5, "fetched": 0}', '{"sha256": "x"}'):
        note.write_text(text)
        assert store.find("a", 1e12) is None
    kept(store, "a", b"a")
    ready.path.unlink()
    assert store.find("a", 1e12) is None


def test_leftovers_of_a_process_that_died_go_after_a_day(tmp_path: Path) -> None:
    clock = Clock()
    store = LoraStore(tmp_path, 100, clock)
    old, new = tmp_path / "old.partial", tmp_path / "new.partial"
    for file in (old, new):
        file.write_bytes(b"x")
    os.utime(old, (clock.now - 90_000, clock.now - 90_000))
    os.utime(new, (clock.now, clock.now))
    store.partial()
    assert names(tmp_path) == {"new.partial"}
