"""A server whose pictures are in an object store: results, links, deletion, retention, and a store that is away."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from PIL import Image
from running_server import RunningServer, running_server

from s3_server import KEY_ID, PREFIX, SECRET, S3Server, running_s3

pytestmark = pytest.mark.acceptance
OWNER = "owner"
WAIT_SECONDS = 30


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with running_s3() as server:
        yield server


@pytest.fixture(scope="module")
def stored(s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("stored") / "data"
    with running_server(
        folder, **s3.settings, orphan_hours=0.002, file_retention_hours=0.001, link_secret="s" * 32
    ) as server:
        yield server
    log = server.log()
    assert SECRET not in log
    assert KEY_ID not in log


def photo() -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(file, "PNG")
    return file.getvalue()


def edit(client: httpx.Client, wait: bool = True) -> dict[str, Any]:
    headers = {"Prefer": "wait=60"} if wait else {}
    files = {"image": ("photo.png", photo(), "image/png")}
    answer = client.post(
        "/v1/jobs", data={"model": "gesso-sketch", "prompt": "add a duck"}, files=files, headers=headers
    )
    assert answer.status_code in (200, 202), answer.text
    return answer.json()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)


def pictures_in(s3: S3Server) -> set[str]:
    return {name.rpartition("/")[2] for name in s3.names() if name != OWNER}


def blob_of(url: str) -> str:
    return url.partition("/blobs/")[2].partition("?")[0].partition(".")[0]


def test_a_result_is_in_the_store_and_its_link_needs_no_key(stored, s3):
    with stored.client() as client:
        job = edit(client)
        assert job["state"] == "succeeded", job
        url = job["pictures"][0]["url"]
        answer = httpx.get(url, trust_env=False)
        assert (answer.status_code, answer.headers["x-content-type-options"]) == (200, "nosniff")
        picture = Image.open(io.BytesIO(answer.content))
        picture.load()
        assert picture.size == (256, 256)
        assert blob_of(url) in pictures_in(s3)
        assert not (stored.data_dir / "blobs").exists()
        assert not (stored.data_dir / "link.secret").exists()
        assert client.delete(f"/v1/jobs/{job['id']}").status_code == 204
        assert blob_of(url) not in pictures_in(s3)
        assert httpx.get(url, trust_env=False).status_code == 404


def test_a_picture_goes_when_its_time_is_over(stored, s3):
    with stored.client() as client:
        body = {"model": "gesso-sketch", "input": {"prompt": "a duck"}}
        job = client.post("/v1/jobs", json=body, headers={"Prefer": "wait=60"}).json()
        kept = blob_of(job["pictures"][0]["url"])
        upload = client.post("/v1/files", files={"file": ("photo.png", photo(), "image/png")}).json()
        assert {kept, upload["id"]} <= pictures_in(s3)
        until(lambda: upload["id"] not in pictures_in(s3))
        nobodys = "01a1fe07-2219-7b8b-bdd8-a61587271c80"
        s3.call("PUT", f"/{PREFIX}/{nobodys}/{nobodys}", content=b"left by a crash")
        until(lambda: nobodys not in pictures_in(s3))
        assert kept in pictures_in(s3)


def test_a_store_that_is_away_is_said_and_what_was_accepted_ends_when_it_is_back(s3, tmp_path):
    """It comes back empty, as what this server keeps is in memory: only what is stored afterwards is looked at."""
    with running_s3() as own, running_server(tmp_path / "data", **own.settings) as server, server.client() as client:
        own.stop()
        refused = client.post(
            "/v1/jobs",
            data={"model": "gesso-sketch", "prompt": "add a duck"},
            files={"image": ("photo.png", photo(), "image/png")},
        )
        assert (refused.status_code, refused.json()["code"]) == (503, "storage_failed")
        drawn = client.post("/v1/jobs", json={"model": "gesso-sketch", "input": {"prompt": "a duck"}}).json()
        until(lambda: "store_call_postponed" in server.log())
        until(lambda: client.get("/readyz").status_code == 503)
        assert client.get("/readyz").json()["checks"]["storage"] == "failed"
        assert client.get("/healthz").status_code == 200
        assert client.get(f"/v1/jobs/{drawn['id']}").json()["state"] == "running"
        own.start()
        until(lambda: client.get(f"/v1/jobs/{drawn['id']}").json()["state"] == "succeeded")
        until(lambda: client.get("/readyz").status_code == 200)
        url = client.get(f"/v1/jobs/{drawn['id']}").json()["pictures"][0]["url"]
        Image.open(io.BytesIO(httpx.get(url, trust_env=False).content)).load()
        assert edit(client)["state"] == "succeeded"
        assert KEY_ID not in server.log()


def test_a_store_that_never_answers_holds_up_nobody_who_does_not_need_it(tmp_path):
    with (
        running_s3() as own,
        running_server(tmp_path / "data", **own.settings, storage_timeout_seconds=1) as server,
        server.client() as client,
    ):
        url = edit(client)["pictures"][0]["url"]
        with own.suspended():
            away = httpx.get(url, trust_env=False, timeout=30)
            assert (away.status_code, away.json()["code"]) == (503, "storage_failed")
            assert client.get("/healthz").status_code == 200
            assert client.get("/v1/jobs").status_code == 200
            until(lambda: client.get("/readyz").status_code == 503)
        until(lambda: httpx.get(url, trust_env=False).status_code == 200)


def test_presigned_links_redirect_to_the_store_which_says_what_the_bytes_are(s3, tmp_path):
    with (
        running_server(
            tmp_path / "data", **s3.settings | {"storage_url": "s3://pictures/presigned"}, storage_links="presigned"
        ) as server,
        server.client() as client,
    ):
        body = {"model": "gesso-sketch", "input": {"prompt": "a duck"}}
        job = client.post("/v1/jobs", json=body, headers={"Prefer": "wait=60"}).json()
        url = job["pictures"][0]["url"]
        assert url.startswith(f"{server.url}/blobs/")
        redirect = httpx.get(url, trust_env=False)
        assert (redirect.status_code, redirect.headers["cache-control"]) == (307, "no-store")
        assert redirect.headers["location"].startswith(f"{s3.endpoint}/pictures/presigned/")
        picture = httpx.get(url, follow_redirects=True, trust_env=False)
        assert picture.headers["content-type"] == job["pictures"][0]["media_type"]
        assert picture.headers["content-disposition"].startswith(f'inline; filename="{blob_of(url)}.')
        Image.open(io.BytesIO(picture.content)).load()
        head = httpx.head(url, trust_env=False)
        assert (head.status_code, int(head.headers["content-length"])) == (200, len(picture.content))
        assert httpx.get(f"{url}x", trust_env=False).status_code == 403
        assert client.delete(f"/v1/jobs/{job['id']}").status_code == 204
        assert httpx.get(url, trust_env=False).status_code == 404
        s3.remove("presigned/owner")


def test_a_store_of_another_database_is_not_swept(s3, tmp_path, stored):
    """Two databases on one place by mistake: neither removes what it does not know."""
    with running_server(tmp_path / "data", **s3.settings, orphan_hours=0.002) as second:
        until(lambda: "not_swept" in second.log())
        with stored.client() as client:
            job = edit(client)
            assert httpx.get(job["pictures"][0]["url"], trust_env=False).status_code == 200


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({}, "ok", "written, read and deleted"),
        ({"storage_url": "s3://no-such-bucket"}, "broken", "no such bucket"),
        ({"storage_endpoint": "http://127.0.0.1:1"}, "broken", "cannot be reached"),
        ({"storage_url": f"s3://{KEY_ID}:{SECRET}@bucket"}, "broken", "credentials have settings of their own"),
    ],
)
def test_the_doctor_tries_the_store_and_shows_no_credentials(s3, tmp_path, changes, state, words):
    given = s3.settings | {"data_dir": str(tmp_path / "data")} | changes
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GESSO_")}
    environment |= {f"GESSO_{name.upper()}": value for name, value in given.items()}
    command = [sys.executable, "-m", "gesso", "doctor", "--json"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    found = {row["what"]: row for row in json.loads(done.stdout)}
    row = found.get("storage") or found["settings"]
    assert row["state"] == state
    assert words in row["detail"]
    assert done.returncode == (1 if state == "broken" else 0)
    assert SECRET not in done.stdout + done.stderr
    assert KEY_ID not in done.stdout + done.stderr
