"""Tokenizers trained on a few lines: every kind the families use, with the real classes and special words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer, GemmaTokenizer, PreTrainedTokenizerFast, Qwen2Tokenizer, T5Tokenizer

LINES = (
    "a red fox asleep on a stone wall under the autumn rain",
    "a photograph of a blue house beside the sea at night, soft light, shallow depth of field",
    "two women drinking coffee in a small kitchen, oil on canvas",
    "make the sky orange and remove the car from the street",
    "Describe the image by detailing the color, shape, size, texture, quantity, text, spatial relationships of the objects",
    "Describe the key features of the input image, then explain how the user's text instruction should alter it",
    "Given a user prompt, generate an enhanced prompt that provides detailed visual descriptions suitable for images",
    "You are an AI that reasons about image descriptions. You give structured responses focusing on object attributes",
    "system user assistant Picture 1 2 3 4: text blurry, low quality, watermark",
)
QWEN_WORDS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
    "<think>",
    "</think>",
)
QWEN_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
MISTRAL_WORDS = (
    "<unk>",
    "<s>",
    "</s>",
    "<pad>",
    "[INST]",
    "[/INST]",
    "[SYSTEM_PROMPT]",
    "[/SYSTEM_PROMPT]",
    "[IMG]",
    "[IMG_BREAK]",
    "[IMG_END]",
)
MISTRAL_TEMPLATE = (
    "<s>{% for message in messages %}"
    "{% if message.role == 'system' %}[SYSTEM_PROMPT]{% elif message.role == 'user' %}[INST]{% endif %}"
    "{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content %}"
    "{% if part.type == 'text' %}{{ part.text }}{% else %}[IMG]{% endif %}{% endfor %}{% endif %}"
    "{% if message.role == 'system' %}[/SYSTEM_PROMPT]{% elif message.role == 'user' %}[/INST]{% else %}</s>{% endif %}"
    "{% endfor %}"
)


def clip_words(*, pad: str = "<|endoftext|>") -> CLIPTokenizer:
    """Return a CLIP tokenizer; the second one of SDXL pads with "!"."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    ends = [f"{letter}</w>" for letter in alphabet]
    merges = _merges(LINES, end="</w>", lower=True)
    vocabulary = _numbered([*alphabet, *ends, *("".join(pair) for pair in merges), "<|startoftext|>", "<|endoftext|>"])
    return CLIPTokenizer(vocab=vocabulary, merges=merges, pad_token=pad, model_max_length=77)


def qwen_words() -> Qwen2Tokenizer:
    """Return a Qwen tokenizer with the words and the template of Qwen 2.5-VL and Qwen 3."""
    tokenizer = Qwen2Tokenizer(**_byte_level(LINES), model_max_length=2048)
    tokenizer.add_tokens([AddedToken(word, special=True, normalized=False) for word in QWEN_WORDS])
    tokenizer.pad_token, tokenizer.eos_token = "<|endoftext|>", "<|im_end|>"
    tokenizer.chat_template = QWEN_TEMPLATE
    return tokenizer


def mistral_words() -> PreTrainedTokenizerFast:
    """Return a tokenizer with the words and the template of Mistral Small 3."""
    made = _byte_level(LINES)
    backend = Tokenizer(models.BPE(vocab=made["vocab"], merges=made["merges"]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(word, special=True, normalized=False) for word in MISTRAL_WORDS])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        padding_side="left",
        model_max_length=2048,
    )
    tokenizer.chat_template = MISTRAL_TEMPLATE
    return tokenizer


def t5_words() -> T5Tokenizer:
    """Return a T5 tokenizer."""
    backend = Tokenizer(models.Unigram())
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=400,
        special_tokens=["<pad>", "</s>", "<unk>"],
        unk_token="<unk>",
        initial_alphabet=[chr(code) for code in range(33, 127)],
        show_progress=False,
    )
    backend.train_from_iterator(LINES, trainer)
    pieces = [(word, score) for word, score in json.loads(backend.to_str())["model"]["vocab"]]
    return T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=512)


def gemma_words() -> GemmaTokenizer:
    """Return a Gemma tokenizer: letters it never saw are spelled in bytes."""
    bytewise = [f"<0x{code:02X}>" for code in range(256)]
    merges = _merges([line.replace(" ", "▁") for line in LINES], end="", pieces="▁")
    letters = sorted({letter for line in LINES for letter in line.replace(" ", "▁")})
    first = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    vocabulary = _numbered([*first, *bytewise, *letters, *("".join(pair) for pair in merges)])
    return GemmaTokenizer(vocab=vocabulary, merges=merges, model_max_length=2048, padding_side="right")


def _byte_level(lines: Iterable[str]) -> dict[str, Any]:
    merges = _merges(lines, end="")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    return {"vocab": _numbered([*alphabet, *("".join(pair) for pair in merges)]), "merges": merges}


def _merges(
    lines: Iterable[str], *, end: str, lower: bool = False, pieces: str | None = None, size: int = 700
) -> list[tuple[str, str]]:
    """Return the pairs that byte-pair encoding learns from the lines."""
    backend = Tokenizer(models.BPE(end_of_word_suffix=end))
    if lower:
        backend.normalizer = normalizers.Lowercase()
    if pieces is None:
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        backend.pre_tokenizer = pre_tokenizers.Split(pieces, "merged_with_next")
    trainer = trainers.BpeTrainer(vocab_size=size, end_of_word_suffix=end, show_progress=False)
    backend.train_from_iterator(lines, trainer)
    return [(first, second) for first, second in json.loads(backend.to_str())["model"]["merges"]]


def _numbered(words: Sequence[str]) -> dict[str, int]:
    return {word: number for number, word in enumerate(dict.fromkeys(words))}
