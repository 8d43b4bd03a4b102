"""A checkpoint from disk into memory, part by part: safetensors only, nothing looked up, each part put where it computes."""

from __future__ import annotations

import logging
from importlib import import_module
from threading import Lock
from typing import Any, Final

import diffusers
import torch
from diffusers.utils.logging import disable_progress_bar
from transformers.utils.logging import disable_progress_bar as disable_their_progress_bar

from gesso.engines.diffusers.about import NotWhole
from gesso.engines.diffusers.checkpoint import Checkpoint
from gesso.engines.diffusers.child.loaded import CannotLoad, Loaded
from gesso.engines.diffusers.child.memory import ran_out
from gesso.engines.diffusers.child.offload import where_it_waits
from gesso.engines.diffusers.child.processors import stand_ins
from gesso.engines.diffusers.child.quantise import check_quantisation, quantising, to_fp8
from gesso.engines.diffusers.child.tools import Tell
from gesso.engines.diffusers.composition import PRIOR, UNUSED, Composition, Source, compose, denoiser_of
from gesso.engines.diffusers.needs import is_made_small

DTYPES: Final = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}
LOCAL: Final = {"use_safetensors": True, "local_files_only": True}
LOADING: Final = Lock()  # the libraries switch torch's own initialisation off for a while: one load at a time
_log = logging.getLogger(__name__)


def load(checkpoint: Checkpoint, device: str, tell: Tell) -> Loaded:
    """Return a checkpoint loaded for a device. `tell` is told how many of its parts are there.

    Raises `CannotLoad`, or what running out of memory raises.
    """
    disable_progress_bar()
    disable_their_progress_bar()
    check_quantisation(checkpoint, device)
    try:
        with LOADING:
            return _load(checkpoint, device, tell)
    except NotWhole as error:
        raise CannotLoad(f"{checkpoint.target} cannot be loaded: {error}.") from None
    except CannotLoad:
        raise
    except Exception as error:
        if ran_out(error):
            raise
        _log.warning("%s cannot be loaded", checkpoint.target, exc_info=True)
        kind = type(error).__name__  # the message may hold paths of this machine
        raise CannotLoad(f"{checkpoint.target} cannot be loaded: it is not as diffusers expects it ({kind}).") from None


def _load(checkpoint: Checkpoint, device: str, tell: Tell) -> Loaded:
    found = compose(checkpoint)
    place = where_it_waits(checkpoint.offload, device)
    parts: dict[str, Any] = {}
    late = [source for source in found.sources if source.file is not None and source.library == "transformers"]
    for source in found.sources:
        tell(len(parts), len(found.sources))
        if source not in late:
            parts[source.part] = _part(checkpoint, found, source, place)
    pipe = _pipeline(checkpoint, found, parts, late)
    _put(checkpoint, pipe, place)
    pipe.set_progress_bar_config(disable=True)
    tell(len(found.sources), len(found.sources))
    return Loaded(pipe, found.about, checkpoint, bytes_of(pipe), device)


def bytes_of(pipe: Any) -> int:
    """Return what a pipeline's weights take, in bytes."""
    models = [one for one in pipe.components.values() if isinstance(one, torch.nn.Module)]
    tensors = {id(one): one for model in models for one in (*model.parameters(), *model.buffers())}
    return sum(_size(one) for one in tensors.values())


def _size(tensor: Any) -> int:
    if hasattr(tensor, "__tensor_flatten__"):  # quantised: of several tensors
        return sum(_size(getattr(tensor, name)) for name in tensor.__tensor_flatten__()[0])
    return int(tensor.numel() * tensor.element_size())


def _part(checkpoint: Checkpoint, found: Composition, source: Source, place: str) -> Any:
    kind: Any = getattr(import_module(source.library), source.name)
    small = is_made_small(checkpoint, source, denoiser_of(found.about))
    more = quantising(checkpoint, source.library) if small else {}
    more["dtype"] = DTYPES[checkpoint.precision]
    if source.file is not None:
        model = kind.from_single_file(
            str(source.file), config=str(found.frame), subfolder=source.part, local_files_only=True, **more
        )
    else:
        if source.variant is not None:
            more["variant"] = source.variant
        model, told = kind.from_pretrained(source.folder, output_loading_info=True, **LOCAL, **more)
        if told["missing_keys"]:
            lacking = f"its {source.part} lacks {len(told['missing_keys'])} of its weights"
            raise CannotLoad(f"{checkpoint.target} cannot be loaded: {lacking}.")
    if small:
        to_fp8(checkpoint, model)
    return model if _is_placed(model) else model.to(place)


def _pipeline(checkpoint: Checkpoint, found: Composition, parts: dict[str, Any], late: list[Source]) -> Any:
    """Return the pipeline of the class that the checkpoint itself names, with its tokenizers and scheduler."""
    own = {name: part for name, part in parts.items() if not name.startswith(PRIOR)}
    others = stand_ins(found.frame)
    own |= dict.fromkeys(others)
    own |= dict.fromkeys(name for name in UNUSED if found.about.has(name))
    if found.about.setting("requires_safety_checker") is not None:
        own["requires_safety_checker"] = False
    kind = _class(checkpoint, found.about.pipeline)
    if late:  # text encoders in a layout that the pipeline's class alone can read
        number = DTYPES[checkpoint.precision]
        pipe = kind.from_single_file(
            str(late[0].file), config=str(found.frame), local_files_only=True, dtype=number, **own
        )
    else:
        pipe = kind.from_pretrained(found.frame, **own, **LOCAL)
    pipe.register_modules(**others)
    return pipe if found.prior is None else _combined(checkpoint, found, pipe, parts)


def _combined(checkpoint: Checkpoint, found: Composition, decoder: Any, parts: dict[str, Any]) -> Any:
    """Return the pipeline of a decoder and its prior."""
    own = {name.removeprefix(PRIOR): part for name, part in parts.items() if name.startswith(PRIOR)}
    prior: Any = diffusers.DiffusionPipeline.from_pretrained(found.prior, **own, **LOCAL)
    others = {PRIOR + name: part for name, part in prior.components.items()}
    return _class(checkpoint, checkpoint.pipeline)(**decoder.components, **others)


def _class(checkpoint: Checkpoint, named: str) -> Any:
    found = getattr(diffusers, named, None)
    if found is None:
        raise CannotLoad(f"{checkpoint.target} cannot be loaded: diffusers {diffusers.__version__} has no {named}.")
    return found


def _put(checkpoint: Checkpoint, pipe: Any, place: str) -> None:
    """Bring the models to their place that did not come there one by one."""
    for model in pipe.components.values():
        if isinstance(model, torch.nn.Module) and not _is_placed(model):
            model.eval().to(place)


def _is_placed(model: torch.nn.Module) -> bool:
    """Tell whether a model came to its place when it was quantised, and must stay there."""
    quantiser = getattr(model, "hf_quantizer", None)
    return quantiser is not None and "torchao" not in type(quantiser).__name__.lower()
