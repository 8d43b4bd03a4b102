"""What has a U-Net: Stable Diffusion 1.5 and XL, with a ControlNet and an IP-Adapter for XL."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import (
    ControlNetModel,
    DiffusionPipeline,
    EulerDiscreteScheduler,
    PNDMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import save_file
from transformers import CLIPImageProcessor

from tiny_checkpoints.autoencoders import filled, picture_encoder
from tiny_checkpoints.text_encoders import clip_text, clip_vision
from tiny_checkpoints.words import clip_words

WIDTHS = (16, 32)
TIME_WIDTH = 8
TEXT = 16
IP_TOKENS = 4


def sd15() -> DiffusionPipeline:
    """Return a Stable Diffusion 1.5 without its safety checker, like Realistic Vision."""
    words = clip_words()
    return StableDiffusionPipeline(
        vae=picture_encoder(),
        text_encoder=clip_text(words, width=TEXT),
        tokenizer=words,
        unet=_unet(TEXT, large=False),
        scheduler=PNDMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def sdxl(second: int = TEXT) -> DiffusionPipeline:
    """Return an SDXL; `second` is how wide the second text encoder is."""
    first, others = clip_words(), clip_words(pad="!")
    return StableDiffusionXLPipeline(
        vae=picture_encoder(scaling=0.13025),
        text_encoder=clip_text(first, width=TEXT),
        tokenizer=first,
        text_encoder_2=clip_text(others, width=second, projected=TEXT),
        tokenizer_2=others,
        unet=_unet(TEXT + second, large=True),
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1
        ),
        add_watermarker=False,
    )


def xl_controlnet(seed: int = 42) -> ControlNetModel:
    """Return a ControlNet for `sdxl`, whose last layers are not zero as those of an untrained one would be."""
    torch.manual_seed(seed)
    model = ControlNetModel(
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        block_out_channels=WIDTHS,
        layers_per_block=1,
        norm_num_groups=8,
        cross_attention_dim=2 * TEXT,
        transformer_layers_per_block=(1, 1),
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=TIME_WIDTH,
        projection_class_embeddings_input_dim=6 * TIME_WIDTH + TEXT,
        conditioning_embedding_out_channels=(8, 8, 16, 16),  # three halvings, as in the autoencoder
    )
    return filled(model, seed)  # type: ignore[return-value]


def save_ip_adapter(folder: Path, unet: UNet2DConditionModel) -> None:
    """Write an IP-Adapter for a U-Net: `sdxl_models/ip-adapter.safetensors` and its picture encoder, as on the hub."""
    encoder = clip_vision(width=16, projected=16)
    encoder.save_pretrained(folder / "sdxl_models" / "image_encoder")
    CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(
        folder / "feature_extractor"
    )
    torch.manual_seed(43)
    text = unet.config.cross_attention_dim
    weights = {
        "image_proj.proj.weight": torch.randn(IP_TOKENS * text, 16) * 0.2,
        "image_proj.proj.bias": torch.zeros(IP_TOKENS * text),
        "image_proj.norm.weight": torch.ones(text),
        "image_proj.norm.bias": torch.zeros(text),
    }
    number = 1  # a text attention has the odd numbers
    for name, processor in unet.attn_processors.items():
        if name.endswith("attn2.processor"):
            inner = _width_of(unet, name)
            weights[f"ip_adapter.{number}.to_k_ip.weight"] = torch.randn(inner, text) * 0.2
            weights[f"ip_adapter.{number}.to_v_ip.weight"] = torch.randn(inner, text) * 0.2
            number += 2
        assert processor is not None
    save_file(weights, folder / "sdxl_models" / "ip-adapter.safetensors")


def _width_of(unet: UNet2DConditionModel, attention: str) -> int:
    widths = unet.config.block_out_channels
    if attention.startswith("mid_block"):
        return int(widths[-1])
    block = int(attention.split(".")[1])
    return int(tuple(reversed(widths))[block] if attention.startswith("up_blocks") else widths[block])


def _unet(text: int, *, large: bool) -> UNet2DConditionModel:
    torch.manual_seed(41 if large else 40)
    only_large = {
        "transformer_layers_per_block": (1, 1),
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": TIME_WIDTH,
        "projection_class_embeddings_input_dim": 6 * TIME_WIDTH + TEXT,
        "use_linear_projection": True,
    }
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D") if large else ("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D") if large else ("UpBlock2D", "CrossAttnUpBlock2D"),
        block_out_channels=WIDTHS,
        layers_per_block=1,
        norm_num_groups=8,
        cross_attention_dim=text,
        attention_head_dim=(2, 4),
        **(only_large if large else {}),
    )
