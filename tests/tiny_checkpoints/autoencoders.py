"""The picture encoders that several families share, with the real factors between pixels and latents."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL

FOUR = 4  # stages: three halvings, eight pixels to a latent


def filled(module: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Give numbers to the weights that start as zero, or as whatever was in memory, so that all of a model counts."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _, weight in sorted(module.named_parameters()):
            if weight.is_floating_point() and weight.numel() and (not weight.isfinite().all() or not weight.any()):
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.05)
    return module


def outspoken(transformer: torch.nn.Module) -> torch.nn.Module:
    """Make what a random transformer's attention finds count beside what it is added to: words should be seen."""
    with torch.no_grad():
        for name, weight in transformer.named_parameters():
            if name.endswith(("to_out.0.weight", "to_add_out.weight", "attention.to_out.weight", "proj_out.weight")):
                weight.mul_(3.0)
    return transformer


def contrasty(decoder_end: torch.nn.Module) -> None:
    """Make what a random decoder paints differ by more than the grey levels of a file."""
    with torch.no_grad():
        decoder_end.weight.mul_(2.0)


def picture_encoder(
    *, channels: int = 4, scaling: float = 0.18215, shift: float | None = None, convolutions: bool = True
) -> AutoencoderKL:
    """Return the autoencoder of Stable Diffusion, FLUX.1, Z-Image, Ovis and Bria; newer ones have no `convolutions`
    around their latents."""
    torch.manual_seed(21)
    found = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * FOUR,
        up_block_types=("UpDecoderBlock2D",) * FOUR,
        block_out_channels=(8,) * FOUR,
        layers_per_block=1,
        norm_num_groups=4,
        latent_channels=channels,
        sample_size=64,
        scaling_factor=scaling,
        shift_factor=shift,
        use_quant_conv=convolutions,
        use_post_quant_conv=convolutions,
        force_upcast=convolutions,
    )
    contrasty(found.decoder.conv_out)
    return found
