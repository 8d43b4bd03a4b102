"""One installation under test: a data folder, a database, two accounts, and server processes that live and die on it."""

from __future__ import annotations

import json
import os
import select
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Connection, text

from gesso.accounts.keys import create_account, create_key
from gesso.database.connect import Database
from gesso.domain.clock import now_microseconds
from gesso.domain.credits import MICRO
from gesso.installation import open_database
from gesso.settings import Settings

HERE = Path(__file__).parent
DEADLINE_SECONDS = 60.0  # for whatever must happen; nothing here takes a tenth of it
TAIL_CHARACTERS = 6000
UNUSED_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # a client makes its own else, which takes longer than a request


def until(condition: Callable[[], Any], what: str, seconds: float = DEADLINE_SECONDS) -> Any:
    """Wait until the condition gives something true and return it; fail, saying what was waited for, when it never does."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.02)
    return found


class Server:
    """One server process. `url` is None until it listens."""

    def __init__(self, process: subprocess.Popen[bytes], release: Path) -> None:
        self.process, self.release = process, release
        self.url: str | None = None

    def wait_listening(self) -> str:
        """Return where it listens; fail when it ends instead."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], DEADLINE_SECONDS)
        line = self.process.stdout.readline() if ready else b""
        assert line, "the server ended or said nothing instead of listening"
        self.url = json.loads(line)["url"]
        return self.url

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def ended(self, seconds: float = DEADLINE_SECONDS) -> int:
        """Wait for its end; return its exit code (negative: the signal that killed it)."""
        code = self.process.wait(seconds)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self.signal(signal.SIGKILL)
        assert self.ended() == -signal.SIGKILL

    def stop(self) -> None:
        """End it as an operator does; fail when it does not end well."""
        self.signal(signal.SIGTERM)
        assert self.ended() == 0


class Installation:
    """`keys` are the live keys of two accounts: `rich`, and `poor`, which has only a few credits.

    `program` is what its servers run.
    """

    program = "crash_server.py"

    def __init__(self, folder: Path, database_url: str | None, **settings: object) -> None:
        self.folder, self.data_dir, self.log_path = folder, folder / "data", folder / "server.log"
        given = {"data_dir": self.data_dir, "model_folders": HERE / "noise_model", "min_free_bytes": 0} | settings
        if database_url is not None:
            given["database_url"] = database_url
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("GESSO_")}
        self._environment |= {f"GESSO_{name.upper()}": str(value) for name, value in given.items()}
        self._settings = Settings(data_dir=self.data_dir, database_url=database_url)
        self._servers: list[Server] = []
        self._standby: subprocess.Popen[bytes] | None = None
        self._listening = threading.Condition()
        self._current: str | None = None
        self.keys: dict[str, str] = {}
        self.data_dir.mkdir(exist_ok=True)

    def prepare(self, poor_credits: int = 40) -> None:
        """Make the tables, the accounts and the witness of jobs' ends, before the first server starts."""
        with self.database() as database:
            self.keys = database.write_blocking(lambda connection: _accounts(connection, poor_credits))
            database.write_blocking(_witness)

    @contextmanager
    def database(self) -> Iterator[Database]:
        """Open the database beside the servers, or when there are none."""
        database = open_database(self._settings)
        try:
            yield database
        finally:
            database.close()

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `gesso …` on this installation."""
        command = [sys.executable, "-m", "gesso", *words]
        return subprocess.run(
            command, cwd=self.folder, env=self._environment, capture_output=True, text=True, timeout=60, check=False
        )

    # ── servers ───────────────────────────────────────────────────────────────────────────────────────

    def spawn(
        self,
        crash_at: str | None = None,
        by: signal.Signals = signal.SIGKILL,
        *,
        release: str = "release",
        **settings: object,
    ) -> Server:
        """Start a server without waiting for it. Jobs that hold go on once the file `release` is there."""
        process, self._standby = self._standby or self._interpreter(), self._interpreter()
        server = Server(process, self.folder / release)
        self._servers.append(server)
        order = {
            "release": str(server.release),
            "crash_at": crash_at,
            "signal": by.name,
            "environment": {f"GESSO_{name.upper()}": str(value) for name, value in settings.items()},
        }
        assert process.stdin is not None
        process.stdin.write(json.dumps(order).encode())
        process.stdin.close()
        return server

    def _interpreter(self) -> subprocess.Popen[bytes]:
        """Start a process that has imported the server and waits for its order: importing is what takes longest."""
        command = [sys.executable, str(HERE / self.program)]
        with self.log_path.open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def announce(self, server: Server) -> None:
        """Wait until a server listens and send the clients there from now on."""
        url = server.wait_listening()
        with self._listening:
            self._current = url
            self._listening.notify_all()

    def start(self, *crash: Any, **options: Any) -> Server:
        """Start a server, wait until it listens, send the clients there."""
        server = self.spawn(*crash, **options)
        self.announce(server)
        return server

    def url(self) -> str:
        """Return where the clients are sent, waiting for the first server."""
        with self._listening:
            assert self._listening.wait_for(lambda: self._current, DEADLINE_SECONDS), "no server came up"
            return self._current or ""

    def client(self, account: str = "rich", server: Server | None = None) -> httpx.Client:
        """Return an HTTP client of an account, to one server (the current one unless told)."""
        url = server.url if server else self.url()
        assert url is not None
        headers = {"Authorization": f"Bearer {self.keys[account]}"}
        return httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False, verify=UNUSED_TLS)

    def log(self) -> str:
        """Return what the servers have logged."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def close(self) -> None:
        """End whatever still runs; show the end of the log (pytest does, when the test has failed)."""
        for process in [server.process for server in self._servers] + ([self._standby] if self._standby else []):
            if process.poll() is None:
                process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                pipe.close()
        sys.stdout.write(f"the servers' log ends:\n{self.log()[-TAIL_CHARACTERS:]}")


def _accounts(connection: Connection, poor_credits: int) -> dict[str, str]:
    now, secrets = now_microseconds(), {}
    for name, granted in (("rich", 100_000), ("poor", poor_credits)):
        account_id = create_account(connection, name, now, granted * MICRO)
        secrets[name] = create_key(connection, account_id, "live", name, now)[1]
    return secrets


_TERMINAL = "('succeeded', 'failed', 'cancelled')"
# An ended job that ends as the same again has another time of its end.
_MOVED = (
    "(OLD.state <> NEW.state OR OLD.ended_at <> NEW.ended_at) "
    f"AND (NEW.state IN {_TERMINAL} OR OLD.state IN {_TERMINAL})"
)
_NOTE = "INSERT INTO witnessed_moves (job_id, source, target) VALUES (NEW.id, OLD.state, NEW.state);"


def _witness(connection: Connection) -> None:
    """Have the database itself write down every move into, or out of, a terminal state."""
    connection.execute(text("CREATE TABLE witnessed_moves (job_id TEXT, source TEXT, target TEXT)"))
    if connection.dialect.name == "sqlite":
        trigger = f"CREATE TRIGGER witness AFTER UPDATE ON jobs WHEN {_MOVED} BEGIN {_NOTE} END"
        connection.execute(text(trigger))
        return
    function = f"BEGIN IF {_MOVED} THEN {_NOTE} END IF; RETURN NEW; END"
    connection.execute(text(f"CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$ {function} $$"))
    connection.execute(text("CREATE TRIGGER witness AFTER UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION witness()"))
