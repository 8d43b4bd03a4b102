"""Weights in half precision: nothing but their rounding is lost, and the file is half as large."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.training


def exported(folder: Path) -> tuple[Any, Path]:
    """A rounded network whose weights are no zeros (which would prove nothing), and its file."""
    import torch

    import export
    import half
    from network import Sketch

    torch.manual_seed(4)
    sketch = Sketch(5, 3).eval()
    with torch.no_grad():
        for parameter in sketch.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
    sketch = half.rounded(sketch)
    export.write_graph(sketch, folder / "sketch.onnx")
    return sketch, folder / "sketch.onnx"


def test_rounding_makes_a_copy_that_half_precision_holds() -> None:
    import torch

    import half

    layer = torch.nn.Linear(30, 20)
    before = layer.weight.detach().clone()
    twin = half.rounded(layer)
    torch.testing.assert_close(layer.weight.detach(), before, rtol=0, atol=0)
    assert not torch.equal(twin.weight, layer.weight)
    torch.testing.assert_close(twin.weight.half().float(), twin.weight, rtol=0, atol=0)
    assert (twin.weight - layer.weight).abs().max() <= before.abs().max() * 2**-11


def test_every_parameter_is_in_the_file_to_the_bit_and_tables_are_not_rounded(tmp_path: Path) -> None:
    import onnx

    import half
    from start import exported_weights

    sketch, target = exported(tmp_path)
    found = exported_weights(target, blocks=len(sketch.blocks))
    parameters = dict(sketch.named_parameters())
    assert set(parameters) <= set(found)
    for name, parameter in parameters.items():
        np.testing.assert_array_equal(found[name].numpy().reshape(parameter.shape), parameter.detach().numpy())
    rates = sketch.rates.numpy()
    assert not np.array_equal(rates.astype(np.float16).astype(np.float32), rates)
    stored = half.stored_tensors(onnx.load(str(target)))
    assert any(numbers.size == rates.size and np.array_equal(numbers.ravel(), rates) for numbers in stored.values())


def test_the_file_computes_what_torch_computes_and_takes_two_bytes_a_weight(tmp_path: Path) -> None:
    import export
    from gesso.engines.builtin.network import OnnxNetwork

    sketch, target = exported(tmp_path)
    assert export.largest_difference(sketch, target) < export.TOLERANCE
    weights = sum(parameter.numel() for parameter in sketch.parameters())
    assert 2 * weights < target.stat().st_size < 2 * weights + 200_000
    layers = np.random.default_rng(1).standard_normal((2, 4, 64, 64), dtype=np.float32)
    clean = OnnxNetwork(target)(layers, np.array([0.5, 0.9], np.float32), np.array([0, 5]), np.array([1, 3]))
    assert (clean.shape, clean.dtype) == (layers.shape, np.float32)
    assert clean.std() > 0.01
