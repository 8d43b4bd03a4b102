"""Checkpoints in memory: who goes when there is no room, who stays, what is given back; and real ones, swapped often."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

import psutil
import torch

from gesso.engines.diffusers.about import NotWhole
from gesso.engines.diffusers.checkpoint import About, Checkpoint, Offload
from gesso.engines.diffusers.child.load import load
from gesso.engines.diffusers.child.loaded import CannotLoad, Loaded
from gesso.engines.diffusers.child.memory import CountingMemory, TorchMemory, ran_out
from gesso.engines.diffusers.child.residency import DEVICE_SHARE, HOST_SHARE, Budget, Residency, residency_of
from gesso.engines.diffusers.child.tools import Tell
from gesso.engines.diffusers.child_settings import ChildSettings
from gesso.engines.diffusers.needs import Needs, needs_of

HOST = 1000
WARM = 10  # swaps until the libraries have in memory what they keep
OUT = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")


class Part(torch.nn.Module):  # type: ignore[misc]  # the library has no types
    """A model of so many bytes."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(size, dtype=torch.uint8), requires_grad=False)


class Shelf:
    """A residency whose checkpoints are as large as their name says, and the order in which they were loaded."""

    def __init__(self, budget: int = 100, free: int = 1000) -> None:
        self.memory = CountingMemory(free)
        self.loads: list[str] = []
        self.failing: list[Exception] = []
        self.pipes: weakref.WeakSet[object] = weakref.WeakSet()
        self.residency = Residency(Budget(budget, HOST), self._load, self.memory, self._needs)

    def get(self, name: str, offload: Offload = "none") -> Loaded:
        return self.residency.get(checkpoint(name, offload), lambda done, total: None)

    def names(self) -> list[str]:
        return [one.target for one, _ in self.residency.held().checkpoints]

    def _needs(self, wanted: Checkpoint) -> Needs:
        size = int(wanted.target.partition(":")[2])
        return Needs(size) if wanted.offload == "none" else Needs(size // 4, size)

    def _load(self, wanted: Checkpoint, tell: Callable[[int, int], None]) -> Loaded:
        self.loads.append(wanted.target)
        size = int(wanted.target.partition(":")[2])
        pipe = SimpleNamespace(components={"transformer": Part(size)}, remove_all_hooks=lambda: None)
        self.pipes.add(pipe.components["transformer"])
        if self.failing:
            raise self.failing.pop(0)
        self.memory.free -= size
        return Loaded(pipe, About("FluxPipeline", ()), wanted, size, "cpu")


def checkpoint(name: str, offload: Offload = "none") -> Checkpoint:
    return Checkpoint(name, "FluxPipeline", Path("/weights"), offload=offload)


def test_what_is_loaded_is_not_loaded_again() -> None:
    shelf = Shelf()
    first = shelf.get("a:40")
    assert shelf.get("b:40") is not first
    assert shelf.get("a:40") is first
    assert shelf.loads == ["a:40", "b:40"]
    assert shelf.memory.given_back == 0


def test_those_used_longest_ago_go_first_and_no_more_than_needed() -> None:
    shelf = Shelf()
    for name in ("a:30", "b:30", "c:30", "a:30"):
        shelf.get(name)
    shelf.get("d:40")
    assert shelf.names() == ["c:30", "a:30", "d:40"]
    shelf.get("e:70")
    assert shelf.names() == ["e:70"]
    assert shelf.residency.held().used_bytes == 70
    assert shelf.residency.held().budget_bytes == 100


def test_room_is_made_before_the_load() -> None:
    shelf = Shelf()
    first = weakref.ref(shelf.get("a:80"))
    shelf.failing.append(CannotLoad("it is broken"))
    with pytest.raises(CannotLoad):
        shelf.get("b:80")
    assert first() is None
    assert shelf.names() == []


def test_pinned_ones_stay() -> None:
    shelf = Shelf()
    shelf.residency.keep(frozenset({"a:40"}))
    for name in ("a:40", "b:40", "c:40", "d:40"):
        shelf.get(name)
    assert shelf.names() == ["a:40", "d:40"]
    shelf.residency.keep(frozenset())
    shelf.get("e:90")
    assert shelf.names() == ["e:90"]


def test_no_room_beside_pinned_ones_is_said_and_nothing_unloaded() -> None:
    shelf = Shelf()
    shelf.residency.keep(frozenset({"a:40"}))
    shelf.get("a:40")
    shelf.get("b:40")
    with pytest.raises(CannotLoad, match=r"^c:70 takes .* no room beside what is kept loaded: .* may be used\.$"):
        shelf.get("c:70")
    assert shelf.names() == ["a:40", "b:40"]


def test_what_never_fits_is_said() -> None:
    shelf = Shelf()
    with pytest.raises(CannotLoad, match=r"^b:101 takes 0\.0 MiB of the device's memory, for which there is no room: "):
        shelf.get("b:101")
    assert shelf.loads == []


def test_more_goes_where_others_use_the_device_too() -> None:
    shelf = Shelf(budget=100, free=100)
    shelf.get("a:30")
    shelf.get("b:30")
    shelf.memory.free = 10
    shelf.get("c:30")
    assert shelf.names() == ["c:30"], "what was free would not have been enough, whatever the budget says"


def test_of_those_that_wait_in_main_memory_one_at_a_time_is_on_the_device() -> None:
    shelf = Shelf(budget=100)
    shelf.get("a:200", "model")  # 50 of them on the device at a time
    shelf.get("b:240", "model")  # 60
    shelf.get("c:40")
    assert shelf.names() == ["a:200", "b:240", "c:40"]
    assert shelf.residency.held().used_bytes == 100
    shelf.get("d:30")
    assert shelf.names() == ["c:40", "d:30"]
    assert shelf.residency.held().used_bytes == 70


def test_main_memory_has_its_own_budget() -> None:
    shelf = Shelf(budget=1000)
    shelf.get("a:600", "model")
    shelf.get("b:600", "model")
    assert shelf.names() == ["b:600"]
    with pytest.raises(CannotLoad, match="of main memory"):
        shelf.get("c:1001", "model")


def test_a_load_that_runs_out_of_memory_is_tried_once_more_alone() -> None:
    shelf = Shelf()
    shelf.residency.keep(frozenset({"p:10"}))
    for name in ("p:10", "a:20", "b:20"):
        shelf.get(name)
    shelf.failing.append(OUT)
    assert shelf.get("c:20").bytes == 20
    assert shelf.loads[-2:] == ["c:20", "c:20"]
    assert shelf.names() == ["p:10", "c:20"]
    assert shelf.memory.given_back == 2, "after the failure, and after the others went"
    assert len(shelf.pipes) == 2, "nothing of the failed load is left, nor of the others"


def test_running_out_of_memory_twice_fails_and_leaves_nothing() -> None:
    shelf = Shelf()
    shelf.get("a:20")
    shelf.failing += [OUT, MemoryError()]
    with pytest.raises(MemoryError):
        shelf.get("b:20")
    assert shelf.names() == []
    assert shelf.get("b:20").bytes == 20


def test_another_failure_is_not_tried_again() -> None:
    shelf = Shelf()
    shelf.get("a:20")
    shelf.failing.append(RuntimeError("shapes"))
    with pytest.raises(RuntimeError, match="shapes"):
        shelf.get("b:20")
    assert shelf.names() == ["a:20"]
    assert shelf.loads == ["a:20", "b:20"]
    assert shelf.memory.given_back == 1


def test_letting_go_of_one_or_all_the_pinned_too() -> None:
    shelf = Shelf()
    shelf.residency.keep(frozenset({"b:20"}))
    held = [shelf.get(name) for name in ("a:20", "b:20", "c:20")]
    shelf.residency.let_go("a:20")
    assert shelf.names() == ["b:20", "c:20"]
    shelf.residency.let_go("nobody")
    assert shelf.memory.given_back == 1
    shelf.residency.let_go()
    assert shelf.names() == []
    assert [one.pipe for one in held] == [None] * 3
    assert shelf.residency.held().used_bytes == 0


def test_whoever_holds_an_unloaded_pipeline_holds_no_weights() -> None:
    shelf = Shelf()
    pipe = shelf.get("a:20").pipe
    shelf.residency.let_go()
    assert pipe.components["transformer"].weight.numel() == 0


def test_broken_files_are_said_before_anything_goes() -> None:
    def broken(wanted: Checkpoint) -> Needs:
        raise NotWhole("its transformer is missing")

    residency = Residency(Budget(100, 100), lambda wanted, tell: pytest.fail("loaded"), CountingMemory(100), broken)
    with pytest.raises(CannotLoad, match=r"^a:1 cannot be loaded: its transformer is missing\.$"):
        residency.get(checkpoint("a:1"), lambda done, total: None)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OUT, True),
        (MemoryError(), True),
        (OSError(12, "Cannot allocate memory"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("size mismatch for weight"), False),
        (OSError(2, "No such file or directory"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_counts_as_running_out_of_memory(error: Exception, expected: bool) -> None:
    assert ran_out(error) is expected


def test_budgets_are_shares_unless_they_are_given() -> None:
    memory = TorchMemory("cpu")
    usual = residency_of(ChildSettings("cpu")).held()
    assert usual.budget_bytes == int(memory.device_bytes() * HOST_SHARE)
    assert residency_of(ChildSettings("cpu", memory_bytes=77)).held().budget_bytes == 77
    assert 0 < memory.free_bytes() <= psutil.virtual_memory().total
    assert HOST_SHARE < DEVICE_SHARE < 1


def test_memory_that_is_given_back_is_free_for_others() -> None:
    memory, process = TorchMemory("cpu"), psutil.Process()
    rows = [torch.ones(64 << 10) for _ in range(400)]  # 100 MiB in pieces that the C library keeps for itself
    with_them = process.memory_info().rss
    del rows
    memory.give_back()
    assert with_them - process.memory_info().rss > 80 << 20


@pytest.fixture(scope="module", autouse=True)
def quick_collection() -> Iterator[None]:
    """Leave what was there before these tests, the libraries, out of what is looked through for garbage each time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def test_fifty_swaps_leave_memory_as_it_was(tiny: Callable[[str], Path]) -> None:
    names = ("bria32", "hunyuan_image21")
    checkpoints = [Checkpoint(name, "FluxPipeline", tiny(name), precision="float32") for name in names]
    sizes = [needs_of(one).device_bytes for one in checkpoints]
    loads: list[str] = []

    def counted(wanted: Checkpoint, tell: Tell) -> Loaded:
        loads.append(wanted.target)
        return load(wanted, "cpu", tell)

    room = Budget(max(sizes) + min(sizes) // 2, 0)  # for the larger, and no other beside it
    residency = Residency(room, counted, TorchMemory("cpu"))
    process, models = psutil.Process(), weakref.WeakSet[object]()
    resident = []
    for number in range(50):
        held = residency.get(checkpoints[number % 2], lambda done, total: None)
        parts = [part for part in held.pipe.components.values() if isinstance(part, torch.nn.Module)]
        models.update(parts)
        assert len(models) == len(parts), "the other's parts are gone"
        del held, parts
        resident.append(process.memory_info().rss)
    assert len(loads) == 50
    lost = sum(sizes) * (50 - WARM) // 2
    assert max(resident[-4:]) - max(resident[:WARM]) < lost // 8, f"of {lost} bytes loaded since"
