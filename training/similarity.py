"""How alike two pictures are: SSIM (Wang et al. 2004) over squares of 7 pixels, as scikit-image computes it by default."""

from __future__ import annotations

import numpy as np

_WINDOW = 7
_LUMA = (0.2125, 0.7154, 0.0721)  # of scikit-image's rgb2gray


def ssim(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mean structural similarity of the lightness of two pictures of one size (uint8 [h, w, 3])."""
    x, y = (picture.astype(np.float64) @ _LUMA for picture in (one, other))
    unbiased = _WINDOW**2 / (_WINDOW**2 - 1)
    mean_x, mean_y = _mean(x), _mean(y)
    var_x = (_mean(x * x) - mean_x**2) * unbiased
    var_y = (_mean(y * y) - mean_y**2) * unbiased
    both = (_mean(x * y) - mean_x * mean_y) * unbiased
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    local = (2 * mean_x * mean_y + c1) * (2 * both + c2) / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
    return float(local.mean())


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean of each whole window within [h, w]."""
    for _ in range(2):
        sums = np.cumsum(np.pad(values, ((1, 0), (0, 0))), axis=0)
        values = ((sums[_WINDOW:] - sums[:-_WINDOW]) / _WINDOW).T
    return values
