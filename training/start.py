"""Begin a training run on the weights of an exported file: what it learnt of shapes serves nouns it never saw.

Exported graphs keep most tensors under their own names; matrices of linear layers are stored transposed and nameless in
the order they are used, and so are the factors and offsets of group norms.
"""

from __future__ import annotations

from pathlib import Path

import onnx
import torch

from half import stored_tensors
from network import Sketch

_GROUP_NORMS = ("fine_down", "coarse_down", "coarse_up", "fine_up")  # in the order of the graph
_MATRICES = ("qkv", "attention_out", "mlp.0", "mlp.2")


def exported_weights(path: Path, blocks: int) -> dict[str, torch.Tensor]:
    """Return the tensors of an exported sketch.onnx under the names of `network.Sketch`."""
    model = onnx.load(str(path))
    tensors = {name: torch.from_numpy(numbers) for name, numbers in stored_tensors(model).items()}
    found = {name: tensor for name, tensor in tensors.items() if not name.startswith("onnx::")}
    used = [name for node in model.graph.node for name in node.input if name.startswith("onnx::") and name in tensors]
    matrices = [tensors[name].T for name in used if "MatMul" in name]
    factors = [tensors[name].flatten() for name in used if "MatMul" not in name]
    names = [f"blocks.{block}.{layer}.weight" for block in range(blocks) for layer in _MATRICES]
    found |= dict(zip(names, matrices, strict=True))
    norms = [f"{layer}.norm{n}.{part}" for layer in _GROUP_NORMS for n in (1, 2) for part in ("weight", "bias")]
    return found | dict(zip(norms, factors, strict=True))


def begin_with(network: Sketch, path: Path, nouns: int) -> None:
    """Copy an exported file's weights into a network that may know more nouns; its first `nouns` are the file's.

    Nouns that are new, and maps of nouns where the file has none, keep the values they begin with.
    """
    weights = exported_weights(path, len(network.blocks))
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name not in weights:
                continue
            value = weights[name]
            if name in ("noun.weight", "token_code.weight", "coarse_code.weight"):
                parameter[:nouns] = value[:nouns]
                parameter[-1] = value[-1]
                if name == "noun.weight" and len(parameter) > nouns + 1:  # new words begin near the middle of the old
                    parameter[nouns:-1] = value[:nouns].mean(0) + 0.5 * value[:nouns].std(0) * torch.randn_like(
                        parameter[nouns:-1]
                    )
            else:
                parameter.copy_(value)
