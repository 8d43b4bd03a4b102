"""What a picture looks like so far: its latents through a matrix instead of the decoder, at the price of nothing.

The matrix is the decoder's likeness, fitted once for a loaded checkpoint. Nothing here changes latents, or draws from
dice that a picture is made with.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from PIL import Image

from gesso.engines.diffusers.child.loaded import Loaded
from gesso.engines.diffusers.order import LatentLayout

LONG_SIDE: Final = 512  # pixels of a preview's longer side, at most
BLOCKS: Final = 4  # of one value each, a side of the pictures that the matrix is fitted to
FIT_SEED: Final = 0
# Whose step is a straight line, of which the end can be told from two points of it; and whose latents grow with noise.
STRAIGHT: Final = frozenset({"FlowMatchEulerDiscreteScheduler", "EulerDiscreteScheduler"})
GROWING: Final = frozenset({"EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "HeunDiscreteScheduler"})

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Viewer:
    """Shows latents of one checkpoint. `matrix` is [channels + 1, 3]: a latent, and 1, become a pixel of -1 to 1."""

    matrix: torch.Tensor
    layout: LatentLayout

    def show(self, latents: torch.Tensor, size: tuple[int, int]) -> np.ndarray:
        """Return what one picture's latents look like, in the shape of a picture of `size` (width, height)."""
        with torch.no_grad():
            plain = unpacked(latents[None].float().cpu(), self.layout, size)[0]
            seen = plain.flatten(1).T @ self.matrix[:-1] + self.matrix[-1]
            seen = (seen.nan_to_num().clamp(-1, 1) + 1) * 127.5
        pixels = seen.reshape(*plain.shape[1:], 3).round().to(torch.uint8).numpy()
        scale = min(1.0, LONG_SIDE / max(size))
        shape = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
        return np.asarray(Image.fromarray(pixels).resize(shape, Image.Resampling.BICUBIC))


def viewer_of(loaded: Loaded, layout: LatentLayout) -> Viewer | None:
    """Return what shows the latents of a checkpoint, fitted when it is first asked for; None where that did not work."""
    if "viewer" not in loaded.kept:
        loaded.kept["viewer"] = _fitted(loaded, layout)
    found: Viewer | None = loaded.kept["viewer"]
    return found


def ahead(before: torch.Tensor | None, now: torch.Tensor, scheduler: Any) -> torch.Tensor:
    """Return the picture that the newest step was headed for, or as near to it as the scheduler lets one tell."""
    kind, index = type(scheduler).__name__, getattr(scheduler, "step_index", None)
    if index is None or not 0 < index < len(getattr(scheduler, "sigmas", ())):
        return now
    start, end = float(scheduler.sigmas[index - 1]), float(scheduler.sigmas[index])
    if kind in STRAIGHT and before is not None and before.shape == now.shape and start != end:
        return now - (now - before) * (end / (end - start))
    return now / math.sqrt(1 + end * end) if kind in GROWING else now


def unpacked(latents: torch.Tensor, layout: LatentLayout, size: tuple[int, int]) -> torch.Tensor:
    """Return latents as [batch, channels, height, width], for a picture of the shape of `size` (width, height)."""
    if not layout.packed:
        return latents.flatten(1, 2) if latents.ndim == 5 else latents
    patches = latents.shape[1]
    wanted = math.sqrt(patches * size[1] / size[0])
    height = min((side for side in range(1, patches + 1) if patches % side == 0), key=lambda side: abs(side - wanted))
    grid = latents.transpose(1, 2).unflatten(2, (height, patches // height))
    return torch.nn.functional.pixel_shuffle(grid, 2)


def _fitted(loaded: Loaded, layout: LatentLayout) -> Viewer | None:
    vae = loaded.part("vae") or loaded.part("movq")
    try:
        with torch.no_grad():
            matrix = _matrix(vae, loaded.device, layout)
    except Exception:  # a picture nobody saw coming is as good as one that was seen
        log.warning("no previews of %s", loaded.checkpoint.target, exc_info=True)
        return None
    return Viewer(matrix, layout) if bool(matrix.isfinite().all()) else None


def _matrix(vae: Any, device: str, layout: LatentLayout) -> torch.Tensor:
    """Return the matrix that is nearest to what the decoder makes of blocks of random latents."""
    channels = _channels(vae)
    width = 2 if layout.pixels > 16 else 4  # latents of a block's side: of deep ones each is many pixels
    pictures = max(4, -(-2 * channels // BLOCKS**2))
    dice = torch.Generator("cpu").manual_seed(FIT_SEED)
    blocks = torch.randn(pictures, channels, BLOCKS, BLOCKS, generator=dice)
    wide = blocks.repeat_interleave(width, 2).repeat_interleave(width, 3)
    seen = torch.cat([_decoded(vae, one[None].to(device, vae.dtype)).float().cpu() for one in wide])
    cells = torch.nn.functional.adaptive_avg_pool2d(seen, 4 * BLOCKS).unfold(2, 4, 4).unfold(3, 4, 4)
    middle = cells[..., 1:3, 1:3].mean((-2, -1))  # away from the neighbours
    known = torch.nn.functional.pad(blocks.permute(0, 2, 3, 1).reshape(-1, channels), (0, 1), value=1.0)
    solved: torch.Tensor = torch.linalg.lstsq(known, middle.permute(0, 2, 3, 1).reshape(-1, 3)).solution
    return solved


def _channels(vae: Any) -> int:
    """Return how many channels a pipeline's latents have."""
    config = vae.config
    return int(next(config[name] for name in ("z_dim", "latent_channels", "vq_embed_dim") if config.get(name)))


def _decoded(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    """Return what pipelines make of latents, [batch, 3, height, width] of about -1 to 1: each decoder wants them scaled
    as it was trained."""
    config = vae.config
    mean, spread = config.get("latents_mean"), config.get("latents_std")
    if hasattr(vae, "bn"):  # FLUX.2: by patches of 2 x 2
        patches = torch.nn.functional.pixel_unshuffle(latents, 2)
        spread = torch.sqrt(vae.bn.running_var + config.batch_norm_eps).view(1, -1, 1, 1).to(patches)
        patches = patches * spread + vae.bn.running_mean.view(1, -1, 1, 1).to(patches)
        return _sample(vae.decode(torch.nn.functional.pixel_shuffle(patches, 2)))
    if type(vae).__name__ == "VQModel":
        return _sample(vae.decode(latents, force_not_quantize=True))
    if mean and spread:
        scale, shift = (torch.tensor(one).view(1, -1, 1, 1).to(latents) for one in (spread, mean))
        latents = latents * scale / (config.get("scaling_factor") or 1.0) + shift
    else:
        latents = latents / config.scaling_factor + (config.get("shift_factor") or 0.0)
    if type(vae).__name__ == "AutoencoderKLQwenImage":  # films of one picture
        return _sample(vae.decode(latents[:, :, None]))[:, :, 0]
    return _sample(vae.decode(latents))


def _sample(decoded: Any) -> torch.Tensor:
    found: torch.Tensor = decoded.sample
    return found
