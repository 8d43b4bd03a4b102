"""A checkpoint from disk into memory, part by part: safetensors only, nothing looked up, each part put where it computes."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any, Final

import diffusers
import torch
from diffusers.utils.logging import disable_progress_bar
from transformers.utils.logging import disable_progress_bar as disable_their_progress_bar

from gesso.engines.diffusers.about import NotWhole, libraries, part_files, read_about
from gesso.engines.diffusers.checkpoint import Checkpoint
from gesso.engines.diffusers.child.loaded import CannotLoad, Loaded
from gesso.engines.diffusers.child.processors import stand_ins
from gesso.engines.diffusers.child.tools import Tell

DTYPES: Final = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}
NO_CHECKER: Final = {"safety_checker": None, "requires_safety_checker": False}  # ours looks at every family's pictures
LOADING: Final = Lock()  # the libraries switch torch's own initialisation off for a while: one load at a time


def load(checkpoint: Checkpoint, device: str, tell: Tell) -> Loaded:
    """Return a checkpoint loaded for a device. `tell` is told how many of its parts are there.

    Raises `CannotLoad`, or what running out of memory raises.
    """
    disable_progress_bar()
    disable_their_progress_bar()
    try:
        with LOADING:
            return _folder(checkpoint, device, tell)
    except NotWhole as error:
        raise CannotLoad(f"{checkpoint.target} cannot be loaded: {error}.") from None


def _folder(checkpoint: Checkpoint, device: str, tell: Tell) -> Loaded:
    folder = checkpoint.path
    about = read_about(folder)
    given = dict.fromkeys(("safety_checker",)) if about.has("safety_checker") else {}
    others = stand_ins(folder)
    models = {name: known for name, known in libraries(folder).items() if name not in given and _is_model(*known)}
    for number, (name, known) in enumerate(models.items()):
        tell(number, len(models))
        given[name] = _model(folder, name, *known, checkpoint).to(device)
    kind: Any = _class(checkpoint, about.pipeline)
    settings = NO_CHECKER if "requires_safety_checker" in dict(about.settings) else {}
    pipe = kind.from_pretrained(
        folder, **{**given, **dict.fromkeys(others), **settings}, use_safetensors=True, local_files_only=True
    )
    pipe.register_modules(**others)
    pipe.to(device)
    pipe.set_progress_bar_config(disable=True)
    tell(len(models), len(models))
    return Loaded(pipe, about, checkpoint, bytes_of(pipe), device)


def bytes_of(pipe: Any) -> int:
    """Return what a pipeline's weights take, in bytes."""
    models = [one for one in pipe.components.values() if isinstance(one, torch.nn.Module)]
    tensors = {one.data_ptr(): one for model in models for one in (*model.parameters(), *model.buffers())}
    return sum(one.numel() * one.element_size() for one in tensors.values())


def _class(checkpoint: Checkpoint, named: str) -> Any:
    """Return the class that takes the checkpoint's parts: its own. A call's own class is made of them (`siblings.py`)."""
    if checkpoint.pipeline.endswith("CombinedPipeline"):  # of two checkpoints, of which the folder is but one
        named = checkpoint.pipeline
    found = getattr(diffusers, named, None)
    if found is None:
        raise CannotLoad(f"{checkpoint.target} cannot be loaded: diffusers {diffusers.__version__} has no {named}.")
    return found


def _is_model(library: str, name: str) -> bool:
    found = getattr(import_module(library), name, None) if library in ("diffusers", "transformers") else None
    return isinstance(found, type) and issubclass(found, torch.nn.Module)


def _model(folder: Path, part: str, library: str, name: str, checkpoint: Checkpoint) -> Any:
    kind: Any = getattr(import_module(library), name)
    files = part_files(folder, part)
    more = {} if files is None or files.variant is None else {"variant": files.variant}
    return kind.from_pretrained(
        folder / part, dtype=DTYPES[checkpoint.precision], use_safetensors=True, local_files_only=True, **more
    )
