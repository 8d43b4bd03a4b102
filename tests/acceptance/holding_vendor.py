"""A vendor on 127.0.0.1 that counts what it is asked to pay for, and stops and waits wherever a test wants it to.

It speaks as Eachlabs does (a prediction is created, asked about, cancelled; its picture is behind a link), as OpenAI's
images (the picture is in the answer), and as Replicate with nothing to give (no credit, so another vendor is asked).
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from picture_host import picture_bytes

DEADLINE_SECONDS = 60.0  # for whatever must happen
COST_USD = "0.012"  # of one prediction, as it says
URLS = ("eachlabs", "openai", "replicate")
SIZE = (48, 32)

# Where it can be made to wait: before it answers a creation, while it works (it answers that it does), before it hands
# out the picture. "look", "cancel" and "refuse" are only counted.
Place = Literal["create", "work", "fetch"]
Counted = Literal["create", "look", "cancel", "fetch", "refuse"]


@dataclass
class _Work:
    prompt: str
    number: int  # which of its prompt's, from 0
    cancelled: bool = False


class HoldingVendor:
    """Everything is told apart by the prompt it is for. All methods may be called from any thread."""

    def __init__(self) -> None:
        self.url = ""
        self._changed = threading.Condition()
        self._held: dict[tuple[str, Place], int] = {}
        self._counts: Counter[tuple[str, Counted]] = Counter()
        self._works: list[_Work] = []

    # ── for tests ─────────────────────────────────────────────────────────────────────────────────────

    @property
    def urls(self) -> str:
        """Return the setting that leads to it."""
        return ",".join(f"{name}={self.url}/{name}" for name in URLS)

    def hold(self, prompt: str, place: Place, after: int = 0) -> None:
        """Wait there with what is for this prompt, but for its first `after` creations."""
        with self._changed:
            self._held[prompt, place] = after

    def let_go(self, prompt: str | None = None) -> None:
        """Wait no more with what is for this prompt, or with anything."""
        with self._changed:
            for key in [key for key in self._held if prompt in (None, key[0])]:
                del self._held[key]
            self._changed.notify_all()

    def counted(self, prompt: str, what: Counted) -> int:
        """Return how often it was asked for that; a creation counts as soon as the request is there."""
        with self._changed:
            return self._counts[prompt, what]

    def wait(self, prompt: str, what: Counted, times: int = 1) -> None:
        """Wait until it was asked for that so often."""
        with self._changed:
            there = self._changed.wait_for(lambda: self._counts[prompt, what] >= times, DEADLINE_SECONDS)
        assert there, f"{what} of {prompt!r}: not {times} times within {DEADLINE_SECONDS:.0f} s"

    # ── for requests ──────────────────────────────────────────────────────────────────────────────────

    def answer(self, method: str, path: str, body: Any) -> tuple[int, str, bytes]:
        """Return the status, the media type and the bytes of the answer to a request."""
        match method, path:
            case "POST", "/eachlabs/v1/prediction/":
                return _json({"status": "success", "predictionID": self._create(body["input"]["prompt"])})
            case "POST", "/openai/images/generations":
                self._create(body["prompt"])
                return _json({"created": 1, "data": [{"b64_json": base64.b64encode(picture_bytes(SIZE)).decode()}]})
            case "POST", "/replicate/v1/predictions":
                self._count(body["input"]["prompt"], "refuse")
                return _json({"title": "Insufficient credit", "detail": "There is no credit left."}, 402)
        if found := re.fullmatch(r"/eachlabs/v1/prediction/(\d+)(/cancel)?", path):
            return _json(self._cancel(int(found[1])) if found[2] else self._look(int(found[1])))
        if found := re.fullmatch(r"/pictures/(\d+)\.png", path):
            work = self._works[int(found[1])]
            self._count(work.prompt, "fetch")
            self._wait_while_held(work, "fetch")
            return 200, "image/png", picture_bytes(SIZE)
        return _json({"error": "no such path"}, 404)

    def _create(self, prompt: str) -> str:
        with self._changed:
            work = _Work(prompt, self._counts[prompt, "create"])
            self._works.append(work)
            made = len(self._works) - 1
            self._count(prompt, "create")
        self._wait_while_held(work, "create")
        return str(made)

    def _look(self, number: int) -> dict[str, object]:
        work = self._works[number]
        self._count(work.prompt, "look")
        with self._changed:
            if work.cancelled:
                return {"id": str(number), "status": "cancelled", "output": None}
            if self._is_held(work, "work"):
                return {"id": str(number), "status": "processing", "output": None}
        link = f"{self.url}/pictures/{number}.png"
        return {"id": str(number), "status": "success", "output": [link], "metrics": {"cost": float(COST_USD)}}

    def _cancel(self, number: int) -> dict[str, object]:
        self._works[number].cancelled = True
        self._count(self._works[number].prompt, "cancel")
        return {"id": str(number), "status": "cancelled"}

    def _count(self, prompt: str, what: Counted) -> None:
        with self._changed:
            self._counts[prompt, what] += 1
            self._changed.notify_all()

    def _is_held(self, work: _Work, place: Place) -> bool:
        after = self._held.get((work.prompt, place))
        return after is not None and work.number >= after

    def _wait_while_held(self, work: _Work, place: Place) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._is_held(work, place))


def _json(body: object, status: int = 200) -> tuple[int, str, bytes]:
    return status, "application/json", json.dumps(body).encode()


@contextmanager
def holding_vendor() -> Iterator[HoldingVendor]:
    """Run one until the block ends."""
    vendor = HoldingVendor()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._answer(json.loads(data or b"null"))

        def do_GET(self) -> None:
            self._answer(None)

        def _answer(self, body: Any) -> None:
            status, media_type, data = vendor.answer(self.command, self.path, body)
            with suppress(ConnectionError):  # who asked has been killed meanwhile
                self.send_response(status)
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    vendor.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield vendor
    finally:
        vendor.let_go()
        server.shutdown()
        thread.join()
        server.server_close()
