"""The shipped second network: twice the pixels of the same drawing, each as if it were alone, crisper than a resize."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_builtin_engine import ROUTE

from gesso.engines.builtin.engine import BuiltinEngine
from gesso.engines.builtin.enlarge import enlarge
from gesso.engines.builtin.network import OnnxNetwork
from gesso.engines.builtin.sampler import Condition, Layers, denoise, draw_noise
from gesso.engines.builtin.sharpen import OnnxSharpen
from gesso.engines.builtin.vocabulary import WEIGHTS_FOLDER, load_vocabulary

WORDS = ("duck", "car", "tree", "clock", "strawberry")


@pytest.fixture(scope="module")
def sharpen() -> OnnxSharpen:
    return OnnxSharpen(WEIGHTS_FOLDER / "sharpen.onnx")


@pytest.fixture(scope="module")
def nouns() -> np.ndarray:
    known = [noun.word for noun in load_vocabulary().nouns]
    return np.array([known.index(word) for word in WORDS], np.int64)


@pytest.fixture(scope="module")
def drawn(nouns: np.ndarray) -> Layers:
    """Layers of the first network, one of each word."""
    vocabulary, network = load_vocabulary(), OnnxNetwork(WEIGHTS_FOLDER / "sketch.onnx")
    noise = np.concatenate([draw_noise(4, index, vocabulary.side) for index in range(len(nouns))])
    wanted = [Condition(int(noun), 0) for noun in nouns]
    nothing = Condition(vocabulary.no_noun, vocabulary.no_colour)
    return list(denoise(network, noise, wanted, nothing, steps=8, guidance=2.0))[-1]


def energy(pixels: np.ndarray) -> float:
    """The sum of squared differences of neighbours in uint8 [s, s, 4]."""
    unit = pixels.astype(np.float64) / 255
    return float((np.diff(unit, axis=0) ** 2).sum() + (np.diff(unit, axis=1) ** 2).sum())


def test_it_stays_the_same_drawing_in_twice_the_pixels(sharpen: OnnxSharpen, drawn: Layers, nouns: np.ndarray) -> None:
    sharp = sharpen(drawn, nouns)
    assert (sharp.shape, sharp.dtype) == ((len(nouns), 4, 128, 128), np.float32)
    assert np.abs(sharp).max() <= 1
    shrunk = sharp.reshape(len(nouns), 4, 64, 2, 64, 2).mean((3, 5))
    assert (np.abs(shrunk - drawn).mean((1, 2, 3)) < 0.06).all()
    same = ((shrunk[:, 3] > 0) == (drawn[:, 3] > 0)).mean((1, 2))
    assert (same > 0.97).all()  # the outline is where it was


def test_each_layer_is_sharpened_to_the_bit_as_if_it_were_alone(
    sharpen: OnnxSharpen, drawn: Layers, nouns: np.ndarray
) -> None:
    together = sharpen(drawn, nouns)
    for count in (1, 2):
        apart = [sharpen(drawn[at : at + count], nouns[at : at + count]) for at in range(0, len(nouns), count)]
        np.testing.assert_array_equal(np.concatenate(apart), together)
    np.testing.assert_array_equal(sharpen(drawn, nouns), together)


def test_the_noun_counts(sharpen: OnnxSharpen, drawn: Layers, nouns: np.ndarray) -> None:
    assert not np.array_equal(sharpen(drawn, nouns), sharpen(drawn, np.roll(nouns, 1)))


def test_edges_are_crisper_than_a_plain_resize_leaves_them(
    sharpen: OnnxSharpen, drawn: Layers, nouns: np.ndarray
) -> None:
    for layer, sharp in zip(drawn, sharpen(drawn, nouns), strict=True):
        eight = ((layer.transpose(1, 2, 0) * 0.5 + 0.5).clip(0, 1) * 255 + 0.5).astype(np.uint8)
        image = Image.frombytes("RGBa", (64, 64), eight.tobytes()).resize((256, 256), Image.Resampling.BICUBIC)
        plain = np.frombuffer(image.tobytes(), np.uint8).reshape(256, 256, 4)
        assert energy(enlarge(sharp, 256)) > 1.5 * energy(plain)


def test_a_clear_layer_stays_clear(sharpen: OnnxSharpen) -> None:
    clear = sharpen(np.full((1, 4, 64, 64), -1, np.float32), np.array([0]))
    assert not enlarge(clear[0], 256).any()


def test_the_engine_is_not_ready_without_it(tmp_path: Path) -> None:
    for file in ("sketch.onnx", "vocabulary.json"):
        (tmp_path / file).write_bytes(b"")
    readiness = BuiltinEngine(weights=tmp_path).readiness(ROUTE)
    assert not readiness.ready
    assert "sharpen.onnx" in readiness.reason
