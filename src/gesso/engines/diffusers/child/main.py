"""The process of a device: it takes orders over a pipe, and paints them one after the other until it is told to quit.

`run` is the target of the process; whoever wants everything in one process gives it to a thread.
"""

from __future__ import annotations

import logging
import os
from importlib.metadata import version
from multiprocessing.connection import Connection

# Before anything is imported that reads them. All there is lies on the disk; what libraries remark is for nobody here.
os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "DIFFUSERS_VERBOSITY": "error"}

import torch

from gesso.engines.diffusers.child.encode import Encoder
from gesso.engines.diffusers.child.inbox import Inbox, Item, Line
from gesso.engines.diffusers.child.paint import paint
from gesso.engines.diffusers.child.quiet import quieten
from gesso.engines.diffusers.child.stop import Work
from gesso.engines.diffusers.child.toolbox import tools_of
from gesso.engines.diffusers.child.tools import Tools
from gesso.engines.diffusers.child_settings import ChildSettings
from gesso.engines.diffusers.messages import Alive, Held, Keep, LetGo, Quit

LIBRARIES = ("torch", "diffusers", "transformers", "accelerate", "peft")

log = logging.getLogger(__name__)


def run(connection: Connection, settings: ChildSettings, tools: Tools | None = None) -> None:
    """Serve until told to quit, or until nobody is at the other end. Both ends of the pipe read its end then.

    Raises what says that the device is broken: the process is of no use any more.
    """
    line = Line(connection)
    try:
        quieten()
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)
        ready = tools or tools_of(settings)
        line.send(
            Alive(tuple((name, version(name)) for name in LIBRARIES), settings.device, memory_of(settings.device))
        )
        inbox = Inbox(line)
        inbox.open()
        _serve(line, inbox, ready, Encoder(settings.embeddings_bytes))
    finally:
        line.hang_up()


def memory_of(device: str) -> int:
    """Return how much memory a device has, in bytes."""
    if device.startswith("cuda"):
        return int(torch.cuda.mem_get_info(device)[1])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _serve(line: Line, inbox: Inbox, tools: Tools, encoder: Encoder) -> None:
    told: Held | None = None
    while not isinstance(item := inbox.next(), Quit):
        _do(item, inbox, tools, encoder)
        held = tools.weights.held()
        if held != told:
            line.send(held)
            told = held


def _do(item: Item, inbox: Inbox, tools: Tools, encoder: Encoder) -> None:
    match item:
        case Work():
            try:
                paint(item, tools, encoder)
            finally:
                inbox.done(item)
        case Keep():
            tools.weights.keep(item.targets)
        case LetGo():
            tools.weights.let_go(item.target)
            encoder.forget(item.target)
