"""Bria 3.2. (Bria 2.x are SDXL.)"""

from __future__ import annotations

import torch
from diffusers import BriaPipeline, BriaTransformer2DModel, DiffusionPipeline, FlowMatchEulerDiscreteScheduler

from tiny_checkpoints.autoencoders import filled, outspoken, picture_encoder
from tiny_checkpoints.text_encoders import t5
from tiny_checkpoints.words import t5_words

LATENT = 4


def bria32() -> DiffusionPipeline:
    """Return a Bria 3.2."""
    pieces = t5_words()
    torch.manual_seed(50)
    model = BriaTransformer2DModel(
        in_channels=4 * LATENT,
        num_layers=2,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        axes_dims_rope=[0, 8, 8],
    )
    return BriaPipeline(
        transformer=outspoken(filled(model, 50)),
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, base_shift=0.5, max_shift=1.15, shift=3.0),
        vae=picture_encoder(channels=LATENT, scaling=0.13025, shift=0.0),
        text_encoder=t5(len(pieces), width=32),
        tokenizer=pieces,
    )
