"""SANA with perturbed-attention guidance."""

from __future__ import annotations

import torch
from diffusers import (
    AutoencoderDC,
    DiffusionPipeline,
    DPMSolverMultistepScheduler,
    SanaPipeline,
    SanaTransformer2DModel,
)

from tiny_checkpoints.autoencoders import contrasty, filled
from tiny_checkpoints.text_encoders import gemma
from tiny_checkpoints.words import gemma_words

LATENT = 4
WIDTH = 16
STAGES = 6  # five halvings: thirty-two pixels to a latent


def sana() -> DiffusionPipeline:
    """Return a SANA, saved as its authors save it: the pipeline with perturbed attention is made of its parts.

    It is deep enough to have the block whose attention is perturbed in the real one, the ninth.
    """
    words = gemma_words()
    torch.manual_seed(37)
    model = SanaTransformer2DModel(
        in_channels=LATENT,
        out_channels=LATENT,
        num_layers=9,
        num_attention_heads=2,
        attention_head_dim=8,
        num_cross_attention_heads=2,
        cross_attention_head_dim=8,
        cross_attention_dim=16,
        caption_channels=WIDTH,
        sample_size=32,  # the pipeline knows the shapes of this size, 1024 pixels, and of few others
    )
    return SanaPipeline(
        scheduler=DPMSolverMultistepScheduler(
            algorithm_type="dpmsolver++", prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
        ),
        vae=_vae(),
        text_encoder=gemma(words, width=WIDTH),
        tokenizer=words,
        transformer=filled(model, 37),
    )


def _vae() -> AutoencoderDC:
    torch.manual_seed(24)
    found = AutoencoderDC(
        latent_channels=LATENT,
        attention_head_dim=4,
        encoder_block_types=("ResBlock",) * (STAGES - 1) + ("EfficientViTBlock",),
        decoder_block_types=("ResBlock",) * (STAGES - 1) + ("EfficientViTBlock",),
        encoder_block_out_channels=(8,) * STAGES,
        decoder_block_out_channels=(8,) * STAGES,
        encoder_layers_per_block=(1,) * STAGES,
        decoder_layers_per_block=(1,) * STAGES,
        encoder_qkv_multiscales=((),) * (STAGES - 1) + ((5,),),
        decoder_qkv_multiscales=((),) * (STAGES - 1) + ((5,),),
        downsample_block_type="conv",
        upsample_block_type="interpolate",
        scaling_factor=0.41407,
    )
    contrasty(found.decoder.conv_out)
    return found
