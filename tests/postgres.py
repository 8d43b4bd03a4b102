"""PostgreSQL for tests: the server one is given, or a private one that lives as long as the tests do."""

from __future__ import annotations

import getpass
import itertools
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

START_SECONDS = 60.0
SETTINGS = {
    "max_connections": "200",
    "fsync": "off",  # what tests write need not outlive a power cut
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "deadlock_timeout": "50ms",
}
# The server and its folder ($0) go with whoever holds the standard input, however that one dies.
GUARDIAN = '"$@" & server=$!; cat >/dev/null; kill -INT $server; wait $server; rm -rf "$0"'


class Unavailable(Exception):
    """There is no PostgreSQL for tests here; the message says why."""


@contextmanager
def private_server(place: Path | None = None, **settings: str) -> Iterator[str]:
    """Run a server in a temporary folder (of `place`) and yield the address of its database `postgres`.

    `settings` go before those of tests, which give up durability for speed.
    """
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="gesso-postgres-", dir=place))
    try:
        account = _account()
        if account:
            shutil.chown(folder, account)
        data, port = folder / "data", _free_port()
        command: list[Any] = [
            programs / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
        ]
        subprocess.run(command, check=True, capture_output=True, cwd=folder, **account_options(account))
        options = (
            SETTINGS
            | settings
            | {
                "listen_addresses": "127.0.0.1",
                "port": str(port),
                "unix_socket_directories": str(folder),
            }
        )
        command = [programs / "postgres", "-D", data, *(f"--{name}={value}" for name, value in options.items())]
        with _guarded(command, folder, account) as server:
            url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
            _await(url, server, folder / "log")
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not installed:
        raise Unavailable("PostgreSQL is not installed, and GESSO_TEST_POSTGRES_URL is not set")
    return installed[-1].parent


def _account() -> str | None:
    """Return the account to run the server as; it refuses to be run by root."""
    if os.geteuid() != 0:
        return None
    import pwd

    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError as error:
        raise Unavailable("PostgreSQL refuses to run as root, and there is no account postgres") from error


def account_options(account: str | None) -> dict[str, Any]:
    return {"user": account, "group": account, "extra_groups": []} if account else {}


@contextmanager
def _guarded(command: list[Any], folder: Path, account: str | None) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log").open("wb") as log:
        guardian = subprocess.Popen(
            ["/bin/sh", "-c", GUARDIAN, folder, *command],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,  # an interrupt at the keyboard is for the tests
            **account_options(account),
        )
    try:
        yield guardian
    finally:
        assert guardian.stdin is not None
        guardian.stdin.close()
        guardian.wait(START_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    import psycopg

    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline or server.poll() is not None:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')[-2000:]}") from error
            time.sleep(0.05)
        else:
            return


class Databases:
    """Makes new, migrated, empty databases on one server, and drops them at the end."""

    def __init__(self, url: str) -> None:
        import psycopg

        self.url = url
        self._admin = psycopg.connect(url, autocommit=True)
        self._names = (f"gesso_test_{secrets.token_hex(4)}_{number}" for number in itertools.count())
        self._made: set[str] = set()
        self._template: str | None = None
        self._emptied: list[str] = []

    def make(self) -> str:
        """Return the address of a new database with all tables and no rows."""
        if self._emptied:
            return self._emptied.pop()
        if self._template is None:
            self._template = self.make_bare()
            _migrate(self.address(self._template))
        return self.address(self._create(f"TEMPLATE {self._template}"))

    def make_bare(self) -> str:
        """Return the name of a new database without tables."""
        return self._create("")

    def address(self, name: str) -> str:
        """Return the address of a database of this server."""
        import psycopg.conninfo

        return _url(psycopg.conninfo.conninfo_to_dict(self.url) | {"dbname": name})

    def recycle(self, url: str) -> None:
        """Empty a database that nobody is connected to any more, for the next `make`: forty times as fast as a new one."""
        import psycopg

        from gesso.database.tables import metadata

        with psycopg.connect(url) as connection:
            connection.execute("".join(f"DELETE FROM {table.name};" for table in reversed(metadata.sorted_tables)))
        self._emptied.append(url)

    def drop(self, url: str) -> None:
        """Drop one database, whoever is connected to it."""
        import psycopg.conninfo

        name = str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])
        self._admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self._made.discard(name)

    def close(self) -> None:
        """Drop what was made."""
        for name in list(self._made):
            self.drop(self.address(name))
        self._admin.close()

    def _create(self, how: str) -> str:
        name = next(self._names)
        self._admin.execute(f"CREATE DATABASE {name} {how}")
        self._made.add(name)
        return name


def _migrate(url: str) -> None:
    from gesso.database.migrations import bring_up_to_date
    from gesso.database.postgres import Server

    connection = Server(url).connect()
    bring_up_to_date(connection)
    connection.close()


def _url(parameters: dict[str, Any]) -> str:
    from urllib.parse import quote, urlencode

    rest = dict(parameters)
    user, password = rest.pop("user", getpass.getuser()), rest.pop("password", None)
    login = quote(str(user), safe="") + (f":{quote(str(password), safe='')}" if password else "")
    host, port = rest.pop("host", ""), rest.pop("port", 5432)
    place = f"{host}:{port}" if "/" not in str(host) else f":{port}"
    if "/" in str(host):
        rest["host"] = host
    name = rest.pop("dbname")
    return f"postgresql://{login}@{place}/{name}" + (f"?{urlencode(rest)}" if rest else "")
