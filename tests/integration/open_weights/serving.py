"""What a process of its own runs in a test: it imports nothing before it begins, as the engine's process does not."""

from __future__ import annotations

from multiprocessing.connection import Connection


def serve(connection: Connection, afterwards: Connection) -> None:
    """Serve a CPU; then say whether anything would have been looked up on the hub."""
    from gesso.engines.diffusers.child.main import run
    from gesso.engines.diffusers.child_settings import ChildSettings

    run(connection, ChildSettings("cpu"))
    from huggingface_hub import constants

    afterwards.send(constants.HF_HUB_OFFLINE)
