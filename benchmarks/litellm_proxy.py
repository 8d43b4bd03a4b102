"""LiteLLM's proxy as the yardstick of `gateway.py`: its own virtual environment, one model, as it comes, without a network."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VERSION = "1.106.0"
FOLDER = Path(tempfile.gettempdir()) / f"gesso-bench-litellm-{VERSION}"
KEY = "sk-litellm-master"
SHOWN = ("litellm", "fastapi", "uvicorn", "uvloop", "openai", "httpx", "aiohttp", "pydantic")
START_SECONDS = 180
# It asks nobody for prices, tells nobody of itself, reads no .env file; and logs no line a request, as ours does not.
SETTINGS = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "ERROR",
    "LITELLM_TELEMETRY": "False",
    "DISABLE_ADMIN_UI": "True",
}


def environment() -> Path:
    """Return the folder of programs of LiteLLM's virtual environment, made if it is not there yet (some minutes)."""
    programs = FOLDER / "bin"
    if not (FOLDER / "made").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", FOLDER], check=True)
        wanted = f"litellm[proxy]=={VERSION}"
        subprocess.run(
            [programs / "python", "-m", "pip", "--disable-pip-version-check", "-qq", "install", wanted], check=True
        )
        (FOLDER / "made").touch()
    return programs


def versions(programs: Path) -> dict[str, str]:
    """Return what was installed of what matters."""
    command = [programs / "python", "-m", "pip", "--disable-pip-version-check", "list", "--format", "json"]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return {one["name"].lower(): one["version"] for one in found if one["name"].lower() in SHOWN}


@contextmanager
def proxy(folder: Path, upstream: str, upstream_key: str, model: str) -> Iterator[tuple[str, int]]:
    """Run the proxy before an upstream that speaks OpenAI's API (`…/v1`), in a folder of its own.

    Yields its address and the id of its process.
    """
    folder.mkdir()
    port = free_port()
    passed_on = {"model": f"openai/{model}", "api_base": upstream, "api_key": upstream_key}
    config = {
        "model_list": [{"model_name": model, "litellm_params": passed_on}],
        "litellm_settings": {"telemetry": False},
        "general_settings": {"master_key": KEY},
    }
    (folder / "config.yaml").write_text(json.dumps(config))  # JSON is YAML
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    command = [
        environment() / "litellm",
        "--config",
        folder / "config.yaml",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            command, cwd=folder, env=kept | SETTINGS | {"HOME": str(folder)}, stdout=log, stderr=subprocess.STDOUT
        ) as process,
    ):
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_for(f"{url}/health/liveliness", process, folder / "log")
            yield url, process.pid
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    sys.exit(f"LiteLLM did not start: {log.read_text(errors='replace')[-3000:]}")


def free_port() -> int:
    """Return a port that was free a moment ago: it takes none by itself."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
