"""Stable Diffusion 3.5."""

from __future__ import annotations

import torch
from diffusers import (
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)

from tiny_checkpoints.autoencoders import filled, picture_encoder
from tiny_checkpoints.text_encoders import clip_text, t5
from tiny_checkpoints.words import clip_words, t5_words

LATENT = 16


def sd3_transformer(seed: int = 34) -> SD3Transformer2DModel:
    """Return the transformer of [medium]'s build: its first block has a second attention."""
    torch.manual_seed(seed)
    model = SD3Transformer2DModel(
        sample_size=16,
        patch_size=2,
        in_channels=LATENT,
        out_channels=LATENT,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        caption_projection_dim=32,
        pooled_projection_dim=32,
        pos_embed_max_size=32,
        dual_attention_layers=(0,),
        qk_norm="rms_norm",
    )
    return filled(model, seed)


def sd35() -> DiffusionPipeline:
    """Return a 3.5: two CLIPs side by side are as wide as the T5 or narrower."""
    first, second, pieces = clip_words(), clip_words(), t5_words()
    return StableDiffusion3Pipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=picture_encoder(channels=LATENT, scaling=1.5305, shift=0.0609, convolutions=False),
        text_encoder=clip_text(first, width=16, projected=16),
        tokenizer=first,
        text_encoder_2=clip_text(second, width=16, projected=16),
        tokenizer_2=second,
        text_encoder_3=t5(len(pieces), width=32),
        tokenizer_3=pieces,
        transformer=sd3_transformer(),
    )
