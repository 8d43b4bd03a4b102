"""When nothing can be kept: new work is refused with a time to come again, all else goes on, the log stays calm."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from open_server import BODY, Open, open_server
from structlog.testing import capture_logs

from gesso.domain.errors import StorageFailed, StorageFull
from gesso.storage.room import DiskRoom


@pytest.fixture
async def open_(tmp_path) -> AsyncIterator[Open]:
    async with open_server(tmp_path / "data") as opened:
        yield opened


async def refuses_new_work(opened: Open, code: str, seconds: str) -> None:
    put_url = (await opened.client.post("/v1/uploads")).json()["put_url"]
    for answer in (
        await opened.client.post("/v1/jobs", json=BODY),
        await opened.client.post("/v1/files", files={"file": ("a.png", b"\x89PNG")}),
        await opened.client.put(put_url, content=b"\x89PNG"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (503, code)
        assert answer.headers["retry-after"] == seconds


async def test_a_full_disk_takes_nothing_more_and_gives_back_all_it_has(open_, monkeypatch):
    running = (await open_.client.post("/v1/jobs", json=BODY)).json()
    queued = (await open_.client.post("/v1/jobs", json=BODY)).json()
    open_.engine.go.set()
    ended = (await open_.client.get(f"/v1/jobs/{running['id']}", headers={"Prefer": "wait=30"})).json()
    await open_.client.get(f"/v1/jobs/{queued['id']}", headers={"Prefer": "wait=30"})
    open_.engine.go.clear()
    to_cancel = (await open_.client.post("/v1/jobs", json=BODY)).json()

    def full(self: DiskRoom) -> None:
        raise StorageFull

    monkeypatch.setattr(DiskRoom, "check", full)
    await refuses_new_work(open_, "storage_full", "60")
    ready = await open_.client.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]["disk"]) == (503, "full")
    assert (await open_.client.get("/v1/jobs")).json()["jobs"][0]["id"] == to_cancel["id"]
    assert (await open_.client.get(ended["pictures"][0]["url"])).status_code == 200
    assert (await open_.client.post(f"/v1/jobs/{to_cancel['id']}/cancel")).json()["state"] == "cancelled"
    assert (await open_.client.delete(f"/v1/jobs/{running['id']}")).status_code == 204
    monkeypatch.undo()
    assert (await open_.client.get("/readyz")).json()["checks"]["disk"] == "ok"
    assert (await open_.client.post("/v1/jobs", json=BODY)).status_code == 202


async def test_storage_that_fails_is_one_warning_without_a_traceback(open_, monkeypatch):
    def failing(self: DiskRoom) -> None:
        raise StorageFailed("The disk is away.")

    monkeypatch.setattr(DiskRoom, "check", failing)
    await refuses_new_work(open_, "storage_failed", "10")
    with capture_logs() as lines:
        assert (await open_.client.post("/v1/jobs", json=BODY)).status_code == 503
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("storage_failed", "warning"),
        ("request", "warning"),
    ]
    assert all("exc_info" not in line for line in lines)
    assert (await open_.client.get("/readyz")).json()["checks"]["disk"] == "failed"
