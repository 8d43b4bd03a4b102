"""The measurement of the sampler: its rule of the first order is the textbook's, and it runs on the shipped network."""

import numpy as np
import pytest

pytestmark = pytest.mark.training


def test_euler_scales_the_noise_of_a_normal_layer_as_the_flow_does() -> None:
    import solver

    sigma, noise = 0.5, np.random.default_rng(1).standard_normal((1, 4, 8, 8), dtype=np.float32)

    def predict(layers: np.ndarray, level: float) -> np.ndarray:
        return layers * np.float32((1 - level) * sigma**2 / ((1 - level) ** 2 * sigma**2 + level**2))

    far = [solver.apart(solver.by_euler(predict, noise, steps), sigma * noise) for steps in (10, 20, 400)]
    assert far[0] / far[1] == pytest.approx(2, abs=0.3)
    assert far[2] < 0.005
    assert solver.apart(noise, noise + 2) == pytest.approx(2)


def test_it_measures_the_shipped_network() -> None:
    import solver

    ((steps, first, ours),) = solver.measure(2, 12, steps=(4,))
    assert steps == 4
    assert 0 < first < 1
    assert 0 < ours < 1
    assert first != ours
