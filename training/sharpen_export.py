"""Turn a checkpoint of sharpen.py into what the package ships: sharpen.onnx.

    python training/sharpen_export.py --checkpoint training/runs/sharpen/checkpoint.pt

As with export.py, weights are stored in half precision, computed with in single, and compared with torch.
"""

from __future__ import annotations

import argparse
import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from half import halve, rounded
from sharpen_network import Sharpen
from sprites import SIDE

TARGET = Path(__file__).parent.parent / "src/gesso/engines/builtin/weights/sharpen.onnx"
OPSET = 17
TOLERANCE = 1e-4
LARGEST_FILE = 2 << 20  # bytes


def load_network(checkpoint: Path) -> tuple[Sharpen, int]:
    """Return the network with its averaged weights, rounded to half precision, and the step they were saved at."""
    saved = torch.load(checkpoint, weights_only=True)
    network = Sharpen(len(saved["averaged"]["noun.weight"]))
    network.load_state_dict(saved["averaged"])
    return rounded(network).eval(), int(saved["step"])


def example(network: Sharpen, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return random inputs of the right shapes."""
    dice = torch.Generator().manual_seed(batch)
    layers = torch.rand(batch, 4, SIDE, SIDE, generator=dice) * 2 - 1
    return layers, torch.randint(0, network.nouns, (batch,), generator=dice)


def write_graph(network: Sharpen, target: Path) -> None:
    """Write the ONNX file of a network whose weights are rounded."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter is the older of two; its graph is the smaller one
        torch.onnx.export(
            network,
            example(network, batch=2),
            str(target),
            input_names=["layer", "noun"],
            output_names=["sharp"],
            dynamic_axes={name: {0: "batch"} for name in ("layer", "noun", "sharp")},
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load(str(target))
    halve(model)
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


def largest_difference(network: Sharpen, target: Path) -> float:
    """Return how far ONNX Runtime strays from torch over a few batches of several sizes."""
    session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
    worst = 0.0
    for batch in (1, 2, 5):
        layers, nouns = example(network, batch)
        with torch.no_grad():
            expected = network(layers, nouns).numpy()
        got = session.run(None, {"layer": layers.numpy(), "noun": nouns.numpy()})[0]
        worst = max(worst, float(np.abs(got - expected).max()))
    return worst


def export(checkpoint: Path, target: Path) -> str:
    """Write the file and return what was written, in words; `SystemExit` where it is not good enough to ship."""
    network, step = load_network(checkpoint)
    partial = target.with_suffix(".partial")
    write_graph(network, partial)
    difference, size = largest_difference(network, partial), partial.stat().st_size
    if difference >= TOLERANCE or size > LARGEST_FILE:
        partial.unlink()
        raise SystemExit(f"not exported: differs from torch by {difference:.1e}, {size / 1e6:.2f} MB")
    partial.replace(target)
    return f"{target}: step {step}, {size / 1e6:.2f} MB, within {difference:.1e} of torch"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--checkpoint", type=Path, default=Path("training/runs/sharpen/checkpoint.pt"))
    arguments.add_argument("--out", type=Path, default=TARGET)
    options = arguments.parse_args()
    print(export(options.checkpoint, options.out))


if __name__ == "__main__":
    main()
