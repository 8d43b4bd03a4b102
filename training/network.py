"""The network of gesso-sketch: a small U-Net with a transformer in the middle that predicts a clean object layer.

Input: a noisy layer [batch, 4, 64, 64], its noise level [batch] in 0..1, a noun index [batch] and a colour index
[batch] (one past the last index means "not said"). Output: the clean premultiplied RGBA layer it believes in, -1..1.
The transformer blocks take the condition by adaptive layer norm (Peebles & Xie 2023, "Scalable Diffusion Models
with Transformers"). A noun is told twice: as a vector, like the colour, and as two small learned maps laid over the
coarse features. The maps cost a table look-up and let the network keep hundreds of shapes apart.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 256  # of a token and of the condition
HEADS = 4
BLOCKS = 5
FINE, COARSE = 64, 128  # channels at 32x32 and at 16x16
TOKENS_A_SIDE = 8
TOKEN_CODE, COARSE_CODE = 16, 8  # channels of what each noun adds to the tokens and at 16x16: its own small maps


class Block(nn.Module):
    """Attention and MLP, each scaled, shifted and gated by the condition."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH, elementwise_affine=False)
        self.norm2 = nn.LayerNorm(WIDTH, elementwise_affine=False)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.attention_out = nn.Linear(WIDTH, WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))
        self.modulation = nn.Linear(WIDTH, 6 * WIDTH)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, tokens: Tensor, condition: Tensor) -> Tensor:
        scale1, shift1, gate1, scale2, shift2, gate2 = self.modulation(condition)[:, None].chunk(6, -1)
        batch, count, _ = tokens.shape
        normed = self.norm1(tokens) * (1 + scale1) + shift1
        q, k, v = self.qkv(normed).view(batch, count, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        weights = (q * (WIDTH // HEADS) ** -0.5 @ k.transpose(-1, -2)).softmax(-1)  # few tokens: faster than fused
        mixed = (weights @ v).transpose(1, 2).reshape(batch, count, WIDTH)
        tokens = tokens + (1 + gate1) * self.attention_out(mixed)
        normed = self.norm2(tokens) * (1 + scale2) + shift2
        return tokens + (1 + gate2) * self.mlp(normed)


class Residual(nn.Module):
    """Two convolutions with group norm, the first modulated by the condition, around a shortcut."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.norm1 = nn.GroupNorm(8, channels_out)
        self.norm2 = nn.GroupNorm(8, channels_out)
        self.modulation = nn.Linear(WIDTH, 2 * channels_out)
        same = channels_in == channels_out
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.modulation(condition)[:, :, None, None].chunk(2, 1)
        hidden = F.silu(self.norm1(self.conv1(x)) * (1 + scale) + shift)
        return self.shortcut(x) + F.silu(self.norm2(self.conv2(hidden)))


class Sketch(nn.Module):
    """The whole network; `nouns` and `colours` count the words, without the "not said" of each."""

    def __init__(self, nouns: int, colours: int) -> None:
        super().__init__()
        self.nouns, self.colours = nouns, colours
        self.noun = nn.Embedding(nouns + 1, WIDTH)
        self.colour = nn.Embedding(colours + 1, WIDTH)
        self.token_code = nn.Embedding(nouns + 1, TOKEN_CODE * TOKENS_A_SIDE**2)
        self.coarse_code = nn.Embedding(nouns + 1, COARSE_CODE * (2 * TOKENS_A_SIDE) ** 2)
        self.from_token_code = nn.Conv2d(TOKEN_CODE, WIDTH, 1)
        self.from_coarse_code = nn.Conv2d(COARSE_CODE, COARSE, 1)
        nn.init.normal_(self.token_code.weight, std=0.02)
        nn.init.normal_(self.coarse_code.weight, std=0.02)
        self.time = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH))
        self.position = nn.Parameter(torch.randn(1, TOKENS_A_SIDE**2, WIDTH) * 0.02)
        self.conv_in = nn.Conv2d(16, FINE, 3, padding=1)
        self.fine_down = Residual(FINE, FINE)
        self.to_coarse = nn.Conv2d(FINE, COARSE, 2, 2)
        self.coarse_down = Residual(COARSE, COARSE)
        self.to_tokens = nn.Conv2d(COARSE, WIDTH, 2, 2)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.from_tokens = nn.Conv2d(WIDTH, COARSE, 1)
        self.coarse_up = Residual(2 * COARSE, COARSE)
        self.from_coarse = nn.Conv2d(COARSE, FINE, 1)
        self.fine_up = Residual(2 * FINE, FINE)
        self.conv_out = nn.Conv2d(FINE, 16, 3, padding=1)
        nn.init.zeros_(self.conv_out.weight)
        nn.init.zeros_(self.conv_out.bias)
        self.register_buffer("rates", torch.exp(-math.log(1e4) * torch.arange(WIDTH // 2) / (WIDTH // 2)))

    def forward(self, layer: Tensor, noise: Tensor, noun: Tensor, colour: Tensor) -> Tensor:
        waves = self.rates * noise[:, None] * 1000
        condition = self.time(torch.cat([waves.sin(), waves.cos()], -1)) + self.noun(noun) + self.colour(colour)
        condition = F.silu(condition)
        fine = self.fine_down(self.conv_in(F.pixel_unshuffle(layer, 2)), condition)
        side = TOKENS_A_SIDE
        token_code = self.from_token_code(self.token_code(noun).view(-1, TOKEN_CODE, side, side))
        coarse_code = self.from_coarse_code(self.coarse_code(noun).view(-1, COARSE_CODE, 2 * side, 2 * side))
        coarse = self.coarse_down(self.to_coarse(fine) + coarse_code, condition)
        tokens = (self.to_tokens(coarse) + token_code).flatten(2).transpose(1, 2) + self.position
        for block in self.blocks:
            tokens = block(tokens, condition)
        grid = tokens.transpose(1, 2).reshape(-1, WIDTH, TOKENS_A_SIDE, TOKENS_A_SIDE)
        up = F.interpolate(self.from_tokens(grid), scale_factor=2.0, mode="nearest")
        up = self.coarse_up(torch.cat([up, coarse], 1), condition)
        up = F.interpolate(self.from_coarse(up), scale_factor=2.0, mode="nearest")
        up = self.fine_up(torch.cat([up, fine], 1), condition)
        return F.pixel_shuffle(self.conv_out(up), 2).float()
