"""A vendor on 127.0.0.1 that answers each path as a test says, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request; header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class LoopbackVendor:
    """`answers` are by path: a status and a body, JSON unless it is bytes, or what makes them of the request. Any other
    path is answered 404.
    """

    url: str = ""
    answers: dict[str, tuple[int, Any] | Callable[[Asked], tuple[int, Any]]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def loopback_vendor() -> Iterator[LoopbackVendor]:
    """Serve a vendor while the block runs."""
    vendor = LoopbackVendor()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            path = self.path.partition("?")[0]
            asked = Asked(self.command, path, headers, self.rfile.read(size))
            vendor.asked.append(asked)
            answer = vendor.answers.get(path, (404, {}))
            status, said = answer(asked) if callable(answer) else answer
            body = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "image/png" if isinstance(said, bytes) else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    vendor.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield vendor
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
