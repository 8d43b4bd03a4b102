"""A receiver of webhooks on this machine: keeps what is posted to it, and answers 200 unless told otherwise."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECONDS = 30.0


@dataclass(frozen=True)
class Received:
    """A webhook as it came; names of headers are lower-case."""

    headers: Mapping[str, str]
    body: bytes


@dataclass
class Receiver:
    """Where webhooks go."""

    url: str = ""
    status: int = 200
    go: threading.Event = field(default_factory=threading.Event)  # cleared, nothing is answered
    _kept: queue.Queue[Received] = field(default_factory=queue.Queue)

    def next(self) -> Received:
        """Return the next webhook that comes."""
        return self._kept.get(timeout=SECONDS)

    def answer(self, received: Received) -> int:
        """Take a webhook; return the status to answer with."""
        self._kept.put(received)
        self.go.wait(SECONDS)
        return self.status


@contextmanager
def webhook_receiver(receiver: Receiver | None = None) -> Iterator[Receiver]:
    """Listen on a free port of this machine."""
    receiver = receiver or Receiver()
    receiver.go.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = receiver.answer(Received({name.lower(): value for name, value in self.headers.items()}, body))
            with suppress(ConnectionError):
                self._answer(status)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield receiver
        finally:
            receiver.go.set()
            server.shutdown()
            thread.join()
