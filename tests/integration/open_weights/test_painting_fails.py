"""What goes wrong with a picture is said of its job; the next picture is what it would have been."""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

import torch
from equality import checkpoint, order
from painting import Shelf, pixels, told, tools

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.child.loaded import CannotLoad, Refused
from gesso.engines.diffusers.child.siblings import pipeline_for
from gesso.engines.diffusers.child.troubles import Problem, problem_of
from gesso.engines.diffusers.messages import Failed, FromChild
from gesso.engines.diffusers.order import Order

Tiny = Callable[[str], Path]


@pytest.fixture
def one(tiny: Tiny) -> Order:
    return order(checkpoint(tiny("flux1_dev")))


def failed(messages: list[FromChild]) -> Failed:
    assert not pixels(messages)
    last = messages[-1]
    assert isinstance(last, Failed), last
    assert sum(isinstance(message, Failed) for message in messages) == 1
    return last


def raising(error: BaseException, *, part: str = "transformer", run: int = 2) -> Any:
    """Return what makes pipelines of whose parts one raises in one of its runs."""

    @contextmanager
    def made(loaded: Any, call: Any) -> Any:
        runs = iter(range(1, 1000))

        def hook(*_: Any) -> None:
            if next(runs) == run:
                raise error

        handle = loaded.part(part).register_forward_pre_hook(hook)
        try:
            with pipeline_for(loaded, call) as pipe:
                yield pipe
        finally:
            handle.remove()

    return made


def allocate_too_much(*_: Any, **__: Any) -> None:
    torch.empty(1 << 60, dtype=torch.uint8)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        MemoryError(),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.0 GiB)"),
    ],
)
def test_without_memory_everything_is_let_go_and_the_next_picture_is_painted(one: Order, error: Exception) -> None:
    shelf = Shelf()
    before = pixels(told([one], tools(shelf)))[0]
    loaded = weakref.ref(shelf.loaded[one.checkpoint].pipe)
    problem = failed(told([one], tools(shelf, pipeline_for=raising(error))))
    assert problem.trouble == "out_of_memory"
    assert shelf.let_go_of == [None]
    gc.collect()
    assert loaded() is None, "somebody still holds the weights"
    assert np.array_equal(pixels(told([one], tools(shelf)))[0], before)


def test_an_allocation_that_is_too_large_runs_out_of_memory(one: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf()
    told([one], tools(shelf))
    monkeypatch.setattr(shelf.loaded[one.checkpoint].pipe.vae, "decode", allocate_too_much)
    assert failed(told([one], tools(shelf))).trouble == "out_of_memory"


def test_a_pipeline_that_only_warns_of_it_runs_out_of_memory_too(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sana's says that tiling might help, and then fails at something else."""
    from gesso.engines.diffusers.child.quiet import quieten

    sana = order(checkpoint(tiny("sana")), width=64, height=64)
    shelf = Shelf()
    told([sana], tools(shelf))

    def decode(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(shelf.loaded[sana.checkpoint].pipe.vae, "decode", decode)
    quieten()
    assert failed(told([sana], tools(shelf))).trouble == "out_of_memory"


def test_a_picture_that_found_no_room_beside_other_checkpoints_is_painted_alone(tiny: Tiny, one: Order) -> None:
    shelf = Shelf()
    before = pixels(told([one], tools(shelf)))[0]
    told([order(checkpoint(tiny("sd15")))], tools(shelf))

    @contextmanager
    def crowded(loaded: Any, call: Any) -> Any:
        if len(shelf.loaded) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        with pipeline_for(loaded, call) as pipe:
            yield pipe

    assert np.array_equal(pixels(told([one], tools(shelf, pipeline_for=crowded)))[0], before)
    assert shelf.let_go_of == [None]


def test_what_finds_no_room_to_be_loaded_beside_pinned_ones_is_painted_alone(tiny: Tiny, one: Order) -> None:
    class Pinned(Shelf):
        def get(self, checkpoint: Any, tell: Any) -> Any:
            if checkpoint == one.checkpoint and self.loaded:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return super().get(checkpoint, tell)

    shelf = Pinned()
    told([order(checkpoint(tiny("sd15")))], tools(shelf))
    assert pixels(told([one], tools(shelf)))
    assert shelf.let_go_of == [None]


def test_memory_that_is_not_enough_to_load_is_said(one: Order) -> None:
    class Small(Shelf):
        def get(self, checkpoint: Any, tell: Any) -> Any:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    assert failed(told([one], tools(Small()))).trouble == "out_of_memory"


def test_after_a_mistake_the_checkpoint_is_loaded_anew(one: Order, caplog: pytest.LogCaptureFixture) -> None:
    shelf = Shelf()
    before = pixels(told([one], tools(shelf)))[0]
    with caplog.at_level(logging.ERROR):
        problem = failed(told([one], tools(shelf, pipeline_for=raising(KeyError("latents")))))
    assert problem.trouble == "mistake"
    assert "latents" not in problem.message
    assert caplog.records[-1].exc_info
    assert "KeyError: 'latents'" in caplog.text
    assert shelf.let_go_of == [one.checkpoint.target]
    assert np.array_equal(pixels(told([one], tools(shelf)))[0], before)


def test_what_cannot_be_carried_out_is_said_as_it_is(one: Order) -> None:
    @contextmanager
    def refusing(*_: Any) -> Any:
        raise Refused("This LoRA is for another model.")
        yield

    shelf = Shelf()
    problem = failed(told([one], tools(shelf, with_loras=refusing)))
    assert (problem.trouble, problem.message) == ("refused", "This LoRA is for another model.")
    masked = replace(one, mask=np.zeros((32, 48), np.uint8))
    assert failed(told([masked], tools(shelf))).trouble == "refused", "a mask without a picture"
    assert shelf.let_go_of == []


def test_weights_that_are_not_there_are_said(one: Order, tmp_path: Path) -> None:
    nowhere = replace(one, checkpoint=replace(one.checkpoint, path=tmp_path / "nowhere"))
    problem = failed(told([nowhere], tools()))
    assert problem.trouble == "cannot_load"
    assert str(tmp_path) not in problem.message


@pytest.mark.parametrize(("part", "worst"), [("vae", float("nan")), ("transformer", float("inf"))])
def test_numbers_that_are_none_are_no_black_picture(one: Order, part: str, worst: float) -> None:
    shelf = Shelf()
    before = pixels(told([one], tools(shelf)))[0]
    model = shelf.loaded[one.checkpoint].part(part)
    model = model.decoder if part == "vae" else model

    def overflow(_module: Any, _args: Any, made: Any) -> Any:
        return made * worst if isinstance(made, torch.Tensor) else (made[0] * worst,)

    handle = model.register_forward_hook(overflow)
    problem = failed(told([one], tools(shelf)))
    handle.remove()
    assert problem.trouble == "refused"
    assert "no picture" in problem.message
    assert np.array_equal(pixels(told([one], tools(shelf)))[0], before)


def test_a_broken_device_ends_the_process(one: Order) -> None:
    broken = RuntimeError("CUDA error: an illegal memory access was encountered")
    with pytest.raises(RuntimeError, match="illegal memory"):
        told([one], tools(pipeline_for=raising(broken)))


def test_one_of_several_orders_that_fails_leaves_the_others(one: Order) -> None:
    other = replace(one, job="other", mask=np.zeros((32, 48), np.uint8))
    messages = told([other, one], tools())
    assert len(pixels(messages)) == 1
    assert [(said.job, said.trouble) for said in messages if isinstance(said, Failed)] == [("other", "refused")]


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (CannotLoad("it lacks a part"), "cannot_load"),
        (EngineFailed("it takes no picture"), "refused"),
        (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), "out_of_memory"),
        (ValueError("shapes"), "mistake"),
    ],
)
def test_exceptions_are_troubles(error: Exception, trouble: str) -> None:
    problem = problem_of(error)
    assert isinstance(problem, Problem)
    assert problem.trouble == trouble


def test_what_an_error_came_of_counts() -> None:
    try:
        try:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        except torch.OutOfMemoryError:
            raise UserWarning("Try to use VAE tiling")  # noqa: B904  # as the library says it
    except UserWarning as error:
        assert problem_of(error).trouble == "out_of_memory"
