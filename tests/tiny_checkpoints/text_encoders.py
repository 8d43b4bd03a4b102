"""The text encoders of the families, some numbers wide. Depth is the real one where a pipeline reads a certain layer."""

from __future__ import annotations

import torch
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    Gemma2Config,
    Gemma2Model,
    PreTrainedTokenizerBase,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
)


def clip_text(words: PreTrainedTokenizerBase, *, width: int = 16, projected: int | None = None) -> torch.nn.Module:
    """Return a CLIP text encoder; with `projected` the one that also projects its pooled vector to that width."""
    config = CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=3,
        num_attention_heads=2,
        max_position_embeddings=77,
        projection_dim=projected or width,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    torch.manual_seed(11)
    return CLIPTextModel(config) if projected is None else CLIPTextModelWithProjection(config)


def clip_vision(*, width: int = 16, projected: int = 16) -> CLIPVisionModelWithProjection:
    """Return a CLIP vision encoder that takes pictures of 32 × 32."""
    torch.manual_seed(12)
    return CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=width,
            intermediate_size=2 * width,
            projection_dim=projected,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=32,
            patch_size=8,
        )
    )


def t5(words_count: int, *, width: int = 32) -> T5EncoderModel:
    """Return a T5 encoder."""
    torch.manual_seed(13)
    return T5EncoderModel(
        T5Config(
            vocab_size=words_count,
            d_model=width,
            d_kv=8,
            d_ff=2 * width,
            num_layers=2,
            num_heads=4,
            feed_forward_proj="gated-gelu",
            pad_token_id=0,
            eos_token_id=1,
            decoder_start_token_id=0,
            is_encoder_decoder=False,
            use_cache=False,
            tie_word_embeddings=False,
        )
    )


def qwen3(words: PreTrainedTokenizerBase, *, width: int = 16, layers: int = 3, writes: bool = False) -> torch.nn.Module:
    """Return a Qwen 3, with its output layer when it `writes`."""
    config = Qwen3Config(
        vocab_size=len(words),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=2048,
        pad_token_id=words.pad_token_id,
        bos_token_id=None,
        eos_token_id=words.eos_token_id,
    )
    torch.manual_seed(14)
    return Qwen3ForCausalLM(config) if writes else Qwen3Model(config)


def qwen_vl(words: PreTrainedTokenizerBase, *, width: int = 16) -> Qwen2_5_VLForConditionalGeneration:
    """Return a Qwen 2.5-VL: it reads pictures as well."""

    def number(word: str) -> int:
        return int(words.convert_tokens_to_ids(word))

    torch.manual_seed(15)
    return Qwen2_5_VLForConditionalGeneration(
        Qwen2_5_VLConfig(
            text_config={
                "vocab_size": len(words),
                "hidden_size": width,
                "intermediate_size": 2 * width,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "num_key_value_heads": 1,
                "max_position_embeddings": 4096,
                "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2]},
                "pad_token_id": words.pad_token_id,
                "bos_token_id": None,
                "eos_token_id": words.eos_token_id,
            },
            vision_config={
                "depth": 2,
                "hidden_size": 16,
                "intermediate_size": 32,
                "num_heads": 2,
                "out_hidden_size": width,
                "fullatt_block_indexes": [1],
            },
            image_token_id=number("<|image_pad|>"),
            video_token_id=number("<|video_pad|>"),
            vision_start_token_id=number("<|vision_start|>"),
            vision_end_token_id=number("<|vision_end|>"),
        )
    )


def gemma(words: PreTrainedTokenizerBase, *, width: int = 16) -> Gemma2Model:
    """Return a Gemma 2."""
    torch.manual_seed(16)
    return Gemma2Model(
        Gemma2Config(
            vocab_size=len(words),
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=8,
            max_position_embeddings=2048,
            attn_implementation="eager",
        )
    )
