"""A TCP proxy that brings the first request to the server in full, and then cuts the client off without its answer."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

SECONDS = 60.0


@dataclass(frozen=True)
class Message:
    """A request or an answer as it was on the wire."""

    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        found = re.search(rf"^{name}: *(.*?)\r?$".encode(), self.head, re.MULTILINE | re.IGNORECASE)
        return found[1].decode() if found else ""


class CuttingProxy:
    """`requests` reached the server in full; `answers` are what it answered, also to those who were cut off."""

    def __init__(self, server_url: str, cut_when: Callable[[], object]) -> None:
        where = urlsplit(server_url)
        self._server, self._cut_when = (where.hostname, where.port), cut_when
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._first = True
        self._threads: list[threading.Thread] = []
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.requests: list[Message] = []
        self.answers: list[Message] = []

    def __enter__(self) -> CuttingProxy:
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._listener.join(SECONDS)
        self._socket.close()
        for thread in self._threads:
            thread.join(SECONDS)

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:  # we were left
                return
            first, self._first = self._first, False
            thread = threading.Thread(target=self._serve, args=(client, first))
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket, cut: bool) -> None:
        """Carry one request and its answer; a client asks for a new connection when this one is closed."""
        with client, socket.create_connection(self._server, SECONDS) as server:
            client.settimeout(SECONDS)
            request = _receive(client)
            server.sendall(request.head + request.body)
            self.requests.append(request)
            if cut:
                self._cut_when()
                client.close()
            answer = _receive(server)
            self.answers.append(answer)
            if not cut:
                client.sendall(answer.head + answer.body)


def _receive(source: socket.socket) -> Message:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(source)
    head, _, body = data.partition(b"\r\n\r\n")
    message = Message(head + b"\r\n\r\n", body)
    length = int(message.header("content-length"))
    while len(body) < length:
        body += _some(source)
    return Message(message.head, body)


def _some(source: socket.socket) -> bytes:
    data = source.recv(1 << 16)
    assert data, "it ended early"
    return data
