"""An S3 server of the tests' own: moto in a process that can be ended, started again and suspended."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

START_SECONDS = 60
BUCKET, PREFIX = "pictures", "of/gesso"
KEY_ID, SECRET = "AKIATESTONLY00000000", "a-secret-of-the-tests/that+nobody=may-see"
AUTHORIZATION = (
    f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=none"
)


class S3Server:
    """One bucket behind the S3 protocol, in memory: what was in it is gone after `stop`."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, with an empty bucket, at the address it always has."""
        command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.call("PUT", "")
            except httpx.TransportError:
                assert self._process.poll() is None, "the S3 server ended"
                assert time.monotonic() < deadline, "the S3 server did not start"
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """End it: who calls is refused the connection."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Let it take connections and never answer."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def names(self) -> list[str]:
        """Return what is in the bucket, without the prefix."""
        found: list[str] = []
        params = {"list-type": "2"}
        while True:
            listing = self.call("GET", "", params=params).text
            found += [part.partition("</Key>")[0] for part in listing.split("<Key>")[1:]]
            _, more, rest = listing.partition("<NextContinuationToken>")
            if not more:
                break
            params["continuation-token"] = rest.partition("</NextContinuationToken>")[0]
        assert all(name.startswith(f"{PREFIX}/") for name in found), found
        return [name.removeprefix(f"{PREFIX}/") for name in found]

    def clear(self) -> None:
        """Remove every object."""
        for name in self.names():
            self.remove(f"{PREFIX}/{name}")

    def remove(self, key: str) -> None:
        """Remove one object by its whole name."""
        self.call("DELETE", f"/{key}")

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request of the owner's; the server looks at who asks, not at the signature."""
        url, headers = f"{self.endpoint}/{BUCKET}{path}", {"Authorization": AUTHORIZATION}
        return httpx.request(method, url, headers=headers, trust_env=False, **options).raise_for_status()

    @property
    def settings(self) -> dict[str, str]:
        """Return the settings of a server that keeps its pictures here."""
        return {
            "storage_url": f"s3://{BUCKET}/{PREFIX}",
            "storage_endpoint": self.endpoint,
            "storage_region": "us-east-1",
            "storage_access_key_id": KEY_ID,
            "storage_secret_access_key": SECRET,
        }


@contextmanager
def running_s3() -> Iterator[S3Server]:
    """Run one until the end of the block."""
    server = S3Server()
    try:
        server.start()
        yield server
    finally:
        server.stop()
