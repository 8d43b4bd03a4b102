"""The pipeline of one call, made anew from a loaded checkpoint's parts: the checkpoint's own is left as it is.

Never `from_pipe`: it casts the shared weights to float32.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import diffusers
from diffusers import SchedulerMixin

from gesso.engines.diffusers.child.attach import attached, parts_for
from gesso.engines.diffusers.child.loaded import Loaded, Refused
from gesso.engines.diffusers.child.offload import offloaded
from gesso.engines.diffusers.order import Call


@contextmanager
def pipeline_for(loaded: Loaded, call: Call) -> Iterator[Any]:
    """Give the pipeline of a call for as long as it runs, with what it needs attached. Raises `Refused`, `CannotLoad`.

    Models are shared with the checkpoint's own pipeline; schedulers and guiders, which have states, are copies: of
    those the call asks for (`scheduling`, `guider_scale`). Where weights wait in main memory, it is this pipeline that
    brings them to the device, so words are to be encoded with it too, and LoRAs to be put on before it is made.
    """
    pipe = _made(loaded, call, parts_for(loaded, call))
    with attached(pipe, loaded, call), offloaded(pipe, loaded.checkpoint.offload, loaded.device):
        yield pipe


def _made(loaded: Loaded, call: Call, extra: Mapping[str, Any]) -> Any:
    kind = _class(call.pipeline)
    words = inspect.signature(kind.__init__).parameters
    shared = {**loaded.pipe.components, **_stateful(loaded, call), **extra}
    own = {**dict(loaded.about.settings), **loaded.pipe.config, **dict(call.settings)}
    given = {name: shared[name] if name in shared else own[name] for name in words if name in shared or name in own}
    missing = [
        name for name, word in words.items() if word.default is word.empty and name not in given and name != "self"
    ]
    if missing:
        raise Refused(f"{loaded.checkpoint.target} lacks what {kind.__name__} needs: {', '.join(missing)}.")
    pipe = kind(**given)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _stateful(loaded: Loaded, call: Call) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, part in loaded.pipe.components.items():
        if isinstance(part, SchedulerMixin):
            found[name] = copy.deepcopy(part)
        elif name.endswith("guider") and part is not None:
            found[name] = part.new(**({} if call.guider_scale is None else {"guidance_scale": call.guider_scale}))
    if call.scheduling is not None:
        kind: Any = getattr(diffusers, call.scheduling.name)
        found["scheduler"] = kind.from_config(loaded.pipe.scheduler.config, **dict(call.scheduling.settings))
    return found


def _class(named: str) -> Any:
    module, _, name = named.rpartition(":")
    try:
        return getattr(import_module(module or "diffusers"), name)
    except (ImportError, AttributeError):
        raise Refused(f"This installation has no {name}.") from None
