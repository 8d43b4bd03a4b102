"""The sampler against networks whose exact answer is known."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gesso.engines.builtin.sampler import Condition, Network, denoise, draw_noise, guide, walk

WANTED, UNWANTED = [Condition(3, 1)], Condition(64, 12)


class Told:
    """A network that answers by noun alone, and remembers the size of every batch and its noise levels."""

    def __init__(self, answers: dict[int, float]) -> None:
        self.answers = answers
        self.batches: list[int] = []
        self.levels: list[float] = []

    def __call__(self, layers: np.ndarray, noise: np.ndarray, nouns: np.ndarray, colours: np.ndarray) -> np.ndarray:
        self.batches.append(len(layers))
        self.levels.append(float(noise[0]))
        return np.stack([np.full(layers.shape[1:], self.answers[int(noun)], np.float32) for noun in nouns])


class Gaussian:
    """The exact denoiser of layers whose values are normal with mean 0 and deviation `sigma`."""

    def __init__(self, sigma: float) -> None:
        self.sigma = sigma

    def __call__(self, layers: np.ndarray, noise: np.ndarray, nouns: np.ndarray, colours: np.ndarray) -> np.ndarray:
        t = noise[:, None, None, None]
        return layers * (1 - t) * self.sigma**2 / ((1 - t) ** 2 * self.sigma**2 + t**2)


@pytest.mark.parametrize("steps", [1, 2, 12, 50])
def test_lands_on_a_point_mass_in_any_number_of_steps(steps: int) -> None:
    layers = list(denoise(Told({3: 0.25}), draw_noise(1, 0, 8), WANTED, UNWANTED, steps=steps, guidance=1.0))
    assert len(layers) == steps
    np.testing.assert_array_equal(layers[-1], np.full((1, 4, 8, 8), 0.25, np.float32))


def test_many_steps_carry_noise_to_the_data_and_few_do_it_less_exactly() -> None:
    # The exact flow from N(0, 1) to N(0, sigma^2) with a shared path scales the noise by sigma.
    noise, sigma = draw_noise(5, 0, 16), 0.2
    errors = []
    for steps in (4, 16, 256):
        *_, layer = denoise(Gaussian(sigma), noise, WANTED, UNWANTED, steps=steps, guidance=1.0)
        errors.append(float(np.abs(layer - sigma * noise).mean()))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.001


class Mixture:
    """The exact denoiser of layers whose values are each near -1, 0 or 1, with deviation `sigma`."""

    def __init__(self, sigma: float) -> None:
        self.sigma = sigma

    def __call__(self, layers: np.ndarray, noise: np.ndarray, nouns: np.ndarray, colours: np.ndarray) -> np.ndarray:
        t = noise[:, None, None, None, None].astype(float)
        x, kind = layers[..., None].astype(float), np.array([-1.0, 0.0, 1.0])
        variance = (1 - t) ** 2 * self.sigma**2 + t**2
        off = x - (1 - t) * kind
        likely = np.exp(-(off**2) / (2 * variance))
        believed = (likely * (kind + off * (1 - t) * self.sigma**2 / variance)).sum(-1) / likely.sum(-1)
        return np.asarray(believed, np.float32)


def by_euler(network: Network, noise: np.ndarray, steps: int) -> np.ndarray:
    """The textbook's first-order way, written apart: dx/dt = (x - x') / t."""
    layer, nothing = noise.astype(float), np.zeros(1, np.int64)
    for left in range(steps, 0, -1):
        clean = network(layer.astype(np.float32), np.array([left / steps], np.float32), nothing, nothing)
        layer = layer - (1 / steps) * (layer - np.clip(clean, -1, 1)) / (left / steps)
    return layer


@pytest.mark.parametrize("network", [Gaussian(0.5), Gaussian(0.35), Mixture(0.05), Mixture(0.2)])
def test_eight_steps_are_nearer_to_the_exact_flow_than_twelve_of_the_first_order(network: Network) -> None:
    noise = draw_noise(7, 0, 32)
    exact = network.sigma * noise if isinstance(network, Gaussian) else by_euler(network, noise, 2000)
    *_, layer = denoise(network, noise, WANTED, UNWANTED, steps=8, guidance=1.0)
    error = np.abs(layer - exact).mean()
    assert error < 0.75 * np.abs(by_euler(network, noise, 12) - exact).mean()
    assert error < 0.5 * np.abs(by_euler(network, noise, 8) - exact).mean()


def test_the_second_order_shows_in_how_fast_the_error_falls() -> None:
    # Twice the steps: half the error at first order, a quarter at second. The flow stops short of t = 0 (the start).
    sigma, noise, start = 0.5, draw_noise(3, 0, 16), np.zeros((1, 4, 16, 16), np.float32)
    far: list[float] = []
    for steps in (16, 32, 64):
        path = walk(Gaussian(sigma), noise, WANTED, UNWANTED, steps=steps, guidance=1.0, start=start)
        halfway = list(islice(path, steps // 2))[-1].layer
        far.append(float(np.abs(halfway - noise * np.sqrt(0.25 * sigma**2 + 0.25)).mean()))
    assert far[0] / far[1] == pytest.approx(4, abs=1)
    assert far[1] / far[2] == pytest.approx(4, abs=1)


@given(st.floats(-0.125, 0.125, width=32), st.floats(-0.125, 0.125, width=32), st.floats(1.5, 3, width=32))
def test_guidance_is_unwanted_plus_s_times_the_difference(wanted: float, unwanted: float, guidance: float) -> None:
    clean = guide(Told({3: wanted, 64: unwanted}), draw_noise(0, 0, 2), 0.5, WANTED, UNWANTED, guidance)
    np.testing.assert_allclose(clean, unwanted + guidance * (wanted - unwanted), atol=1e-6)


def test_guidance_of_one_is_off_and_costs_one_layer_a_step() -> None:
    network = Told({3: 0.5, 64: -0.5})
    *_, layer = denoise(network, draw_noise(1, 0, 4), WANTED, UNWANTED, steps=3, guidance=1.0)
    assert network.batches == [1, 1, 1]
    assert float(layer.max()) == 0.5
    network = Told({3: 0.5, 64: -0.5})
    list(denoise(network, draw_noise(1, 0, 4), WANTED, UNWANTED, steps=3, guidance=2.0))
    assert network.batches == [2, 2, 2]


def test_a_guided_prediction_stays_in_range() -> None:
    clean = guide(Told({3: 0.9, 64: -0.9}), draw_noise(0, 0, 2), 0.5, WANTED, UNWANTED, 10.0)
    assert float(clean.max()) == 1.0


def test_levels_go_from_the_strength_down() -> None:
    network = Told({3: 0.0})
    start = np.zeros((1, 4, 4, 4), np.float32)
    list(denoise(network, draw_noise(1, 0, 4), WANTED, UNWANTED, steps=4, guidance=1.0, start=start, strength=0.8))
    np.testing.assert_allclose(network.levels, [0.8, 0.6, 0.4, 0.2], atol=1e-6)


def test_a_weaker_edit_stays_nearer_to_its_start() -> None:
    start = np.full((1, 4, 8, 8), 0.6, np.float32)
    distances = []
    for strength in (1.0, 0.6, 0.2):
        *_, layer = denoise(
            Gaussian(0.3), draw_noise(2, 0, 8), WANTED, UNWANTED, steps=32, guidance=1.0, start=start, strength=strength
        )
        distances.append(float(np.abs(layer - start).mean()))
    assert distances[0] > distances[1] > distances[2]


def test_full_strength_forgets_the_start() -> None:
    noise = draw_noise(2, 0, 8)
    started = list(
        denoise(Gaussian(0.3), noise, WANTED, UNWANTED, steps=3, guidance=1.0, start=np.ones_like(noise), strength=1.0)
    )
    fresh = list(denoise(Gaussian(0.3), noise, WANTED, UNWANTED, steps=3, guidance=1.0))
    np.testing.assert_array_equal(started[-1], fresh[-1])


@pytest.mark.parametrize(("start", "strength"), [(None, 0.5), (np.zeros((1, 4, 4, 4)), 0.0), (None, 1.5)])
def test_a_strength_that_means_nothing_is_refused(start: np.ndarray | None, strength: float) -> None:
    with pytest.raises(ValueError, match="strength"):
        next(
            denoise(
                Told({3: 0}),
                draw_noise(0, 0, 4),
                WANTED,
                UNWANTED,
                steps=2,
                guidance=1.0,
                start=start,
                strength=strength,
            )
        )


def test_the_caller_stops_by_closing() -> None:
    network = Told({3: 0.0})
    steps = denoise(network, draw_noise(1, 0, 4), WANTED, UNWANTED, steps=50, guidance=1.0)
    assert len(list(islice(steps, 2))) == 2
    steps.close()
    assert len(network.batches) == 2


@given(st.integers(0, 2**32 - 1), st.integers(0, 20))
def test_noise_depends_on_seed_and_object_only(seed: int, index: int) -> None:
    np.testing.assert_array_equal(draw_noise(seed, index, 4), draw_noise(seed, index, 4))
    assert not np.array_equal(draw_noise(seed, index, 4), draw_noise(seed, index + 1, 4))
    assert not np.array_equal(draw_noise(seed, index, 4), draw_noise((seed + 1) % 2**32, index, 4))
