"""What is read on first use: once, by whoever comes first, and again after a failure."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from gesso.domain.errors import EngineFailed
from gesso.engines.builtin.first_use import OnFirstUse


def test_eight_threads_at_once_read_it_once() -> None:
    reads: list[object] = []
    together = Barrier(8)

    def read() -> object:
        reads.append(object())
        return reads[-1]

    thing = OnFirstUse(read, failed="no")

    def get(_: int) -> object:
        together.wait(10)
        return thing.get()

    assert not reads
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(get, range(8))) == {reads[0]}
    assert len(reads) == 1
    thing.forget()
    assert thing.get() is reads[1]


def test_a_failure_is_told_in_plain_words_and_not_remembered() -> None:
    answers = [OSError("/secret/path"), ValueError("bad"), "there"]

    def read() -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    thing = OnFirstUse(read, failed="It could not be read.")
    for kind in (OSError, ValueError):
        with pytest.raises(EngineFailed, match=r"^It could not be read\.$") as failure:
            thing.get()
        assert isinstance(failure.value.__cause__, kind)
    assert thing.get() == "there"
