"""Nodes of a fleet for tests: servers without a worker and workers without an API, on one PostgreSQL and one folder."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_SECONDS = 60
STOP_SECONDS = 30


@dataclass(frozen=True)
class Node:
    """A started process: what it said once it was ready, and where it logs."""

    facts: dict[str, Any]
    process: subprocess.Popen[bytes]
    log_path: Path

    def stop(self) -> int:
        """End it by SIGTERM; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(STOP_SECONDS)


@contextmanager
def node(
    folder: Path,
    name: str,
    *arguments: str,
    program: tuple[str, ...] = (sys.executable, "-m", "gesso"),
    variables: Mapping[str, str] | None = None,
    **settings: object,
) -> Iterator[Node]:
    """Run a command of `gesso` (`program`) on a shared folder until the block ends; fail on a traceback in its log.

    `variables` are of its environment, beside those of its settings.
    """
    data = folder / "shared"
    data.mkdir(parents=True, exist_ok=True)
    log_path = folder / f"{name}.log"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GESSO_")}
    environment |= variables or {}
    environment |= {"GESSO_DATA_DIR": str(data)} | {f"GESSO_{k.upper()}": str(v) for k, v in settings.items()}
    command = [*program, *arguments, "--json"]
    with (
        log_path.open("ab") as log,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        try:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
            line = process.stdout.readline() if ready else b""
            assert line, f"{name} did not start:\n{log_path.read_text(errors='replace')}"
            yield Node(json.loads(line), process, log_path)
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
    text = log_path.read_text(errors="replace")
    assert "Traceback" not in text, f"{name} logged an unexpected error:\n{text}"
