"""HunyuanImage 2.1."""

from __future__ import annotations

import torch
from diffusers import (
    AdaptiveProjectedMixGuidance,
    AutoencoderKLHunyuanImage,
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    HunyuanImagePipeline,
    HunyuanImageTransformer2DModel,
)
from transformers import ByT5Tokenizer

from tiny_checkpoints.autoencoders import contrasty, filled, outspoken
from tiny_checkpoints.text_encoders import qwen_vl, t5
from tiny_checkpoints.words import qwen_words

LATENT = 4
WIDTH = 16


def hunyuan_image21() -> DiffusionPipeline:
    """Return a HunyuanImage 2.1, which is guided by parts of their own: one for pictures, one for words in them."""
    words, letters = qwen_words(), ByT5Tokenizer()
    torch.manual_seed(51)
    model = HunyuanImageTransformer2DModel(
        in_channels=LATENT,
        out_channels=LATENT,
        num_attention_heads=2,
        attention_head_dim=8,
        num_layers=2,
        num_single_layers=2,
        num_refiner_layers=1,
        text_embed_dim=WIDTH,
        text_embed_2_dim=32,
        rope_axes_dim=(4, 4),
    )
    return HunyuanImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=5.0),
        vae=_vae(),
        text_encoder=qwen_vl(words, width=WIDTH),
        tokenizer=words,
        text_encoder_2=t5(len(letters), width=32),
        tokenizer_2=letters,
        transformer=outspoken(filled(model, 51)),
        guider=AdaptiveProjectedMixGuidance(guidance_scale=3.5, adaptive_projected_guidance_start_step=5),
        ocr_guider=AdaptiveProjectedMixGuidance(guidance_scale=3.5, adaptive_projected_guidance_start_step=38),
    )


def _vae() -> AutoencoderKLHunyuanImage:
    torch.manual_seed(26)
    found = AutoencoderKLHunyuanImage(
        in_channels=3,
        out_channels=3,
        latent_channels=LATENT,
        block_out_channels=(32, 32, 32, 32, 32, 32),
        layers_per_block=1,
        spatial_compression_ratio=32,
        sample_size=64,
        scaling_factor=0.75289,
    )
    contrasty(found.decoder.conv_out)
    return found
