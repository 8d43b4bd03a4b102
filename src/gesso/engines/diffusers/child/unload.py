"""A checkpoint out of memory: whoever still holds its pipeline, as a traceback may, holds no weights."""

from __future__ import annotations

import torch

from gesso.engines.diffusers.child.loaded import Loaded


def unload(loaded: Loaded) -> None:
    """Empty a loaded checkpoint, which is of no use afterwards. The memory is free once it is given back."""
    models = [part for part in loaded.pipe.components.values() if isinstance(part, torch.nn.Module)]
    loaded.pipe.remove_all_hooks()
    loaded.kept.clear()
    loaded.pipe = None
    for model in models:
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.data = torch.empty(0, dtype=tensor.dtype)
