"""Engines whose devices are painted by `fake_child`, and tasks for them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from gesso.domain.events import Task
from gesso.domain.ids import new_id
from gesso.domain.request import Request, RouteChoice
from gesso.engines.diffusers.engine import DiffusersEngine
from gesso.engines.diffusers.engine_settings import EngineSettings
from gesso.engines.diffusers.launch import Process, Thread
from gesso.engines.diffusers.supervise import Patience

TARGET = "black-forest-labs/FLUX.1-dev"
KINDS = {"process": Process, "thread": Thread}


def weights(folder: Path, pipeline: str = "FluxPipeline") -> Path:
    """Write the least that counts as a checkpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model_index.json").write_text(f'{{"_class_name": "{pipeline}"}}')
    return folder


def engine_of_noise(
    folder: Path, kind: str = "thread", *, main: str = "run", patience: Patience | None = None, **settings: Any
) -> DiffusersEngine:
    """Return an engine that has one checkpoint in that folder."""
    said = {"checkpoints": {TARGET: weights(folder / "flux")}, "devices": ("cpu",), **settings}
    return DiffusersEngine(
        EngineSettings(folder=folder / "weights", **said),
        launch=partial(KINDS[kind], main=f"fake_child:{main}"),
        patience=patience or Patience(start=30, silence=30, stop=30, end=5, pauses=(0, 0, 0)),
    )


def task(prompt: str = "a cat", *, count: int = 1, seed: int = 1, **request: Any) -> Task:
    """Return a task of small pictures."""
    arguments = {"prompt": prompt, "width": 32, "height": 16, "num_inference_steps": 2}
    return Task(
        new_id(),
        Request(model="flux-dev", operation="generate", prompt=prompt, seed=seed, count=count, **request),
        route(**arguments),
    )


def route(target: str = TARGET, pipeline: str = "FluxPipeline", **arguments: Any) -> RouteChoice:
    return RouteChoice(
        engine="diffusers", fidelity="exact", runs="flux-dev", target=target, pipeline=pipeline, arguments=arguments
    )
