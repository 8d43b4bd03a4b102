"""Qwen-Image, and Qwen-Image-Edit, which also reads the pictures it is given."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import (
    AutoencoderKLQwenImage,
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    QwenImageEditPlusPipeline,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from tiny_checkpoints.autoencoders import contrasty, filled, outspoken
from tiny_checkpoints.processors import save_processor
from tiny_checkpoints.text_encoders import qwen_vl
from tiny_checkpoints.words import qwen_words

LATENT = 4
WIDTH = 16


def qwen_transformer(seed: int = 35, *, editing: bool = False) -> QwenImageTransformer2DModel:
    """Return the transformer. One for editing, from 2511 on, knows that the pictures it is given have no noise."""
    torch.manual_seed(seed)
    model = QwenImageTransformer2DModel(
        patch_size=2,
        in_channels=4 * LATENT,
        out_channels=LATENT,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=WIDTH,
        axes_dims_rope=(4, 6, 6),
        zero_cond_t=editing,
    )
    return outspoken(filled(model, seed))


def qwen_image() -> DiffusionPipeline:
    """Return a Qwen-Image."""
    words = qwen_words()
    return QwenImagePipeline(
        scheduler=_scheduler(),
        vae=_vae(),
        text_encoder=qwen_vl(words, width=WIDTH),
        tokenizer=words,
        transformer=qwen_transformer(),
    )


def save_qwen_image_edit(folder: Path) -> None:
    """Write a Qwen-Image-Edit in the form that takes several pictures.

    Its processor needs torchvision, for a part about films that it never uses: its files are written one by one.
    """
    words = qwen_words()
    QwenImageEditPlusPipeline(
        scheduler=_scheduler(),
        vae=_vae(),
        text_encoder=qwen_vl(words, width=WIDTH),
        tokenizer=words,
        processor=words,
        transformer=qwen_transformer(editing=True),
    ).save_pretrained(folder)
    save_processor(folder, "processor", "Qwen2VLProcessor", Qwen2VLImageProcessorPil())
    (folder / "processor" / "video_preprocessor_config.json").write_text(
        '{"video_processor_type": "Qwen2VLVideoProcessor"}'
    )


def _scheduler() -> FlowMatchEulerDiscreteScheduler:
    return FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True, base_shift=0.5, max_shift=0.9, shift_terminal=0.02, time_shift_type="exponential"
    )


def _vae() -> AutoencoderKLQwenImage:
    torch.manual_seed(23)
    found = AutoencoderKLQwenImage(
        base_dim=8,
        z_dim=LATENT,
        dim_mult=[1, 1, 1, 1],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        latents_mean=[0.0] * LATENT,
        latents_std=[1.0] * LATENT,
    )
    contrasty(found.decoder.conv_out)
    return found
