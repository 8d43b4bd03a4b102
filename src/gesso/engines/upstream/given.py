"""One call's worth of a task, as a vendor's file is handed it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from PIL import Image

from gesso.domain.events import GivenFile, Task
from gesso.domain.picture import MaskPolarity
from gesso.domain.request import SEED_LIMIT
from gesso.engines.upstream.ask import Ask
from gesso.imaging.hand_on import mask_file


def asks_of(task: Task, mask: MaskPolarity, targets: Mapping[str, str] | None = None) -> tuple[Ask, ...]:
    """Return the calls a task takes: one, or one for each picture where the route says so.

    `mask` is what the vendor repaints, `targets` are the operator's names instead of the catalogue's.
    """
    files = tuple(_turned(file, mask) if file.role == "mask" else file for file in task.files)
    target = (targets or {}).get(task.route.target, task.route.target)
    if not task.route.repeats:
        return (_ask(task, target, files, 0, task.request.count),)
    return tuple(_ask(task, target, files, index, 1) for index in range(task.request.count))


def _turned(file: GivenFile, mask: MaskPolarity) -> GivenFile:
    if mask == "white":
        return file
    data, media_type = mask_file(np.asarray(Image.open(io.BytesIO(file.data)).convert("L")), mask)
    return replace(file, data=data, media_type=media_type)


def _ask(task: Task, target: str, files: tuple[GivenFile, ...], index: int, count: int) -> Ask:
    route, request = task.route, task.request
    arguments = dict(route.arguments)
    if index and route.seed_argument in arguments:
        limit = SEED_LIMIT if route.seed_maximum is None else route.seed_maximum + 1
        arguments[route.seed_argument] = (request.seed + index) % limit
    return Ask(
        model=request.model,
        target=target,
        operation=request.operation,
        prompt=request.prompt,
        arguments=arguments,
        pictures=files,
        count=count,
        index=index,
        width=request.width,
        height=request.height,
        once=hashlib.sha256(f"{task.job_id}/{route.vendor}/{index}".encode()).hexdigest()[:32],
    )
