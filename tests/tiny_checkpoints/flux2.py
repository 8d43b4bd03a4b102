"""FLUX.2: [dev], and [klein] as base and as distilled."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import (
    AutoencoderKLFlux2,
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Pipeline,
    Flux2Transformer2DModel,
)
from transformers import Mistral3Config, Mistral3ForConditionalGeneration
from transformers.models.pixtral.image_processing_pil_pixtral import PixtralImageProcessorPil

from tiny_checkpoints.autoencoders import FOUR, contrasty, filled, outspoken
from tiny_checkpoints.processors import save_processor
from tiny_checkpoints.text_encoders import qwen3
from tiny_checkpoints.words import mistral_words, qwen_words

LATENT = 8
WIDTH = 8  # of the text encoders, of which the pipelines read three layers
KLEIN_DEPTH, DEV_DEPTH = 28, 31  # one more than the last layer read


def flux2_transformer(*, guided: bool, seed: int = 32) -> Flux2Transformer2DModel:
    """Return the transformer; [klein]'s takes no guidance."""
    torch.manual_seed(seed)
    model = Flux2Transformer2DModel(
        in_channels=4 * LATENT,
        num_layers=2,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=3 * WIDTH,
        timestep_guidance_channels=256,
        axes_dims_rope=(4, 4, 4, 4),
        guidance_embeds=guided,
    )
    return outspoken(filled(model, seed))


def save_flux2_dev(folder: Path) -> None:
    """Write a [dev]. Its tokenizer is a processor, as its text encoder can look at pictures; that needs torchvision,
    which is not needed here: the processor's files are written one by one."""
    words = mistral_words()
    Flux2Pipeline(
        scheduler=_scheduler(),
        vae=_vae(),
        text_encoder=_mistral(words.convert_tokens_to_ids("[IMG]"), len(words)),
        tokenizer=words,
        transformer=flux2_transformer(guided=True),
    ).save_pretrained(folder)
    preparing = PixtralImageProcessorPil(size={"longest_edge": 64}, patch_size={"height": 8, "width": 8})
    save_processor(
        folder, "tokenizer", "PixtralProcessor", preparing, patch_size=8, spatial_merge_size=2, image_token="[IMG]"
    )


def flux2_klein_base() -> DiffusionPipeline:
    """Return a [klein] base, which is guided by a second pass."""
    return _klein(distilled=False)


def flux2_klein() -> DiffusionPipeline:
    """Return a [klein] that was distilled to four steps without guidance."""
    return _klein(distilled=True)


def _klein(*, distilled: bool) -> DiffusionPipeline:
    words = qwen_words()
    return Flux2KleinPipeline(
        scheduler=_scheduler(),
        vae=_vae(),
        text_encoder=qwen3(words, width=WIDTH, layers=KLEIN_DEPTH, writes=True),
        tokenizer=words,
        transformer=flux2_transformer(guided=False),
        is_distilled=distilled,
    )


def _scheduler() -> FlowMatchEulerDiscreteScheduler:
    return FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True, time_shift_type="exponential")


def _vae() -> AutoencoderKLFlux2:
    torch.manual_seed(22)
    found = AutoencoderKLFlux2(
        down_block_types=("DownEncoderBlock2D",) * FOUR,
        up_block_types=("UpDecoderBlock2D",) * FOUR,
        block_out_channels=(8,) * FOUR,
        layers_per_block=1,
        norm_num_groups=4,
        latent_channels=LATENT,
        sample_size=64,
    )
    contrasty(found.decoder.conv_out)
    return found


def _mistral(image_word: int, words_count: int) -> Mistral3ForConditionalGeneration:
    torch.manual_seed(17)
    return Mistral3ForConditionalGeneration(
        Mistral3Config(
            text_config={
                "model_type": "mistral",
                "vocab_size": words_count,
                "hidden_size": WIDTH,
                "intermediate_size": 2 * WIDTH,
                "num_hidden_layers": DEV_DEPTH,
                "num_attention_heads": 2,
                "num_key_value_heads": 1,
                "head_dim": 8,
                "max_position_embeddings": 2048,
                "sliding_window": None,
            },
            vision_config={
                "model_type": "pixtral",
                "hidden_size": 16,
                "intermediate_size": 32,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
                "head_dim": 8,
                "image_size": 64,
                "patch_size": 8,
            },
            image_token_index=image_word,
            spatial_merge_size=2,
        )
    )
