"""Leaving a checkpoint as it was, also where a call of its pipeline was broken off in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gesso.engines.diffusers.family import Family


@contextmanager
def left_clean(pipe: Any, family: Family) -> Iterator[None]:
    """Put back what a call puts on the models that pipelines share, and takes off only if it comes to its end."""
    denoiser = getattr(pipe, family.denoiser, None)
    processors = dict(getattr(denoiser, "attn_processors", {}))
    try:
        yield
    finally:
        if any(now is not processors.get(name) for name, now in getattr(denoiser, "attn_processors", {}).items()):
            denoiser.set_attn_processor(processors)  # type: ignore[union-attr]  # guidance by perturbed attention's
        if getattr(denoiser, "is_cache_enabled", False):
            denoiser._reset_stateful_cache()  # type: ignore[union-attr]
        pipe.maybe_free_model_hooks()
