"""What others do to the disk and the database under a server: fill it, make it read-only, hold a lock."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PIECE = bytes(1 << 16)


def _mount(*words: str) -> None:
    done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting needs root and a kernel that lets it: mount {' '.join(words)}: {done.stderr.strip()}")


def _unmount(path: Path) -> None:
    subprocess.run(["umount", "--lazy", str(path)], check=True)


@contextmanager
def small_disk(path: Path, mebibytes: int) -> Iterator[None]:
    """Make the folder a disk of its own; skip the test where that may not be."""
    path.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={mebibytes}m", "gesso-test", str(path))
    try:
        yield
    finally:
        _unmount(path)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Fill the disk of a folder to its last byte with a file of somebody else."""
    path = folder / "foreign"
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(PIECE):
                pass
        except OSError:
            pass  # full
    try:
        yield
    finally:
        path.unlink()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Make a folder read-only for everybody, root too; skip the test where that may not be."""
    _mount("--bind", str(folder), str(folder))
    try:
        _mount("-o", "remount,bind,ro", str(folder))
        yield
    finally:
        _unmount(folder)


@contextmanager
def locked(data_dir: Path, database_url: str | None) -> Iterator[None]:
    """Hold the database as a long transaction of another process does: all of SQLite, the jobs of PostgreSQL."""
    if database_url is None:
        connection = sqlite3.connect(data_dir / "gesso.db", isolation_level=None)
        begin = "BEGIN IMMEDIATE"
    else:
        import psycopg

        connection = psycopg.connect(database_url)
        begin = "LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE"
    connection.execute(begin)
    try:
        yield
    finally:
        connection.rollback()
        connection.close()
