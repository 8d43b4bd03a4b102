"""Kandinsky 2.2: a prior, which paints the vector of a picture, and a decoder, which paints the picture."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import (
    DDPMScheduler,
    KandinskyV22Pipeline,
    KandinskyV22PriorPipeline,
    PriorTransformer,
    UnCLIPScheduler,
    UNet2DConditionModel,
    VQModel,
)
from transformers import CLIPImageProcessor

from tiny_checkpoints.autoencoders import contrasty, filled
from tiny_checkpoints.text_encoders import clip_text, clip_vision
from tiny_checkpoints.words import clip_words

WIDTH = 16  # of the vector of a picture


def save_kandinsky22(folder: Path) -> None:
    """Write the decoder into `folder` and the prior beside it: the decoder's README says where, as on the hub."""
    prior = folder.with_name(f"{folder.name}-prior")
    _prior().save_pretrained(prior)
    _decoder().save_pretrained(folder)
    (folder / "README.md").write_text(f"---\nprior:\n- {prior}\n---\n")


def _prior() -> KandinskyV22PriorPipeline:
    words = clip_words()
    torch.manual_seed(38)
    prior = PriorTransformer(
        num_attention_heads=2, attention_head_dim=8, num_layers=1, embedding_dim=WIDTH, num_embeddings=77
    )
    with torch.no_grad():  # numbers that turn the prior's vectors into pictures' ones: zero and one in the beginning
        prior.clip_std.fill_(1.0)
    return KandinskyV22PriorPipeline(
        prior=filled(prior, 38),
        image_encoder=clip_vision(width=16, projected=WIDTH),
        text_encoder=clip_text(words, width=WIDTH, projected=WIDTH),
        tokenizer=words,
        scheduler=UnCLIPScheduler(
            variance_type="fixed_small_log",
            prediction_type="sample",
            num_train_timesteps=1000,
            clip_sample=True,
            clip_sample_range=5.0,
        ),
        image_processor=CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
    )


def _decoder() -> KandinskyV22Pipeline:
    torch.manual_seed(39)
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=8,  # noise and its variance
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        block_out_channels=(16, 32),
        layers_per_block=1,
        norm_num_groups=8,
        cross_attention_dim=16,
        attention_head_dim=8,
        addition_embed_type="image",
        encoder_hid_dim=WIDTH,
        encoder_hid_dim_type="image_proj",
        resnet_time_scale_shift="scale_shift",
        class_embed_type=None,
    )
    return KandinskyV22Pipeline(
        unet=filled(unet, 39),
        scheduler=DDPMScheduler(
            num_train_timesteps=1000,
            beta_schedule="linear",
            beta_start=0.00085,
            beta_end=0.012,
            clip_sample=False,
            variance_type="learned_range",
            thresholding=False,
        ),
        movq=_movq(),
    )


def _movq() -> VQModel:
    torch.manual_seed(25)
    found = VQModel(
        down_block_types=("DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
        up_block_types=("AttnUpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"),
        block_out_channels=(32, 32, 32, 32),  # its norms have 32 groups whatever the configuration says
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=32,
        num_vq_embeddings=32,
        vq_embed_dim=4,
        norm_type="spatial",
    )
    contrasty(found.decoder.conv_out)
    return found
