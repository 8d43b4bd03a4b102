"""Connected parts of small masks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def islands(mask: np.ndarray) -> Iterator[np.ndarray]:
    """Yield each connected part (by sides) of a mask (bool [h, w]) as a mask of its own, the largest first."""
    labels = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:  # the largest number on an island runs along its lines and columns until nothing changes
        spread = _along(_along(labels, mask).T, mask.T).T
        if np.array_equal(spread, labels):
            break
        labels = spread
    numbers, counts = np.unique(labels[mask], return_counts=True)
    for number in numbers[np.argsort(-counts, kind="stable")].tolist():
        yield labels == number


def _along(labels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Give each unbroken run of a line its largest number."""
    changes = np.diff(mask, axis=1, prepend=~mask[:, :1])
    runs = np.cumsum(changes.ravel()).reshape(mask.shape)
    most = np.zeros(int(runs.max(initial=0)) + 1, labels.dtype)
    np.maximum.at(most, runs, labels)
    return np.where(mask, most[runs], 0)
