"""A web server on 127.0.0.1 that hands out pictures by path, as an asker's own site does."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image


def picture_bytes(
    size: tuple[int, int] = (96, 64), kind: str = "PNG", mode: str = "RGB", colour: str = "navy"
) -> bytes:
    """Return a picture with a shape in it, so that cuts and scales can be told."""
    image = Image.new(mode, size, colour)
    image.paste("orange", (0, 0, size[0] // 2, size[1] // 2))
    data = io.BytesIO()
    image.save(data, kind)
    return data.getvalue()


@contextmanager
def picture_host(files: Mapping[str, bytes]) -> Iterator[str]:
    """Serve the files by name; yield the address they are below. Any other name is answered 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = files.get(self.path.lstrip("/"))
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
