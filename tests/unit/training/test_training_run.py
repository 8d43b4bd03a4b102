"""Training, export and the judge, each for a few steps: they run, resume, and the export says what torch says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.training

TRAINING = Path(__file__).parents[3] / "training"


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TRAINING / script), *arguments]
    calm = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}  # waiting threads leave the cores to whatever else runs
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=calm)


def test_train_resume_and_export(tmp_path: Path) -> None:
    first = run("train.py", "--samples", "64", "--out", str(tmp_path))
    assert first.returncode == 0, first.stderr
    assert (tmp_path / "checkpoint.pt").exists()
    again = run("train.py", "--samples", "96", "--out", str(tmp_path))
    assert "resumed at step 2" in again.stdout
    assert not (tmp_path / "checkpoint.partial").exists()

    weights = tmp_path / "weights"
    exported = run("export.py", "--checkpoint", str(tmp_path / "checkpoint.pt"), "--out", str(weights))
    assert exported.returncode == 0, exported.stderr
    assert "step 3" in exported.stdout
    assert (weights / "sketch.onnx").stat().st_size <= 40_000_000

    from gesso.engines.builtin.network import OnnxNetwork
    from gesso.engines.builtin.sampler import Condition, denoise, draw_noise
    from gesso.engines.builtin.vocabulary import load_vocabulary

    vocabulary = load_vocabulary(weights)
    unsaid = Condition(vocabulary.no_noun, vocabulary.no_colour)
    network = OnnxNetwork(weights / "sketch.onnx")
    layers = list(denoise(network, draw_noise(0, 0, 64), [Condition(0, 0)], unsaid, steps=2, guidance=2.0))
    assert layers[-1].shape == (1, 4, 64, 64)


def test_an_export_that_strays_from_torch_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    import export
    from network import Sketch
    from sprites import COLOURS, read_objects

    network = Sketch(len(read_objects()), len(COLOURS))
    checkpoint = tmp_path / "checkpoint.pt"
    torch.save({"averaged": network.state_dict(), "step": 1}, checkpoint)
    monkeypatch.setattr(export, "largest_difference", lambda *_: 1e-3)
    monkeypatch.setattr(sys, "argv", ["export.py", "--checkpoint", str(checkpoint), "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit, match="not exported"):
        export.main()
    assert list((tmp_path / "out").iterdir()) == []


def test_the_judge_trains_resumes_and_runs_without_torch(tmp_path: Path) -> None:
    def judged(steps: int) -> subprocess.CompletedProcess[str]:
        target = str(tmp_path / "recogniser.onnx")
        return run("recognise.py", "--out", str(tmp_path), "--steps", str(steps), "--validate", "1", "--target", target)

    first = judged(2)
    assert first.returncode == 0, first.stderr
    assert "held out: nouns right" in first.stdout
    again = judged(3)
    assert again.returncode == 0, again.stderr
    assert "resumed at step 2" in again.stdout

    import numpy as np

    from judge import Judge
    from parts import Box
    from sprites import COLOURS, read_objects

    judge = Judge(tmp_path / "recogniser.onnx")
    assert judge.nouns == (*read_objects(), "")
    assert judge.colours == COLOURS
    nouns, colours = judge.opinions(np.zeros((80, 90, 3), np.uint8), [Box(0, 0, 40, 40), Box(60, 50, 100, 90)])
    np.testing.assert_allclose(nouns.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(colours.sum(1), 1, rtol=1e-5)


@pytest.mark.heavy
def test_a_toy_of_every_network_trains() -> None:
    made = subprocess.run(
        ["make", "-C", str(TRAINING), "smoke"], capture_output=True, text=True, check=False, timeout=300
    )
    assert made.returncode == 0, made.stdout + made.stderr
