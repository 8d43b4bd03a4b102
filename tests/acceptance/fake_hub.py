"""A hub of weights on 127.0.0.1, with the answers of the real one: repositories, gates, ranges, and ways to break off."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

LARGE = 1000  # bytes from which a file is kept apart, and named by its SHA-256


@dataclass
class Kept:
    """A repository: its files, and what its owner says. `lies` are files whose content is not what was promised."""

    files: dict[str, bytes]
    licence: str = "apache-2.0"
    gated: bool = False
    commit: str = "c0ffee"
    lies: dict[str, bytes] = field(default_factory=dict)


@dataclass
class FakeHub:
    """`token` opens gates. `cuts` has the bytes after which the next answer for a file ends, one cut after the other."""

    url: str = ""
    repositories: dict[str, Kept] = field(default_factory=dict)
    token: str = "hf_let_me_in"
    cuts: dict[str, list[int]] = field(default_factory=dict)
    ranges: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # path and range, of files
    tokens: list[str | None] = field(default_factory=list)


@contextmanager
def fake_hub(**repositories: Kept) -> Iterator[FakeHub]:
    """Serve these; `owner__name` stands for owner/name."""
    hub = FakeHub(repositories={name.replace("__", "/"): kept for name, kept in repositories.items()})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            sent = self.headers.get("authorization")
            hub.tokens.append(sent)
            name = "/".join(path.removeprefix("/api/models/").strip("/").split("/")[:2])
            kept = hub.repositories.get(name)
            if kept is None:
                self._say(401 if sent is None else 404, b"{}")
            elif kept.gated and sent != f"Bearer {hub.token}" and "/resolve/" in path:
                self._say(401 if sent is None else 403, b"{}")
            elif path.startswith("/api/models/"):
                self._say(200, json.dumps(_described(name, kept)).encode())
            else:
                self._file(kept, path.split(f"/resolve/{kept.commit}/", 1)[1])

        def _file(self, kept: Kept, path: str) -> None:
            asked = self.headers.get("range")
            hub.asked.append((path, asked))
            data = kept.lies.get(path, kept.files[path])
            begin = int(asked.removeprefix("bytes=").partition("-")[0]) if asked and hub.ranges else 0
            body = data[begin:]
            self.send_response(206 if begin else 200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            cuts = hub.cuts.get(path, [])
            if cuts:
                self.wfile.write(body[: cuts.pop(0)])
                self.close_connection = True
                return
            self.wfile.write(body)

        def _say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def _described(name: str, kept: Kept) -> dict[str, Any]:
    return {
        "id": name,
        "sha": kept.commit,
        "gated": "auto" if kept.gated else False,
        "cardData": {"license": kept.licence},
        "siblings": [_sibling(path, data) for path, data in kept.files.items()],
    }


def _sibling(path: str, data: bytes) -> dict[str, Any]:
    said: dict[str, Any] = {"rfilename": path, "size": len(data)}
    if len(data) >= LARGE:
        return said | {"blobId": "f" * 40, "lfs": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}}
    return said | {"blobId": hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()}
