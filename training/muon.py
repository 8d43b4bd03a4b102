"""Muon: steps of convolutions and matrices in which every direction counts the same (Jordan 2024).

The mean of past gradients of a weight, as a matrix, is replaced by the nearest orthogonal one, found by a few
Newton-Schulz iterations. Learns from fewer samples than Adam does; vectors and tables of words stay with Adam.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

_ITERATIONS = 5
_A, _B, _C = 3.4445, -4.7750, 2.0315  # of x -> a x + b x^3 + c x^5, which brings singular values from 0..1 near to 1


def orthogonal(matrix: Tensor) -> Tensor:
    """Return about U V' of a matrix U S V'."""
    tall = matrix.shape[0] > matrix.shape[1]
    found = (matrix.T if tall else matrix) / (matrix.norm() + 1e-7)
    for _ in range(_ITERATIONS):
        square = found @ found.T
        found = _A * found + (_B * square + _C * square @ square) @ found
    return found.T if tall else found


class Muon(torch.optim.Optimizer):
    """The optimiser, for weights of two and more dimensions, the first of them what goes out."""

    def __init__(self, parameters: Iterable[dict[str, object]], lr: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for weight in group["params"]:
                mean = self.state[weight].setdefault("mean", torch.zeros_like(weight))
                mean.lerp_(weight.grad, 1 - group["momentum"])
                ahead = weight.grad.lerp(mean, group["momentum"]).flatten(1)
                rows, columns = ahead.shape
                change = orthogonal(ahead) * max(1.0, rows / columns) ** 0.5
                weight.add_(change.view(weight.shape), alpha=-group["lr"])
