"""Fills Gesso's tables with jobs that wait and jobs that ended, their charges, pictures, keys of repeats and webhooks.

Everything is copied from one job that was really submitted. Ended jobs are spread over the last days, all jobs over some
accounts. Indexes are made after the rows, which is much faster and leaves them as small as they can be.
"""

from __future__ import annotations

import json
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psycopg

from gesso.database.job_tables import jobs
from gesso.database.tables import metadata

ACCOUNTS = 200
DAY = 86_400_000_000  # microseconds
SPREAD = int(6.5 * DAY)  # ended jobs: less than the days for which pictures are kept
PRICE_MICRO = 1_000_000
Tell = Callable[[str], None]


class Words(Protocol):
    """What the two databases say differently."""

    def series(self, number: int) -> str: ...
    def noise(self, salt: str, start: int, length: int) -> str: ...
    def padded(self, number: str) -> str: ...
    def hexadecimal(self, number: str) -> str: ...


class PostgresWords:
    """PostgreSQL's."""

    def series(self, number: int) -> str:
        return f"generate_series(1, {number}::bigint) AS s(i)"

    def noise(self, salt: str, start: int, length: int) -> str:
        return f"substr(md5('{salt}' || i), {start}, {length})"

    def padded(self, number: str) -> str:
        return f"lpad(({number})::text, 12, '0')"

    def hexadecimal(self, number: str) -> str:
        return f"lpad(to_hex({number}), 12, '0')"


class SqliteWords:
    """SQLite's."""

    def series(self, number: int) -> str:
        counted = f"WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {number}) SELECT i FROM s"
        return f"({counted}) AS s"

    def noise(self, salt: str, start: int, length: int) -> str:
        return f"substr(lower(hex(randomblob(16))), {start}, {length})"

    def padded(self, number: str) -> str:
        return f"printf('%012d', {number})"

    def hexadecimal(self, number: str) -> str:
        return f"printf('%012x', {number})"


@dataclass(frozen=True)
class Rows:
    """The statements that make rows, in the words of one database."""

    words: Words
    now: int  # microseconds
    template: str  # the id of the job that is copied

    def accounts(self) -> Iterable[str]:
        """All accounts but the first, which is there, each with a key and a balance."""
        id_of, key_of, series = self._account("i"), self._key("i"), self.words.series(ACCOUNTS - 1)
        secret = "||".join(self.words.noise(f"secret{part}", 1, 32) for part in (1, 2))
        yield f"INSERT INTO accounts (id, name, tier, created_at) SELECT {id_of}, 'n', 'business', {self.now} FROM {series}"
        yield (
            "INSERT INTO keys (id, account_id, mode, name, prefix, secret_sha256, created_at) "
            f"SELECT {key_of}, {id_of}, 'live', 'a key', 'gesso_live_', {secret}, {self.now} FROM {series}"
        )
        yield (
            "INSERT INTO balances (account_id, mode, balance_micro) "
            f"SELECT {id_of}, 'live', 1000000000000 FROM {series}"
        )

    def ended(self, number: int) -> Iterable[str]:
        """Jobs that ended, one in twenty as failed, the last of them now; and what belongs to them."""
        created = f"({self.now} - {SPREAD} + i * {SPREAD // number})"
        yield self._jobs(
            number,
            created,
            salt="ended",
            state="CASE WHEN i % 20 = 0 THEN 'failed' ELSE 'succeeded' END",
            refunded_micro=f"CASE WHEN i % 20 = 0 THEN {PRICE_MICRO} ELSE 0 END",
            report=f"CASE WHEN i % 20 = 0 THEN {_FAILED} ELSE {_SUCCEEDED} END",
            started_at=f"{created} + 500000",
            ended_at=f"{created} + 1500000",
            worker="t.id",
            attempt="1",
            turn=f"-{number} + i",
        )
        ended, yesterday = "FROM jobs WHERE ended_at IS NOT NULL", self.now - DAY
        for kind, sign, which in (("charge", "-", ""), ("refund", "", "AND refunded_micro > 0")):
            yield (
                "INSERT INTO ledger_entries (account_id, mode, kind, micro, balance_after, job_id, note, created_at) "
                f"SELECT account_id, mode, '{kind}', {sign}charged_micro, 1000000000000, id, model, created_at "
                f"{ended} {which} ORDER BY created_at"
            )
        kept = 7 * DAY
        another = "substr(id, 1, 19) || '9' || substr(id, 21)"  # the variant's other bits
        for owner, blob_id, which, expires in (
            ("job_output", "id", "AND state = 'succeeded'", f"created_at + {kept}"),
            ("job_input", another, f"AND turn % 10 = 0 AND created_at > {yesterday}", f"ended_at + {DAY}"),
        ):
            yield (
                "INSERT INTO blobs (id, account_id, mode, owner, owner_id, media_type, size_bytes, sha256, created_at, "
                f"expires_at) SELECT {blob_id}, account_id, mode, '{owner}', id, 'image/png', 500000, "
                f"{_SHA256}, created_at, {expires} {ended} {which} ORDER BY created_at"
            )
        yield (
            "INSERT INTO idempotency_records (account_id, mode, key, fingerprint, job_id, created_at) "
            f"SELECT account_id, mode, 'order-' || number, {_SHA256}, id, created_at {ended} AND created_at > {yesterday}"
        )
        yield (
            "INSERT INTO recent_requests (key_id, fingerprint, job_id, created_at) SELECT key_id, id, id, created_at "
            f"{ended} AND created_at > {self.now - DAY // 24}"
        )
        yield (
            "INSERT INTO webhook_deliveries (id, account_id, mode, job_id, event, dialect, registration_id, url, host, "
            "secret, state, attempts, tried, created_at, ended_at) SELECT id, account_id, mode, id, 'succeeded', 'native', "
            "'', 'https://hooks.example.com/gesso', 'hooks.example.com', 'whsec_', 'delivered', 1, 1, ended_at, "
            f"ended_at + 200000 {ended} AND turn % 10 = 0"
        )
        yield (
            "INSERT INTO webhook_attempts (delivery_id, number, at, status, response, error) "
            "SELECT id, 1, ended_at, 200, 'ok', '' FROM webhook_deliveries"
        )

    def queued(self, number: int, salt: str) -> Iterable[str]:
        """Jobs that wait, behind those that wait already; each account has as many."""
        first = "(SELECT COALESCE(MAX(last_turn), 0) + 1 FROM turns)"
        yield self._jobs(number, f"({self.now} + i)", salt=salt, turn=f"{first} + i / {ACCOUNTS}")
        yield (
            "INSERT INTO ledger_entries (account_id, mode, kind, micro, balance_after, job_id, note, created_at) "
            "SELECT account_id, mode, 'charge', -charged_micro, 1000000000000, id, model, created_at FROM jobs "
            f"WHERE state = 'queued' AND created_at > {self.now}"
        )
        yield "DELETE FROM queues"
        yield (
            "INSERT INTO queues (account_id, engine, active_jobs) SELECT account_id, engine, COUNT(*) FROM jobs "
            "WHERE state IN ('queued', 'running') GROUP BY 1, 2"
        )
        yield "DELETE FROM turns"
        yield (
            "INSERT INTO turns (account_id, engine, priority, last_turn) SELECT account_id, engine, priority, MAX(turn) "
            "FROM jobs WHERE state = 'queued' GROUP BY 1, 2, 3"
        )

    def _jobs(self, number: int, created: str, salt: str, **given: str) -> str:
        # An odd factor below a prime's: every number once, in no order.
        unique = "(i * 2654435761 % 4294967291) * 2097152 + " + str(zlib.crc32(salt.encode()) % 2097152)
        values = {
            "id": self._id(f"{created} / 1000", salt),
            "number": unique,
            "account_id": f"CASE i % {ACCOUNTS} WHEN 0 THEN t.account_id ELSE {self._account(f'i % {ACCOUNTS}')} END",
            "key_id": f"CASE i % {ACCOUNTS} WHEN 0 THEN t.key_id ELSE {self._key(f'i % {ACCOUNTS}')} END",
            "state": "'queued'",
            "charged_micro": str(PRICE_MICRO),
            "created_at": created,
            "queued_at": created,
            "attempt": "0",
            "given_back": "0",
            "worker": "NULL",
            "lease_until": "NULL",
            "started_at": "NULL",
        } | given
        names = [column.name for column in jobs.columns]
        return (
            f"INSERT INTO jobs ({', '.join(names)}) SELECT {', '.join(values.get(name, f't.{name}') for name in names)} "
            f"FROM {self.words.series(number)}, (SELECT * FROM jobs WHERE id = '{self.template}') AS t ORDER BY i"
        )

    def _id(self, milliseconds: str, salt: str) -> str:
        time_part, noise = self.words.hexadecimal(milliseconds), self.words.noise
        return (
            f"substr({time_part}, 1, 8) || '-' || substr({time_part}, 9) || '-7' || {noise(salt, 1, 3)} || '-8' || "
            f"{noise(salt, 4, 3)} || '-' || {noise(salt, 7, 12)}"
        )

    def _account(self, number: str) -> str:
        return f"('00000000-0000-7000-8000-' || {self.words.padded(number)})"

    def _key(self, number: str) -> str:
        return f"('00000000-0000-7001-8000-' || {self.words.padded(number)})"


_SHA256 = "'" + 64 * "a" + "'"
_PICTURE = {
    "index": 0,
    "blob": "0197c5a0-0000-7000-8000-000000000000",
    "media_type": "image/png",
    "width": 1024,
    "height": 1024,
    "size_bytes": 500_000,
    "seed": 7,
    "pixel_hash": 64 * "a",
}
_TIMINGS = {"queue": 0.5, "denoise": 0.9, "encode": 0.05, "store": 0.01}
_SUCCEEDED = "'" + json.dumps({"version": 1, "pictures": [_PICTURE], "timings": _TIMINGS}) + "'"
_FAILED = "'" + json.dumps({"version": 1, "failure": {"code": "engine_failed", "message": "It stopped."}}) + "'"


def fill_postgres(url: str, queued: int, ended: int, tell: Tell) -> None:
    """Fill a database in which there is one job, that nobody is connected to."""
    tables = [table.name for table in metadata.sorted_tables]
    with psycopg.connect(url, autocommit=True) as connection:
        run = connection.execute
        run("SET session_replication_role = replica")  # foreign keys hold by construction
        run("SET maintenance_work_mem = '512MB'")
        with connection.transaction():
            found = run(
                "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s) "
                "AND indexname NOT IN (SELECT conname FROM pg_constraint)",
                [tables],
            ).fetchall()
            for name, _ in found:
                run(f"DROP INDEX {name}".encode())
            rows = _rows(PostgresWords(), run("SELECT id FROM jobs").fetchall())
            _begin_anew(connection, tables)
            for statement in (*rows.accounts(), *rows.ended(ended), *rows.queued(queued, "queued")):
                tell("rows")
                run(statement.encode())
            for _, definition in found:
                tell("indexes")
                run(definition.encode())
        tell("vacuum")
        run("VACUUM (ANALYZE)")
        run("CHECKPOINT")


def _begin_anew(connection: psycopg.Connection[Any], tables: list[str]) -> None:
    """Empty the tables and put their few rows back: what is empty since the transaction began needs no log."""
    for table in tables:
        connection.execute(f"CREATE TEMPORARY TABLE kept_{table} ON COMMIT DROP AS SELECT * FROM {table}".encode())
    connection.execute(f"TRUNCATE {', '.join(tables)}".encode())
    for table in tables:
        connection.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}".encode())


def fill_sqlite(path: Path, queued: int, ended: int, tell: Tell) -> None:
    """Fill a database in which there is one job, that nobody has open."""
    connection = sqlite3.connect(path, isolation_level=None)
    run = connection.execute
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000", "temp_store = MEMORY"):
        run(f"PRAGMA {pragma}")
    found = run("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
    for name, _ in found:
        run(f"DROP INDEX {name}")
    rows = _rows(SqliteWords(), run("SELECT id FROM jobs").fetchall())
    for statement in (*rows.accounts(), *rows.ended(ended), *rows.queued(queued, "queued")):
        tell("rows")
        run(statement)
    for _, definition in found:
        tell("indexes")
        run(definition)
    run("PRAGMA journal_mode = WAL")
    connection.close()


def top_up_postgres(url: str, queued: int) -> None:
    """Let as many jobs wait again as there were."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        left = _count(connection.execute("SELECT COUNT(*) FROM jobs WHERE state = 'queued'").fetchone())
        found = connection.execute("SELECT id FROM jobs WHERE state = 'queued' LIMIT 1").fetchall()
        rows = _rows(PostgresWords(), found)
        for statement in rows.queued(queued - left, str(rows.now)) if queued > left else ():
            connection.execute(statement.encode())
        connection.execute("CHECKPOINT")


def _rows(words: Words, found: list[Any]) -> Rows:
    ((template,),) = found
    return Rows(words, time.time_ns() // 1000, template)


def _count(row: Any) -> int:
    return int(row[0])
