"""docs/howto/back-up.md, run on both databases while jobs run: what comes back after everything else was lost."""

from __future__ import annotations

import json
import secrets
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from aws_stand_in import aws_on_path
from installation import until
from page_shell import PageShell, blocks_of, page_shell
from picture_host import picture_bytes
from running_server import RunningServer, running_server

from s3_server import AUTHORIZATION, KEY_ID, SECRET, running_s3

pytestmark = [pytest.mark.acceptance, pytest.mark.heavy]
PAGE = blocks_of("back-up.md")
SMALL = {"prompt": "a cat", "steps": 1, "width": 64, "height": 64}
SECONDS = {"prompt": "a cat", "steps": 50, "num_images": 4, "width": 512, "height": 512}
PRICED = {"model": "flux-schnell", "input": {"prompt": "a cat"}}
SWEPT_SOON = {"orphan_hours": 0.001}


@dataclass
class Kind:
    """One way to keep things: the blocks of its section, and how servers of the old and the new place are set up."""

    shell: PageShell
    blocks: list[str]
    old: dict[str, object]
    new: dict[str, object]
    old_data: Path
    new_data: Path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def kind(request, tmp_path) -> Iterator[Kind]:
    with ExitStack() as stack:
        yield request.getfixturevalue(f"make_{request.param}_kind")(stack, tmp_path)


@pytest.fixture
def make_sqlite_kind():
    def make(stack: ExitStack, folder: Path) -> Kind:
        shell = stack.enter_context(page_shell(folder, {"GESSO_DATA_DIR": "data"}))
        return Kind(shell, PAGE["SQLite and the data folder"], {}, {}, folder / "data", folder / "restored")

    return make


@pytest.fixture
def make_postgresql_kind(postgres_databases):
    def make(stack: ExitStack, folder: Path) -> Kind:
        url, name = postgres_databases.make(), f"gesso_restored_{secrets.token_hex(4)}"
        stack.callback(lambda: postgres_databases.drop(postgres_databases.address(name)))
        s3 = stack.enter_context(running_s3())
        for bucket in ("pictures-backup", "pictures-restored"):
            headers = {"Authorization": AUTHORIZATION}
            httpx.put(f"{s3.endpoint}/{bucket}", headers=headers, trust_env=False).raise_for_status()
        store = {
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": s3.endpoint,
        }
        settings = {
            "storage_endpoint": s3.endpoint,
            "storage_region": "us-east-1",
            "storage_access_key_id": KEY_ID,
            "storage_secret_access_key": SECRET,
            "link_secret": "the same on every node, before and after",
            "lease_seconds": 3,
        }
        given = {f"GESSO_{name.upper()}": str(value) for name, value in settings.items()}
        given |= {"GESSO_DATABASE_URL": url, "GESSO_STORAGE_URL": "s3://pictures/gesso", "GESSO_DATA_DIR": "data"}
        shell = stack.enter_context(page_shell(folder, store | given | aws_on_path(folder), {"gesso_restored": name}))
        return Kind(
            shell,
            PAGE["PostgreSQL and a bucket"],
            settings | {"database_url": url, "storage_url": "s3://pictures/gesso"},
            settings
            | {"database_url": postgres_databases.address(name), "storage_url": "s3://pictures-restored/gesso"},
            folder / "data",
            folder / "data of a new node",
        )

    return make


def job_of(client: httpx.Client, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = client.post("/v1/jobs", json=body, headers=headers)
    assert answer.status_code in (200, 202), answer.text
    return answer.json()


def ended(client: httpx.Client, job: str) -> dict[str, Any]:
    def asked() -> httpx.Response | None:  # a crowded machine may keep the database from answering in time
        answer = client.get(f"/v1/jobs/{job}", headers={"Prefer": "wait=50"})
        return None if answer.status_code == 503 else answer

    body = until(asked, "the database answers").json()
    assert body.get("state") == "succeeded", body
    return body


def blob_of(link: str) -> str:
    return link.partition("/blobs/")[2].partition("?")[0].partition(".")[0]


def at(server: RunningServer, link: str) -> httpx.Response:
    """Follow a link that an earlier server gave out."""
    return httpx.get(f"{server.url}{link[link.index('/blobs/') :]}", trust_env=False, follow_redirects=True)


def test_what_was_backed_up_while_jobs_ran_is_all_there_afterwards(kind):
    database, pictures, restore = kind.blocks
    with running_server(kind.old_data, **kind.old, grace_seconds=0) as old, old.client(old.test_key) as client:
        done = [job_of(client, PRICED, Prefer="wait=50") for _ in range(2)]
        links = [job["pictures"][0]["url"] for job in done]
        bytes_of = [at(old, link).content for link in links]
        running = job_of(client, {"model": "gesso-sketch", "input": SECONDS})["id"]
        until(lambda: client.get(f"/v1/jobs/{running}").json()["state"] == "running", "it runs")
        queued = [job_of(client, PRICED)["id"] for _ in range(2)]

        kind.shell.run(database)
        kind.shell.run(database)  # a later backup in the same place
        assert (kind.old_data.parent / "backup").stat().st_mode & 0o077 == 0
        upload = client.post("/v1/files", files={"file": ("late.png", picture_bytes())}).json()["id"]
        assert client.delete(f"/v1/jobs/{done[1]['id']}").status_code == 204
        kind.shell.run(pictures)

        late = job_of(client, {"model": "gesso-sketch", "input": SMALL})["id"]
        old.process.send_signal(signal.SIGKILL)
        old.process.wait()

    kind.shell.run(restore)
    unfinished = [kind.shell.run(f"gesso jobs list --test --state {state} --quiet") for state in ("running", "queued")]
    assert (unfinished[0], set(unfinished[1].split())) == (running, set(queued)), "as they were at the backup"
    (check,) = PAGE["Before it serves"]
    kind.shell.run(check, code=1)
    told = json.loads(kind.shell.run(check.strip() + " --contents --json", code=1))
    assert (told["missing"], told["other"]) == (1, 0)
    assert [row["id"] for row in told["found"]] == [blob_of(links[1])]

    with running_server(kind.new_data, **kind.new, **SWEPT_SOON) as new, new.client(old.test_key) as client:
        assert at(new, links[0]).content == bytes_of[0]
        assert at(new, links[1]).status_code == 404
        for job, count in ((running, 4), *((job, 1) for job in queued)):
            found = ended(client, job)["pictures"]
            assert [at(new, picture["url"]).status_code for picture in found] == [200] * count
        assert client.get(f"/v1/jobs/{late}").status_code == 404
        assert client.get(f"/v1/files/{upload}").status_code == 404
        again = client.get(f"/v1/jobs/{done[0]['id']}").json()
        assert at(new, again["pictures"][0]["url"]).headers["content-type"] == again["pictures"][0]["media_type"]
        until(lambda: "orphans_removed" in new.log(), "what was stored after the copy of the database is swept")
        spent = [entry for entry in client.get("/v1/account/ledger").json()["entries"] if entry["kind"] == "charge"]
        assert len(spent) == len(done) + len(queued)
    kind.shell.run("gesso credits check")
    kind.shell.run("gesso storage check", code=1)
