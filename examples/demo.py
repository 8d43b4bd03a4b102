"""What `make demo` runs: start a server on a free port, edit a photograph and draw a picture over HTTP, stop it.

Needs no network. Writes out/edited.png and out/generated.png; ends with 1 when anything went wrong.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent
PHOTO = ROOT / "examples" / "photo.jpg"
OUT = ROOT / "out"
EDIT_PROMPT = "add a butterfly at the top right"
GENERATE_PROMPT = "a red balloon on a blue background"
READY_SECONDS = 60


def main() -> int:
    """Run the demo and return its exit code."""
    raise_loopback()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="gesso-demo-") as folder, server(Path(folder)) as (url, key):
        print(f"The server listens on {url} (ready after {time.perf_counter() - began:.1f} s).\n")
        with httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=120, trust_env=False
        ) as client:
            edit(client, OUT / "edited.png")
            generate(client, OUT / "generated.png")
    print(f"The server has stopped. All in {time.perf_counter() - began:.1f} s. Look at the two pictures in {OUT}.")
    return 0


def edit(client: httpx.Client, target: Path) -> None:
    """Send the photograph as a part of a form, as `curl -F image=@photo.jpg` would."""
    form = {"model": "gesso-sketch", "prompt": EDIT_PROMPT, "seed": "7"}
    with PHOTO.open("rb") as photo:
        files = {"image": (PHOTO.name, photo, "image/jpeg")}
        answer = client.post("/v1/jobs", data=form, files=files, headers={"Prefer": "wait=100"})
    save(client, answer, target, f'edit {PHOTO.relative_to(ROOT)}: "{EDIT_PROMPT}"')


def generate(client: httpx.Client, target: Path) -> None:
    """Send the ask as JSON."""
    body = {"model": "gesso-sketch", "input": {"prompt": GENERATE_PROMPT, "seed": 7}}
    answer = client.post("/v1/jobs", json=body, headers={"Prefer": "wait=100"})
    save(client, answer, target, f'generate: "{GENERATE_PROMPT}"')


def save(client: httpx.Client, answer: httpx.Response, target: Path, asked: str) -> None:
    """Fetch the finished job's picture into the target and tell what the server reported; exit when it failed."""
    job = answer.json()
    if answer.status_code != 200 or job.get("state") != "succeeded":
        sys.exit(f"{asked}\n  failed with HTTP {answer.status_code}: {json.dumps(job, indent=2)}")
    picture = job["pictures"][0]
    data = client.get(picture["url"]).raise_for_status().content
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(data)
    print(f"Asked to {asked}")
    print(f"  {target.relative_to(ROOT)}: {picture['width']}x{picture['height']}, {len(data):,} bytes")
    for line in report(job):
        print(f"  {line}")
    print(f"  {answer.elapsed.total_seconds():.2f} s ({answer.headers.get('server-timing', 'no timing')} ms)\n")


def report(job: dict[str, Any]) -> Iterator[str]:
    """Yield what the job says of itself: who made it, its notes, and what became of the parameters we sent."""
    route = job["route"]
    yield f"made by {route['runs']} on the engine {route['engine']} ({route['fidelity']}), seed {job['seed']}"
    for note in job["notes"]:
        yield note["message"]
    yield ", ".join(f"{entry['parameter']} {entry['verdict']}" for entry in job["parameters"] if entry["given"])


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, str]]:
    """Run `gesso serve` in the folder; yield its URL and the live key of its first start; stop it afterwards."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GESSO_")}
    environment["GESSO_DATA_DIR"] = str(folder / "data")
    command = [sys.executable, "-m", "gesso", "serve", "--port", "0", "--json"]
    with (
        (folder / "server.log").open("wb") as log,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                sys.exit(f"The server did not start:\n{(folder / 'server.log').read_text()}")
            facts = json.loads(line)
            wait_ready(facts["url"])
            yield facts["url"], facts["live_key"]
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_ready(url: str) -> None:
    """Return once the server says that it can take jobs."""
    deadline = time.monotonic() + READY_SECONDS
    while httpx.get(f"{url}/readyz", timeout=10, trust_env=False).status_code != 200:
        if time.monotonic() > deadline:
            sys.exit(f"The server was not ready within {READY_SECONDS} s.")
        time.sleep(0.05)


def raise_loopback() -> None:
    """Bring the interface `lo` up where a fresh network namespace (`unshare -n`) left it down."""
    if sys.platform != "linux":
        return
    import fcntl

    get_flags, set_flags, up = 0x8913, 0x8914, 1  # SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP of netdevice(7)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        answer = fcntl.ioctl(any_socket, get_flags, struct.pack("16sH14x", b"lo", 0))
        flags = struct.unpack("16sH14x", answer)[1]
        if flags & up:
            return
        try:
            fcntl.ioctl(any_socket, set_flags, struct.pack("16sH14x", b"lo", flags | up))
        except PermissionError:
            sys.exit("The loopback interface is down here and only root may change that: ip link set lo up")


if __name__ == "__main__":
    sys.exit(main())
