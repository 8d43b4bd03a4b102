"""HTTP/1.1 as uvicorn speaks it, with a limit on a request's head: the parser itself keeps whatever comes."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024  # request line and headers; what arrived in the same piece is let through


class BoundedHeads(HttpToolsProtocol):
    """Answers 400 and hangs up when a request's line and headers do not end."""

    _heads = 0  # heads that ended, on this connection
    _pending = 0  # bytes of the head in progress

    def on_headers_complete(self) -> None:
        """Count one more head."""
        self._heads += 1
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Expect a head next."""
        self._heads += 1
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """Take some bytes; odd counts of `_heads` are bodies."""
        before = self._heads
        super().data_received(data)
        in_head = self._heads == before and self._heads % 2 == 0
        self._pending = self._pending + len(data) if in_head else 0
        if self._pending > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The request's line and headers are too long.")
