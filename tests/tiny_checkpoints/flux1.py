"""FLUX.1: [dev] (and what was trained from it), [schnell], Kontext."""

from __future__ import annotations

import torch
from diffusers import (
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    FluxKontextPipeline,
    FluxPipeline,
    FluxTransformer2DModel,
)

from tiny_checkpoints.autoencoders import filled, outspoken, picture_encoder
from tiny_checkpoints.text_encoders import clip_text, t5
from tiny_checkpoints.words import clip_words, t5_words

LATENT = 16


def flux1_transformer(*, guided: bool = True, seed: int = 31) -> FluxTransformer2DModel:
    """Return the transformer; [schnell]'s takes no guidance."""
    torch.manual_seed(seed)
    model = FluxTransformer2DModel(
        in_channels=4 * LATENT,
        num_layers=2,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        pooled_projection_dim=16,
        guidance_embeds=guided,
        axes_dims_rope=(4, 6, 6),
    )
    return outspoken(filled(model, seed))


def flux1_dev() -> DiffusionPipeline:
    """Return a [dev]."""
    return FluxPipeline(**_parts(guided=True))


def flux1_schnell() -> DiffusionPipeline:
    """Return a [schnell]: no guidance, no shifting of steps."""
    return FluxPipeline(**_parts(guided=False))


def flux1_kontext() -> DiffusionPipeline:
    """Return a Kontext."""
    return FluxKontextPipeline(**_parts(guided=True))


def _parts(*, guided: bool) -> dict[str, object]:
    clip, pieces = clip_words(), t5_words()
    shifting = {"shift": 3.0, "use_dynamic_shifting": True, "base_shift": 0.5, "max_shift": 1.15}
    return {
        "scheduler": FlowMatchEulerDiscreteScheduler(**(shifting if guided else {"shift": 1.0})),
        "vae": picture_encoder(channels=LATENT, scaling=0.3611, shift=0.1159, convolutions=False),
        "text_encoder": clip_text(clip, width=16),
        "tokenizer": clip,
        "text_encoder_2": t5(len(pieces), width=32),
        "tokenizer_2": pieces,
        "transformer": flux1_transformer(guided=guided),
    }
