"""The second network's training: what it is shown, how it enlarges before it has learnt, that it trains and exports."""

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.training

TRAINING = Path(__file__).parents[3] / "training"


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TRAINING / script), *arguments]
    calm = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}  # waiting threads leave the cores to whatever else runs
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=calm)


def few_sprites(side: int) -> object:
    """Three nouns in their own colours."""
    import sprites

    pixels = {}
    for noun, glyph in enumerate("🦆🐈🌳"):
        drawn = sprites.render(glyph, side)
        premultiplied = np.concatenate([drawn[..., :3] * drawn[..., 3:], drawn[..., 3:]], -1)
        for colour in range(len(sprites.COLOURS)):
            pixels[noun, colour] = (premultiplied * 255 + 0.5).astype(np.uint8)
    return sprites.Sprites(("duck", "cat", "tree"), pixels)


def test_pairs_are_one_thing_in_two_sizes_and_the_same_for_the_same_seed() -> None:
    import sharpen

    pairs = sharpen.Pairs(few_sprites(sharpen.SOURCE_SIDE), seed=5)
    small, large, nouns = pairs.batch(12)
    assert (small.shape, large.shape) == ((12, 4, 64, 64), (12, 4, 128, 128))
    assert small.dtype == large.dtype == np.float32
    assert min(small.min(), large.min()) >= -1
    assert max(small.max(), large.max()) <= 1
    assert set(nouns.tolist()) == {0, 1, 2}
    shrunk = large.reshape(12, 4, 64, 2, 64, 2).mean((3, 5))
    assert np.abs(small - shrunk).mean() < 0.06  # made imperfect, still the same
    assert not np.array_equal(small, shrunk)
    again = sharpen.Pairs(few_sprites(sharpen.SOURCE_SIDE), seed=5).batch(12)
    for first, second in zip((small, large, nouns), again, strict=True):
        np.testing.assert_array_equal(first, second)


def test_an_untrained_network_enlarges_as_pillow_does_and_steeper() -> None:
    import torch
    from PIL import Image

    import sharpen
    from sharpen_network import Sharpen

    _, large, _ = sharpen.Pairs(few_sprites(sharpen.SOURCE_SIDE), seed=2).batch(4)
    small = torch.from_numpy(large.reshape(4, 4, 64, 2, 64, 2).mean((3, 5)))
    network = Sharpen(3)
    image = Image.fromarray(small[1, 0].numpy()).resize((128, 128), Image.Resampling.BICUBIC)
    np.testing.assert_allclose(
        network.bicubic(small)[1, 0].numpy()[4:-4, 4:-4], np.asarray(image)[4:-4, 4:-4], atol=1e-5
    )
    plain, steep = (
        sharpen.loss_of(one, torch.from_numpy(large)) for one in (network.bicubic(small), network.enlarge(small))
    )
    assert steep < 0.9 * plain
    with torch.no_grad():
        np.testing.assert_array_equal(network(small, torch.zeros(4, dtype=torch.int64)), network.enlarge(small))


def test_a_few_steps_take_back_what_was_spoilt() -> None:
    import torch

    import sharpen

    pairs, training = sharpen.Pairs(few_sprites(sharpen.SOURCE_SIDE), seed=1), sharpen.Run(3)
    torch.nn.init.normal_(training.network.conv_out.bias, std=0.1)
    batch = [torch.from_numpy(part) for part in pairs.batch(4)]
    losses = [float(training.learn(*batch, rate=1e-3)) for _ in range(20)]
    assert losses[-1] < 0.8 * losses[0]


def test_it_trains_resumes_and_exports(tmp_path: Path) -> None:
    first = run("sharpen.py", "--samples", "16", "--out", str(tmp_path))
    assert first.returncode == 0, first.stderr
    again = run("sharpen.py", "--samples", "24", "--out", str(tmp_path))
    assert "resumed at step 2" in again.stdout
    target = tmp_path / "sharpen.onnx"
    exported = run("sharpen_export.py", "--checkpoint", str(tmp_path / "checkpoint.pt"), "--out", str(target))
    assert exported.returncode == 0, exported.stderr
    assert "step 3" in exported.stdout
    assert target.stat().st_size <= 2 << 20

    from gesso.engines.builtin.sharpen import OnnxSharpen

    sharp = OnnxSharpen(target)(np.full((2, 4, 64, 64), -1, np.float32), np.array([0, 276]))
    assert sharp.shape == (2, 4, 128, 128)


def test_an_export_that_strays_from_torch_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    import sharpen_export
    from sharpen_network import Sharpen

    checkpoint = tmp_path / "checkpoint.pt"
    torch.save({"averaged": Sharpen(3).state_dict(), "step": 1}, checkpoint)
    monkeypatch.setattr(sharpen_export, "largest_difference", lambda *_: 1e-3)
    with pytest.raises(SystemExit, match="not exported"):
        sharpen_export.export(checkpoint, tmp_path / "sharpen.onnx")
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pt"]


@pytest.mark.parametrize("word", ["duck", "cat", "car", "clock", "strawberry", "house"])
def test_the_shipped_network_comes_nearer_to_the_real_sprite_and_as_crisp(word: str) -> None:
    import cv2

    import sharpen
    from gesso.engines.builtin.enlarge import enlarge
    from gesso.engines.builtin.sharpen import OnnxSharpen
    from sharpen_export import TARGET
    from sharpen_sheet import edge_energy, premultiplied, shown
    from sprites import Pose, read_objects

    objects = read_objects()
    sprite, pose = premultiplied(str(objects[word]["glyph"])), Pose.draw(random.Random(7))
    small = cv2.resize(pose.show(sprite, 128), (64, 64), interpolation=cv2.INTER_AREA)
    layer = sharpen.stacked([sharpen.degrade(small, np.random.default_rng(3))])
    sharp = OnnxSharpen(TARGET)(layer, np.array([list(objects).index(word)]))
    real, plain, sharpened = (
        shown(one) for one in (pose.show(sprite, 256), enlarge(layer[0], 256), enlarge(sharp[0], 256))
    )
    assert edge_energy(sharpened) >= 0.6 * edge_energy(real)
    assert np.abs(sharpened.astype(int) - real).mean() < np.abs(plain.astype(int) - real).mean()
