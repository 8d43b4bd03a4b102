"""Values of the fleet are looked up seldom; while the database is away they are left out, and that is told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest
from open_server import Open, open_server

from gesso.domain.errors import StorageFailed
from gesso.server import fleet_values
from gesso.server.metrics import Metrics


@pytest.fixture
async def open_(tmp_path) -> AsyncIterator[Open]:
    async with open_server(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def looks(monkeypatch) -> list[int]:
    found: list[int] = []
    original = fleet_values.look_over

    def counted(connection, now):
        found.append(now)
        return original(connection, now)

    monkeypatch.setattr(fleet_values, "look_over", counted)
    return found


async def test_many_scrapes_are_one_look(open_, looks):
    metrics = Metrics(open_.parts)
    told = [await metrics.render() for _ in range(5)]
    assert len(looks) == 1
    assert all(b'gesso_fleet_queue_jobs{engine="' in text for text in told)
    assert b"gesso_database_answers 1.0" in told[0]


async def test_what_took_long_is_remembered_longer(open_, looks, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(fleet_values.time, "monotonic", lambda: now[0])
    values, original = fleet_values.FleetValues(open_.parts), fleet_values.look_over

    def slow(connection, at):
        now[0] += 1.0
        return original(connection, at)

    monkeypatch.setattr(fleet_values, "look_over", slow)
    await values.look()
    now[0] += fleet_values.TIMES_ITS_COST - 0.1
    await values.look()
    assert len(looks) == 1
    now[0] += 0.2
    await values.look()
    assert len(looks) == 2


async def test_a_database_that_is_away_has_no_values(open_, monkeypatch):
    async def away(_work):
        raise StorageFailed("The database is away.")

    metrics = Metrics(open_.parts)
    monkeypatch.setattr(open_.parts.database, "read", away)
    text = (await metrics.render()).decode()
    assert "gesso_database_answers 0.0" in text
    assert not [line for line in text.splitlines() if line.startswith("gesso_fleet_")]
    assert "gesso_jobs_running 0.0" in text


async def test_a_database_that_hung_for_a_moment_is_not_told_as_away_for_long(open_, looks, monkeypatch):
    """`gesso_database_answers` pages somebody after a minute of 0."""
    clock, going_on = [100.0], threading.Event()
    values, original = fleet_values.FleetValues(open_.parts), fleet_values.look_over

    def hangs(connection, at):
        counted = original(connection, at)
        going_on.wait(30)
        return counted

    monkeypatch.setattr(fleet_values, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(fleet_values, "look_over", hangs)
    monkeypatch.setattr(fleet_values, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    assert await values.look() is None
    clock[0] += fleet_values.REMEMBERED_SECONDS
    assert await values.look() is None
    assert len(looks) == 1  # a second one would only wait behind the first
    going_on.set()
    monkeypatch.setattr(fleet_values, "PATIENCE_SECONDS", 30)
    clock[0] += fleet_values.REMEMBERED_SECONDS
    assert await values.look() is not None
    assert len(looks) == 1


async def test_an_answer_nobody_waited_for_is_not_told_later(open_, looks, monkeypatch):
    clock, going_on = [100.0], threading.Event()
    values, original = fleet_values.FleetValues(open_.parts), fleet_values.look_over

    def hangs(connection, at):
        going_on.wait(30)
        return original(connection, at)

    monkeypatch.setattr(fleet_values, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(fleet_values, "look_over", hangs)
    monkeypatch.setattr(fleet_values, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    assert await values.look() is None
    looking = values._looking
    going_on.set()
    await asyncio.wait({looking})
    clock[0] += 3600
    monkeypatch.setattr(fleet_values, "PATIENCE_SECONDS", 30)
    known = await values.look()
    assert known is not None
    assert len(looks) == 2


async def test_a_database_that_may_only_be_read_from_is_not_ready(open_, monkeypatch):
    async def refused(_work):
        raise StorageFailed("The database takes no changes.")

    assert (await open_.client.get("/readyz")).json()["status"] == "ready"
    monkeypatch.setattr(open_.parts.database, "write", refused)
    answer = await open_.client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
    assert answer.json()["checks"]["database"] == "failed"
