"""Turn a checkpoint into what the package ships: sketch.onnx and vocabulary.json.

    python training/export.py --checkpoint training/runs/sketch/checkpoint.pt

The graph computes one network call, clean = net(layer, noise, noun, colour), in fp32 with a dynamic batch; the sampler
is NumPy code in the package. Weights are rounded to half precision and stored in it (`half.py`). The export is compared
with torch and the same rounded weights, and refused when they differ by 1e-4 or more.
"""

from __future__ import annotations

import argparse
import json
import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from half import halve, rounded
from network import Sketch
from sprites import COLOURS, SIDE, read_objects

WEIGHTS = Path(__file__).parent.parent / "src/gesso/engines/builtin/weights"
OPSET = 17
INPUTS = ("layer", "noise", "noun", "colour")
TOLERANCE = 1e-4
LARGEST_FILE = 40_000_000  # bytes; what the package may carry
DEFAULTS = {"steps": 12, "guidance": 2.0}


def load_network(checkpoint: Path) -> tuple[Sketch, int]:
    """Return the network with its averaged weights, rounded to half precision, and the step they were saved at."""
    saved = torch.load(checkpoint, weights_only=True)
    network = Sketch(len(read_objects()), len(COLOURS))
    network.load_state_dict(saved["averaged"])
    return rounded(network).eval(), int(saved["step"])


def example(network: Sketch, batch: int, seed: int) -> tuple[torch.Tensor, ...]:
    """Return random inputs of the right shapes, the "not said" indices among them."""
    dice = torch.Generator().manual_seed(seed)
    return (
        torch.randn(batch, 4, SIDE, SIDE, generator=dice),
        torch.rand(batch, generator=dice),
        torch.randint(0, network.nouns + 1, (batch,), generator=dice),
        torch.randint(0, network.colours + 1, (batch,), generator=dice),
    )


def write_graph(network: Sketch, target: Path) -> None:
    """Write the ONNX file of a network whose weights are rounded."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter is the older of two; its graph is the smaller one
        torch.onnx.export(
            network,
            example(network, batch=2, seed=0),
            str(target),
            input_names=list(INPUTS),
            output_names=["clean"],
            dynamic_axes={name: {0: "batch"} for name in (*INPUTS, "clean")},
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load(str(target))
    halve(model)
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


def largest_difference(network: Sketch, target: Path) -> float:
    """Return how far ONNX Runtime strays from torch over a few batches of several sizes."""
    session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
    worst = 0.0
    for batch in (1, 2, 5):
        inputs = example(network, batch, seed=batch)
        with torch.no_grad():
            expected = network(*inputs).numpy()
        got = session.run(None, {name: part.numpy() for name, part in zip(INPUTS, inputs, strict=True)})[0]
        worst = max(worst, float(np.abs(got - expected).max()))
    return worst


def vocabulary(network: Sketch, step: int) -> dict[str, object]:
    """Return what the engine must know beside the weights: words, shapes, defaults, where they come from."""
    nouns = [
        {
            "word": word,
            "synonyms": entry["synonyms"],
            "size": entry.get("size", 1.0),
            "floats": entry.get("floats", False),
            "home": entry.get("home", []),
        }
        for word, entry in read_objects().items()
    ]
    facts = {
        "parameters": sum(part.numel() for part in network.parameters()),
        "steps": step,
        "data": "Noto Color Emoji, SIL Open Font Licence 1.1",
    }
    return {
        "version": 1,
        "side": SIDE,
        "nouns": nouns,
        "colours": list(COLOURS),
        "defaults": DEFAULTS,
        "training": facts,
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--checkpoint", type=Path, default=Path("training/runs/sketch/checkpoint.pt"))
    arguments.add_argument("--out", type=Path, default=WEIGHTS)
    options = arguments.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    network, step = load_network(options.checkpoint)

    target, partial = options.out / "sketch.onnx", options.out / "sketch.partial"
    write_graph(network, partial)
    difference, size = largest_difference(network, partial), partial.stat().st_size
    if difference >= TOLERANCE or size > LARGEST_FILE:
        partial.unlink()
        raise SystemExit(f"not exported: differs from torch by {difference:.1e}, {size / 1e6:.1f} MB")
    partial.replace(target)
    text = json.dumps(vocabulary(network, step), indent=1, ensure_ascii=False)
    (options.out / "vocabulary.json").write_text(text + "\n", encoding="utf-8")
    print(f"{target}: step {step}, {size / 1e6:.1f} MB, within {difference:.1e} of torch")


if __name__ == "__main__":
    main()
