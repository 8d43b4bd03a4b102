"""What is taken as a LoRA file, told from its header; whatever else it is, it is refused in a sentence."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lora_bytes import NAME, file_of, header_of, lora

from gesso.engines.diffusers.loras.check import MAX_HEADER_BYTES, MAX_TENSORS, NoLora, check_lora, named

A, B = f"{NAME}.lora_A.weight", f"{NAME}.lora_B.weight"


def changed(name: str = A, **how: Any) -> dict[str, Any]:
    header = header_of()
    header[name] = header[name] | how
    return header


def test_a_right_file_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(lora())
    check_lora(file)
    assert len(named(file)) == 64


def test_files_of_the_library_are_taken_and_read_alike(tmp_path: Path) -> None:
    numpy = pytest.importorskip("safetensors.numpy", reason="needs the extra diffusers")
    import numpy as np

    numpy.save_file({"a.lora_A.weight": np.ones((2, 3), np.float16), "b": np.zeros((0, 4))}, tmp_path / "x")
    check_lora(tmp_path / "x")


BAD = {
    "empty": b"",
    "short": b"\x02\0\0",
    "pickle": pickle.dumps({"lora": 1}),
    "torch pickle": b"PK\x03\x04" + bytes(1000),
    "html": b"<!DOCTYPE html><html>lora</html>" * 20,
    "header longer than the file": file_of(header_of(), length=1 << 40),
    "header of all bits": b"\xff" * 200,
    "header of no bytes": file_of(b""),
    "header one too long": file_of(header_of(), length=len(json.dumps(header_of())) + 4),
    "no JSON": file_of(b"not json at all"),
    "bad UTF-8": file_of(b'{"lora\xff": 1}'),
    "nested without end": file_of(b"[" * 100_000),
    "a list": file_of([]),
    "NaN": file_of(b'{"lora": NaN}'),
    "a number of many digits": file_of(b'{"lora": ' + b"9" * 10_000 + b"}"),
    "a name twice": file_of(json.dumps(header_of()).replace("lora_B", "lora_A").encode()),
    "no tensors": file_of({}, b""),
    "metadata alone": file_of({"__metadata__": {"lora": "yes"}}, b""),
    "metadata of numbers": file_of(header_of() | {"__metadata__": {"lora": 1}}),
    "metadata a text": file_of(header_of() | {"__metadata__": "lora"}),
    "overlapping": file_of(header_of(shift=-32), bytes(96)),
    "a gap": file_of(header_of(shift=8), bytes(136)),
    "all at one place": file_of(changed(B, data_offsets=[0, 64]), bytes(64)),
    "cut off": file_of(header_of(), bytes(127)),
    "something behind": file_of(header_of(), bytes(129)),
    "larger than its shape": file_of(changed(shape=[2, 7])),
    "offsets turned round": file_of(changed(data_offsets=[64, 0])),
    "negative offsets": file_of(changed(data_offsets=[-64, 0])),
    "negative sides": file_of(changed(shape=[-2, -8])),
    "sides that multiply beyond counting": file_of(changed(shape=[1 << 60, 1 << 60])),
    "many sides": file_of(changed(shape=[1] * 15 + [16])),
    "sides that are no integers": file_of(changed(shape=[2.0, 8])),
    "sides that are booleans": file_of(changed(shape=[True, 16])),
    "offsets of three": file_of(changed(data_offsets=[0, 64, 64])),
    "an unknown kind": file_of(changed(dtype="F31")),
    "a kind that is no text": file_of(changed(dtype=["F32"])),
    "something more about a tensor": file_of(changed(more=1)),
    "a tensor that is a number": file_of(header_of() | {A: 5}),
    "whole model": file_of({"conv.weight": {"dtype": "F32", "shape": [32], "data_offsets": [0, 128]}}),
    "a layer of a large number": file_of(
        {"lora_unet_block_99999": {"dtype": "F32", "shape": [32], "data_offsets": [0, 128]}}
    ),
    "a long name": file_of({"lora" * 200: {"dtype": "F32", "shape": [32], "data_offsets": [0, 128]}}),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(name: str, tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(BAD[name])
    with pytest.raises(NoLora) as caught:
        check_lora(file)
    assert str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_a_header_of_many_megabytes_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "x"
    with file.open("wb") as stream:
        stream.write((90_000_000).to_bytes(8, "little"))
        stream.truncate(95_000_000)
    with pytest.raises(NoLora, match=f"at most {MAX_HEADER_BYTES}"):
        check_lora(file)


def test_more_tensors_than_any_lora_has(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(
        file_of(
            {
                f"lora_{i // 1000}_{i % 1000}": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}
                for i in range(MAX_TENSORS + 1)
            },
            b"",
        )
    )
    with pytest.raises(NoLora, match="tensors"):
        check_lora(tmp_path / "x")


def test_a_zip_of_a_model_is_refused_as_pickled(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as made:
        made.writestr("archive/data.pkl", pickle.dumps(print))
    with pytest.raises(NoLora, match="pickled"):
        check_lora(tmp_path / "x.pt")


@given(st.binary(max_size=400), st.integers(0, 300), st.binary(min_size=1, max_size=8))
def test_damaged_files_are_taken_or_refused_and_nothing_else(junk: bytes, at: int, damage: bytes) -> None:
    import tempfile

    right = lora()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "x")
        for data in (junk, right[:at] + damage + right[at + len(damage) :]):
            file.write_bytes(data)
            try:
                check_lora(file)
            except NoLora as error:
                assert str(error)
            else:
                _, header = int.from_bytes(data[:8], "little"), data[8:]
                assert b"lora" in header.lower()
