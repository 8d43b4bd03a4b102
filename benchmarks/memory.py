"""How much memory the largest pictures take: parallel edits of 32 megapixels by a server that may use only 1.5 GB.

    python benchmarks/memory.py [--json] [--edits 50] [--side 0] [--slots 4] [--nothing-written]

A real `gesso serve` is capped (see `memory_cap`) and sent all edits at once, each of a picture of 6928 by 4618 pixels:
plain JPEG, JPEG as of a camera (to be turned, with a colour profile; also as base64 in JSON), and PNG with alpha. Every
one must end with a picture that decodes, or be refused with a problem document; the server must answer afterwards. Its
memory is read from /proc while it works. `--side` asks for small results, so that the run is short; 0 leaves them as
large as the server gives out.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from PIL import Image, ImageCms

from machine import ROOT, write_result
from memory_cap import Cap, capped

LIMIT_BYTES = 1_500_000_000
WIDTH, HEIGHT = 6928, 4618
ORIENTATION = 0x0112  # the EXIF tag
PROMPTS = ("add a red balloon on the left", "make it look like a pencil drawing", "add a duck", "make it warmer")
WAIT_SECONDS = 300
REFUSALS = (429, 503)


def main() -> None:
    """Measure, print, write the result; exit 1 when something did not end as it must."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments.add_argument("--edits", type=int, default=50, help="sent at once")
    arguments.add_argument(
        "--side", type=int, default=0, help="longer side of the results in pixels; 0: as large as may be"
    )
    arguments.add_argument("--slots", type=int, default=4, help="jobs the server runs at once")
    arguments.add_argument("--nothing-written", action="store_true", help="leave benchmarks/results/ as it is")
    chosen = arguments.parse_args()
    measured = measure(chosen.edits, chosen.side, chosen.slots)
    if chosen.json:
        print(json.dumps(measured, indent=2))
    else:
        show(measured)
    if not chosen.nothing_written:
        write_result("memory", measured)
    sys.exit(1 if measured["wrong"] else 0)


def measure(edits: int, side: int, slots: int) -> dict[str, Any]:
    """Return every number of one run, and under `wrong` all that did not end as it must."""
    bodies = Bodies(side)
    with tempfile.TemporaryDirectory(prefix="gesso-bench-") as folder, capped(LIMIT_BYTES) as cap:
        with served(cap, Path(folder), slots) as server:
            at_rest = server.memory()["VmRSS"]
            watch = Watch(server)
            began = time.perf_counter()
            with watch, ThreadPoolExecutor(edits) as pool:
                ends = list(pool.map(lambda number: edit(server, bodies, number), range(edits)))
            seconds = time.perf_counter() - began
            wrong = [end.wrong for end in ends if end.wrong] + server.still_well()
            peak = watch.most["VmHWM"]
        log = (Path(folder) / "log").read_text(errors="replace")
        wrong += [f"the kernel killed {cap.kills()}"] if cap.kills() else []
    if peak * 1024 > LIMIT_BYTES:
        wrong.append(f"the peak was over the limit: {peak} KiB")
    if "Traceback" in log:
        wrong.append(f"the server logged an unexpected error: {log[log.index('Traceback') :][-3000:]}")
    return {
        "limit_mib": round(LIMIT_BYTES / 2**20),
        "capped_by": cap.how,
        "edits": edits,
        "slots": slots,
        "input_megapixels": round(WIDTH * HEIGHT / 1e6, 1),
        "input_mib": bodies.mib,
        "result_pixels": sorted({end.size for end in ends if end.size}),
        "answers": dict(Counter(str(end.status) for end in ends)),
        "jobs": dict(Counter(end.state for end in ends if end.state)),
        "seconds": round(seconds, 1),
        "at_rest_mib": round(at_rest / 1024),
        "peak_mib": round(peak / 1024),
        "of_it_anonymous_mib": round(watch.most["RssAnon"] / 1024),
        "wrong": wrong,
    }


# ── what is sent ──────────────────────────────────────────────────────────────────────────────────────────


class Bodies:
    """The large pictures, made once, and the requests that carry them."""

    def __init__(self, side: int) -> None:
        with Image.open(ROOT / "examples" / "photo.jpg") as photo:
            large = photo.convert("RGB").resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        turned = Image.Exif()
        turned[ORIENTATION] = 6
        self._files = {
            "jpeg": saved(large, "JPEG", quality=95),
            "camera": saved(large, "JPEG", quality=95, exif=turned, icc_profile=foreign_profile()),
        }
        large.putalpha(Image.linear_gradient("L").resize(large.size))
        self._files["png"] = saved(large, "PNG", compress_level=1)
        text = base64.b64encode(self._files["camera"]).decode()
        self._size = {"width": side, "height": side * HEIGHT // WIDTH} if side else {}
        self._json = [json.dumps(self._ask({"image": text}, number)).encode() for number in range(len(PROMPTS))]
        sizes = {kind: len(data) for kind, data in self._files.items()} | {"json": len(self._json[0])}
        self.mib = {kind: round(size / 2**20, 1) for kind, size in sizes.items()}

    def _ask(self, rest: dict[str, str], number: int) -> dict[str, Any]:
        prompt = PROMPTS[number % len(PROMPTS)]
        return {"model": "gesso-sketch", "input": {"prompt": prompt, "seed": 1, **self._size, **rest}}

    def request(self, number: int) -> dict[str, Any]:
        """Return what httpx is to send: of every five edits two are JPEG, two as of a camera (one in JSON), one PNG."""
        kind = ("jpeg", "json", "camera", "png", "jpeg")[number % 5]
        if kind == "json":
            return {"content": self._json[number % len(PROMPTS)], "headers": {"Content-Type": "application/json"}}
        ask = self._ask({}, number)
        fields = {"model": ask["model"], **{name: str(value) for name, value in ask["input"].items()}}
        return {"data": fields, "files": {"image": ("photo", self._files[kind], "application/octet-stream")}}


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """Return the picture as a file."""
    target = io.BytesIO()
    picture.save(target, kind, **options)
    return target.getvalue()


def foreign_profile() -> bytes:
    """Return a profile that is not sRGB, so that every pixel has to be converted: red and green change places."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return data.replace(b"rXYZ", b"\0XYZ").replace(b"gXYZ", b"rXYZ").replace(b"\0XYZ", b"gXYZ")


@dataclass
class End:
    """How one edit ended: the status of the answer to its submit, the job's state, the size of its picture."""

    status: int
    state: str | None = None
    size: str | None = None
    wrong: str | None = None


def edit(server: Served, bodies: Bodies, number: int) -> End:
    """Send one edit and see it to its end."""
    try:
        with server.client() as client:
            answer = client.post("/v1/jobs", **bodies.request(number))
            if answer.status_code in REFUSALS and answer.headers["content-type"] == "application/problem+json":
                return End(answer.status_code)
            if answer.status_code != 202:
                return End(
                    answer.status_code, wrong=f"the answer to edit {number}: {answer.status_code} {answer.text[:300]}"
                )
            job = answer.json()
            while job["state"] in ("queued", "running"):
                job = client.get(f"/v1/jobs/{job['id']}", headers={"Prefer": f"wait={WAIT_SECONDS}"}).json()
            if job["state"] != "succeeded":
                return End(202, job["state"], wrong=f"edit {number} ended {job['state']}: {job['error']}")
            with Image.open(io.BytesIO(client.get(job["pictures"][0]["url"]).content)) as made:
                made.load()
                return End(202, job["state"], f"{made.width} x {made.height}")
    except httpx.HTTPError as error:
        return End(0, wrong=f"edit {number} had no answer: {error!r}")


# ── the server ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Served:
    """The capped server process."""

    url: str
    key: str
    process: subprocess.Popen[bytes]

    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=2 * WAIT_SECONDS, trust_env=False)

    def memory(self) -> dict[str, int]:
        """Return what the kernel says of its memory, in KiB: VmRSS, VmHWM (the most there was), RssAnon, …"""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines) if "kB" in rest}

    def still_well(self) -> list[str]:
        """Return what is wrong with it after the work."""
        if self.process.poll() is not None:
            return [f"the server has ended: {self.process.returncode}"]
        with self.client() as client:
            ready = client.get("/readyz").status_code
            small = {"model": "gesso-sketch", "input": {"prompt": "a duck", "width": 64, "height": 64}}
            after = client.post("/v1/jobs", json=small, headers={"Prefer": "wait=60"})
        well = ready == 200 and after.status_code == 200 and after.json()["state"] == "succeeded"
        return [] if well else [f"afterwards it is not well: {ready}, {after.text[:300]}"]


@contextmanager
def served(cap: Cap, folder: Path, slots: int) -> Iterator[Served]:
    """Run `gesso serve` on a new data folder within the cap."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GESSO_")}
    environment |= {"GESSO_DATA_DIR": str(folder / "data"), "GESSO_BUILTIN_SLOTS": str(slots)}
    command = cap.wrap([sys.executable, "-m", "gesso", "serve", "--port", "0", "--json"])
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            sys.exit(f"The server did not start: {(folder / 'log').read_text(errors='replace')}")
        said = json.loads(line)
        try:
            yield Served(said["url"], said["live_key"], process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


@dataclass
class Watch:
    """Looks at the server's memory ten times a second, within the block; `most` is the highest of each number."""

    server: Served
    most: Counter[str] = field(default_factory=Counter)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self._look()

    def _look(self) -> None:
        try:
            self.most |= Counter(self.server.memory())
        except (OSError, ValueError):  # it has ended
            self._over.set()


def show(measured: dict[str, Any]) -> None:
    """Print the table."""
    for name, value in measured.items():
        if name != "wrong":
            shown = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
            print(f"{name.replace('_', ' '):<24} {shown}")
    for line in measured["wrong"]:
        print(f"wrong: {line}")


if __name__ == "__main__":
    main()
