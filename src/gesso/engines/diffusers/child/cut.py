"""Whether a prompt is longer than its text encoders read: what is behind that counts for nothing, and is noted."""

from __future__ import annotations

import inspect
from typing import Any, Final

from gesso.domain.events import Note
from gesso.engines.diffusers.child.batch import WORDS
from gesso.engines.diffusers.order import Call

TOKENIZERS: Final = ("tokenizer", "tokenizer_2", "tokenizer_3", "prior_tokenizer")
IN_A_TALK: Final = ("Flux2", "ZImage")  # whose limit is that of the words with what is said around them


def cut_words(pipe: Any, call: Call) -> tuple[Note, ...]:
    """Return a note for each of a call's prompts that none of the pipeline's text encoders reads to its end."""
    said = {name: call.arguments.get(name) for name in sorted(WORDS)} | {"negative_prompt": _against(call)}
    return tuple(
        note
        for name, words in said.items()
        if isinstance(words, str) and words and (note := _note(pipe, call, name, words)) is not None
    )


def _against(call: Call) -> object:
    return call.arguments.get("negative_prompt") or call.negative_words


def _note(pipe: Any, call: Call, name: str, words: str) -> Note | None:
    found = [(tokenizer, _limit(pipe, tokenizer, call)) for tokenizer in _readers(pipe)]
    read = [(_pieces(pipe, tokenizer, words), limit) for tokenizer, limit in found]
    if not read or any(limit is None or pieces <= limit for pieces, limit in read):
        return None
    pieces, limit = max(read, key=lambda one: one[1] or 0)
    return Note(
        "prompt_cut",
        f"The model reads about {limit} word pieces of {name}, which has {pieces}: what comes behind counts for nothing.",
        {"argument": name, "pieces": pieces, "read": limit},
    )


def _readers(pipe: Any) -> tuple[Any, ...]:
    found = (getattr(pipe, name, None) for name in TOKENIZERS)
    return tuple(
        one for one in found if one is not None and "ByT5" not in type(one).__name__
    )  # that reads quotes alone


def _limit(pipe: Any, tokenizer: Any, call: Call) -> int | None:
    """Return how many pieces an encoder reads, with those that mark begin and end; None where nobody says."""
    if "CLIP" in type(tokenizer).__name__:
        return int(tokenizer.model_max_length)
    usual = inspect.signature(pipe.__call__).parameters.get("max_sequence_length")
    known = getattr(pipe, "tokenizer_max_length", None) if usual is None else usual.default
    asked = call.arguments.get("max_sequence_length", known)
    return asked if isinstance(asked, int) else None


def _pieces(pipe: Any, tokenizer: Any, words: str) -> int:
    own = getattr(tokenizer, "tokenizer", tokenizer)  # of a processor
    if type(pipe).__name__.startswith(IN_A_TALK) and getattr(own, "chat_template", None):
        system = getattr(pipe, "system_message", "")
        talk = [{"role": "system", "content": system}] * bool(system) + [{"role": "user", "content": words}]
        text = own.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
        return len(own(text, verbose=False).input_ids)
    return len(own(words, verbose=False).input_ids)
