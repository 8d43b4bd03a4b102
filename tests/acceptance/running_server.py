"""A real server for tests to talk to: its own process, a free port, a folder of its own, ended after the tests."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

START_SECONDS = 60
STOP_SECONDS = 30


@dataclass(frozen=True)
class RunningServer:
    """A started `gesso serve`: where it is, the keys it printed on its first start (None later), what it logs."""

    url: str
    live_key: str | None
    test_key: str | None
    data_dir: Path
    log_path: Path
    process: subprocess.Popen[bytes]

    def client(self, key: str | None = None, **options: Any) -> httpx.Client:
        """Return an HTTP client that sends the key (the live one unless told); close it, or use it with `with`."""
        key = self.live_key if key is None else key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False, **options)

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")


def _first_line(process: subprocess.Popen[bytes], log_path: Path) -> dict[str, Any]:
    """Return what `gesso serve --json` says once it listens."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    line = process.stdout.readline() if ready else b""
    if not line:
        state = "ended" if ready else f"said nothing for {START_SECONDS} s"
        pytest.fail(f"gesso serve {state}; its log:\n{log_path.read_text(errors='replace')}")
    return json.loads(line)


def _wait_ready(url: str, log_path: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz", timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    pytest.fail(f"the server did not become ready; its log:\n{log_path.read_text(errors='replace')}")


@contextmanager
def running_server(data_dir: Path, **settings: object) -> Iterator[RunningServer]:
    """Run `gesso serve` on the folder with GESSO_<NAME>=value for each setting; fail on an unclean end or a traceback."""
    data_dir.mkdir(parents=True, exist_ok=True)
    log_path = data_dir.parent / f"{data_dir.name}.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GESSO_")}
    environment["GESSO_DATA_DIR"] = str(data_dir)
    environment |= {f"GESSO_{name.upper()}": str(value) for name, value in settings.items()}
    command = [sys.executable, "-m", "gesso", "serve", "--port", "0", "--json"]
    with (
        log_path.open("ab") as log,
        subprocess.Popen(command, cwd=data_dir, env=environment, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        try:
            facts = _first_line(process, log_path)
            _wait_ready(facts["url"], log_path)
            yield RunningServer(
                url=facts["url"],
                live_key=facts.get("live_key"),
                test_key=facts.get("test_key"),
                data_dir=data_dir,
                log_path=log_path,
                process=process,
            )
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(STOP_SECONDS)
        finally:
            if process.poll() is None:
                process.kill()
    log_text = log_path.read_text(errors="replace")
    assert "Traceback" not in log_text, f"the server logged an unexpected error:\n{log_text}"
    assert process.returncode in (0, -signal.SIGTERM, -signal.SIGKILL), f"exit code {process.returncode}:\n{log_text}"
