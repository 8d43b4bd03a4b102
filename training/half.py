"""Exported weights in half precision: stored in two bytes a number, read as single, so that arithmetic stays fp32.

A network is rounded first; then every tensor of its graph that half precision holds exactly is stored so, followed by a
cast that ONNX Runtime carries out once, when it loads the file. What half precision does not hold (tables of the code,
which are no weights) stays as it is. So the file computes what the rounded network computes, to the last bits of fp32.
"""

from __future__ import annotations

import copy

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

SMALLEST_TENSOR = 64  # numbers; a cast for fewer would be longer than what it saves
_STORED = ".half"


def rounded(network: nn.Module) -> nn.Module:
    """Return a copy of a network with its parameters (not its buffers) rounded to what half precision holds."""
    twin = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.copy_(parameter.half().float())
    return twin


def halve(model: onnx.ModelProto) -> None:
    """Store in half precision, in place, every larger tensor that loses nothing by it."""
    casts = []
    for tensor in model.graph.initializer:
        numbers = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or numbers.size < SMALLEST_TENSOR:
            continue
        with np.errstate(over="ignore"):
            half = numbers.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), numbers):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, name + _STORED))
        casts.append(helper.make_node("Cast", [name + _STORED], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def stored_tensors(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Return the float tensors of a graph, halved or not, as float32 under the names its nodes use."""
    floats = [one for one in model.graph.initializer if one.data_type in (TensorProto.FLOAT, TensorProto.FLOAT16)]
    return {one.name.removesuffix(_STORED): numpy_helper.to_array(one).astype(np.float32) for one in floats}
