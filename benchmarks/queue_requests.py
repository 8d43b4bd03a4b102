"""What a client sees of large tables: submits, polls and lists over one kept-alive connection, in turns with an empty database."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from queue_rounds import percentiles

HERE = Path(__file__).resolve().parent
BODY = json.dumps({"model": "gesso-sketch", "input": {"prompt": "a duck", "width": 64, "height": 64}})
WARM_UP = 20
BURST = 20  # requests of one kind before the other database's turn


@dataclass
class Client:
    """A kept-alive connection to one server, and the seconds of each request, by kind."""

    connection: http.client.HTTPConnection
    key: str
    jobs: list[str] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def connect(self) -> None:
        """Begin anew: a server lets go of connections that were idle for some seconds."""
        self.connection.close()
        self.connection.connect()

    def submit(self) -> None:
        self.jobs.append(self._ask("submit", "POST", "/v1/jobs", {"Idempotency-Key": str(uuid.uuid4())}, BODY)["id"])

    def poll(self) -> None:
        self._ask("poll", "GET", f"/v1/jobs/{self.jobs[len(self.seconds.get('poll', ())) % len(self.jobs)]}")

    def list(self) -> None:
        self._ask("list", "GET", "/v1/jobs?limit=20")

    def _ask(
        self, kind: str, method: str, path: str, headers: dict[str, str] | None = None, body: str | None = None
    ) -> Any:
        sent = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"} | (headers or {})
        began = time.perf_counter()
        self.connection.request(method, path, body, sent)
        answer = self.connection.getresponse()
        content = answer.read()
        self.seconds.setdefault(kind, []).append(time.perf_counter() - began)
        if answer.status not in (200, 202):
            raise SystemExit(f"unexpected answer to {method} {path}: {answer.status} {content[:500]!r}")
        return json.loads(content)


@contextmanager
def queue_server(data: Path, database_url: str | None) -> Iterator[tuple[str, str | None]]:
    """Run a server that takes jobs and ends none; yield its URL, and its key when the database is new."""
    command = [sys.executable, str(HERE / "queue_server.py"), str(data), *filter(None, [database_url])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(os.environ)) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise SystemExit("The server did not start; its reason is above.")
            said = json.loads(line)
            yield said["url"], said["key"]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def client(url: str, key: str, warm_up: int = WARM_UP) -> Client:
    """Return a client that has asked a few times already."""
    parts = urlsplit(url)
    made = Client(http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60), key)
    for _ in range(warm_up):
        made.submit()
        made.poll()
        made.list()
    made.seconds.clear()
    return made


def in_turns(clients: dict[str, Client], requests: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Return the latencies of so many requests of each kind at each of the servers, sent in turns."""
    for burst in range(max(1, requests // BURST)):
        tell("requests")
        for one in clients.values() if burst % 2 == 0 else reversed(clients.values()):
            one.connect()
            for ask in (one.submit, one.poll, one.list):
                for _ in range(BURST):
                    ask()
    return {
        f"{kind}_ms": {name: percentiles(one.seconds[kind]) for name, one in clients.items()}
        for kind in ("submit", "poll", "list")
    }
