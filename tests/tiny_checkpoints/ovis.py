"""Ovis-Image."""

from __future__ import annotations

import torch
from diffusers import (
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    OvisImagePipeline,
    OvisImageTransformer2DModel,
)

from tiny_checkpoints.autoencoders import filled, outspoken, picture_encoder
from tiny_checkpoints.text_encoders import qwen3
from tiny_checkpoints.words import qwen_words

LATENT = 16
WIDTH = 16


def ovis_image() -> DiffusionPipeline:
    """Return an Ovis-Image."""
    words = qwen_words()
    torch.manual_seed(36)
    model = OvisImageTransformer2DModel(
        in_channels=4 * LATENT,
        out_channels=4 * LATENT,
        num_layers=2,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=WIDTH,
        axes_dims_rope=(4, 6, 6),
    )
    return OvisImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
        vae=picture_encoder(channels=LATENT, scaling=0.3611, shift=0.1159, convolutions=False),
        text_encoder=qwen3(words, width=WIDTH),
        tokenizer=words,
        transformer=outspoken(filled(model, 36)),
    )
