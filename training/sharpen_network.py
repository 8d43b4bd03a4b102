"""The second network of gesso-sketch: from a clean 64x64 object layer and its noun to the same layer in 128x128.

It adds what is missing to an enlargement with crisp edges: most of the work is done at 32x32 and 16x16, where a small
learned map of each noun says which details belong there. No norms: a layer's own contrast is what has to be kept.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WORD = 48  # length of a noun's vector
FINE, COARSE, LAST = 48, 72, 24  # channels at 32x32, at 16x16 and at 64x64
CODE, CODE_SIDE = 8, 16  # channels and side of the small map of each noun
_CLEAR = -1.0  # of a transparent pixel
_STEEPNESS = 1.6  # of edges in the enlargement that the network adds to


class Residual(nn.Module):
    """Two convolutions around a shortcut, the first shifted by the noun."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.shift = nn.Linear(WORD, channels)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)

    def forward(self, x: Tensor, word: Tensor) -> Tensor:
        hidden = F.relu(self.conv1(x) + self.shift(word)[:, :, None, None])
        return x + self.conv2(hidden)


def bicubic_kernel() -> Tensor:
    """Return the four 5x5 kernels [4, 1, 5, 5] that enlarge by two, for the pixel shuffle behind them (a = -0.5)."""
    phases = []
    for offset in (-0.25, 0.25):  # of the new pixel's middle from the old one's
        distance = (torch.arange(-2, 3) - offset).abs()
        near = 1.5 * distance**3 - 2.5 * distance**2 + 1
        far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
        phases.append(torch.where(distance <= 1, near, torch.where(distance < 2, far, torch.zeros(()))))
    return torch.stack([torch.outer(down, across) for down in phases for across in phases])[:, None]


class Sharpen(nn.Module):
    """The whole network; `nouns` counts the words it knows."""

    def __init__(self, nouns: int) -> None:
        super().__init__()
        self.nouns = nouns
        self.noun = nn.Embedding(nouns, WORD)
        self.code = nn.Embedding(nouns, CODE * CODE_SIDE**2)
        nn.init.normal_(self.code.weight, std=0.05)
        self.from_code = nn.Conv2d(CODE, COARSE, 1)
        self.conv_in = nn.Conv2d(16, FINE, 3, padding=1)
        self.fine_down = Residual(FINE)
        self.to_coarse = nn.Conv2d(FINE, COARSE, 2, 2)
        self.coarse = nn.ModuleList(Residual(COARSE) for _ in range(2))
        self.from_coarse = nn.Conv2d(COARSE, 4 * FINE, 1)
        self.fine_up = nn.ModuleList(Residual(FINE) for _ in range(2))
        self.to_last = nn.Conv2d(FINE, 4 * LAST, 3, padding=1)
        self.last = nn.Conv2d(LAST + 4, LAST, 3, padding=1)
        self.conv_out = nn.Conv2d(LAST, 16, 3, padding=1)
        nn.init.zeros_(self.conv_out.weight)
        nn.init.zeros_(self.conv_out.bias)
        self.register_buffer("kernel", bicubic_kernel(), persistent=False)

    def bicubic(self, layer: Tensor) -> Tensor:
        """Return the bicubic enlargement of [batch, 4, 64, 64] to [batch, 4, 128, 128]."""
        side = layer.shape[-1]
        padded = F.pad(layer, (2, 2, 2, 2), value=_CLEAR).reshape(-1, 1, side + 4, side + 4)
        return F.pixel_shuffle(F.conv2d(padded, self.kernel), 2).reshape(-1, 4, 2 * side, 2 * side)

    def enlarge(self, layer: Tensor) -> Tensor:
        """Return the enlargement whose edges are made steeper within the values around, as the engine's `enlarge` does."""
        low, high = -F.max_pool2d(-layer, 3, 1, 1), F.max_pool2d(layer, 3, 1, 1)
        middle = (low + high) * 0.5
        steep = self.bicubic(middle + (layer - middle) * _STEEPNESS)
        return torch.maximum(torch.minimum(steep, self.bicubic(high)), self.bicubic(low))

    def forward(self, layer: Tensor, noun: Tensor) -> Tensor:
        word = self.noun(noun)
        code = self.from_code(self.code(noun).view(-1, CODE, CODE_SIDE, CODE_SIDE))
        fine = self.fine_down(F.relu(self.conv_in(F.pixel_unshuffle(layer, 2))), word)
        coarse = F.relu(self.to_coarse(fine) + code)
        for block in self.coarse:
            coarse = block(coarse, word)
        fine = fine + F.pixel_shuffle(self.from_coarse(coarse), 2)
        for block in self.fine_up:
            fine = block(fine, word)
        last = F.relu(F.pixel_shuffle(self.to_last(fine), 2))
        last = F.relu(self.last(torch.cat([last, layer], 1)))
        return self.enlarge(layer) + F.pixel_shuffle(self.conv_out(last), 2).float()
