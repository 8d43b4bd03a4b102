"""Z-Image (Turbo)."""

from __future__ import annotations

import torch
from diffusers import DiffusionPipeline, FlowMatchEulerDiscreteScheduler, ZImagePipeline, ZImageTransformer2DModel

from tiny_checkpoints.autoencoders import filled, picture_encoder
from tiny_checkpoints.text_encoders import qwen3
from tiny_checkpoints.words import qwen_words

LATENT = 16
WIDTH = 16


def z_image_transformer(seed: int = 33) -> ZImageTransformer2DModel:
    """Return the transformer; its two padding tokens start as whatever was in memory."""
    torch.manual_seed(seed)
    model = ZImageTransformer2DModel(
        in_channels=LATENT,
        dim=32,
        n_layers=2,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
        cap_feat_dim=WIDTH,
        axes_dims=[8, 4, 4],
        axes_lens=[1024, 512, 512],
    )
    with torch.no_grad():
        model.x_pad_token.fill_(0.1)
        model.cap_pad_token.fill_(0.1)
    return filled(model, seed)


def z_image_turbo() -> DiffusionPipeline:
    """Return a Turbo: eight steps without guidance."""
    words = qwen_words()
    return ZImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=picture_encoder(channels=LATENT, scaling=0.3611, shift=0.1159, convolutions=False),
        text_encoder=qwen3(words, width=WIDTH),
        tokenizer=words,
        transformer=z_image_transformer(),
    )
