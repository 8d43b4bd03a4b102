"""Private pictures and times of accounts over HTTP, on both databases and from two servers."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import httpx
import pytest
from databases import BOTH
from PIL import Image
from running_server import RunningServer, running_server
from second_account import open_account
from webhook_receiver import Receiver, webhook_receiver

from gesso.storage.links import Links

pytestmark = pytest.mark.acceptance
SECRET = "a link secret of the tests, 32 letters long"
SKETCH = {"model": "gesso-sketch", "input": {"prompt": "a cat", "steps": 1, "width": 64, "height": 64}}
PRIVATE = SKETCH | {"delivery": "inline"}
WAIT = {"Prefer": "wait=60"}
SETTINGS: dict[str, dict[str, object]] = {}  # of each server, by its address
WAIT_SECONDS = 40


@pytest.fixture(scope="module", params=BOTH)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("private") / "data"
    settings: dict[str, object] = {"link_secret": SECRET, "orphan_hours": 0.001, "outgoing_allow": "127.0.0.1"}
    if request.param == "postgresql":
        settings["database_url"] = request.getfixturevalue("make_postgres_url")()
    with running_server(folder, **settings) as server:
        SETTINGS[server.url] = settings
        yield server


@pytest.fixture(scope="module")
def private_key(server: RunningServer) -> str:
    return command(server, "keys", "create", "--test", "--private")["secret"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as receiver:
        yield receiver


def command(server: RunningServer, *words: str) -> dict:
    """Run `gesso …` beside the server, as an operator does; return its JSON."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GESSO_")}
    environment["GESSO_DATA_DIR"] = str(server.data_dir)
    environment |= {f"GESSO_{name.upper()}": str(value) for name, value in SETTINGS[server.url].items()}
    run = [sys.executable, "-m", "gesso", *words, "--json"]
    done = subprocess.run(run, cwd=server.data_dir, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def objects(server: RunningServer) -> set[str]:
    return {path.name for path in (server.data_dir / "blobs").glob("*/*") if path.is_file()}


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it did not become so"
        time.sleep(0.1)


def test_private_pictures_come_in_answers_and_never_by_a_link(server, receiver):
    before = objects(server)
    ask = PRIVATE | {"webhook": {"url": receiver.url, "events": ["succeeded"]}}
    with server.client(server.test_key) as client:
        answer = client.post("/v1/jobs", json=ask, headers=WAIT)
        job = answer.json()
        assert (answer.status_code, job["private"], job["pictures_gone"]) == (200, True, False), job
        (picture,) = job["pictures"]
        assert picture["url"] is None
        assert Image.open(io.BytesIO(base64.b64decode(picture["data"]))).size == (64, 64)
        again = client.get(f"/v1/jobs/{job['id']}").json()
        assert again["pictures"] == job["pictures"]  # an answer may be lost
        # But from the first one on it is a minute.
        until(lambda: client.get(f"/v1/jobs/{job['id']}").json()["pictures_until"] < job["pictures_until"])
        (listed,) = [one for one in client.get("/v1/jobs").json()["jobs"] if one["id"] == job["id"]]
        assert (listed["pictures"], listed["private"]) == ([], True)
        events = client.get(f"/v1/jobs/{job['id']}/events").text
        told = receiver.next().body.decode()
        for text in (answer.text, json.dumps(listed), events, told):
            assert "/blobs/" not in text
        for text in (json.dumps(listed), events, told):
            assert picture["data"] not in text
        (blob,) = objects(server) - before
        query = Links(SECRET.encode()).sign(blob, "GET", 4_000_000_000)
        assert client.get(f"/blobs/{blob}?{query}").status_code == 404
        edit = {"model": "gesso-sketch", "input": {"prompt": "a hat", "image": f"gesso://files/{blob}"}}
        assert client.post("/v1/jobs", json=edit).json()["errors"][0]["code"] == "file_not_found"


def test_private_pictures_and_what_they_were_made_of_are_removed(server):
    before, picture = objects(server), io.BytesIO()
    Image.new("RGB", (64, 64), "navy").save(picture, "PNG")
    inline = {"prompt": "add a duck", "image": base64.b64encode(picture.getvalue()).decode(), "steps": 1}
    ask = {"model": "gesso-sketch", "input": inline, "delivery": "inline", "keep_seconds": 1}
    with server.client(server.test_key) as client:
        job = client.post("/v1/jobs", json=ask, headers=WAIT).json()
        assert job["state"] == "succeeded", job
        until(lambda: objects(server) <= before)
        gone = client.get(f"/v1/jobs/{job['id']}").json()
    assert (gone["pictures"], gone["private"], gone["pictures_gone"]) == ([], True, True)


def test_a_key_may_be_private_and_then_only_inline_answers_are_given(server, private_key):
    assert [key["private"] for key in command(server, "keys", "list")][-1] is True
    with server.client(private_key) as client:
        assert client.get("/v1/account").json()["private"] is True
        job = client.post("/v1/jobs", json=SKETCH, headers=WAIT).json()
        assert job["private"]
        assert job["pictures"][0]["data"]
        refused = client.post("/v1/jobs", json=SKETCH | {"delivery": "links"})
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "private_key")
        ask = {"model": "gesso-sketch", "prompt": "a cat", "size": "256x256"}
        images = client.post("/openai/v1/images/generations", json=ask)
        assert base64.b64decode(images.json()["data"][0]["b64_json"])
        assert "/blobs/" not in images.text
        by_link = client.post("/openai/v1/images/generations", json=ask | {"response_format": "url"})
        assert (by_link.status_code, "b64_json" in by_link.text) == (400, True)
        magic = {"image_count": 1, "style": {"prompt": "a cat", "tool": "general"}, "orientation": "square"}
        by_link = client.post("/magic-hour/v1/ai-image-generator", json=magic)
        assert (by_link.status_code, "pictures are private" in by_link.text) == (400, True), by_link.text
        shown = client.get(f"/v1/jobs/{images.headers['gesso-job']}").json()
        assert (shown["private"], shown["pictures_gone"]) == (True, False)


def test_a_request_of_any_api_may_ask_for_it_by_a_header(server):
    ask = {"model": "gesso-sketch", "prompt": "a cat", "size": "256x256"}
    with server.client(server.test_key) as client:
        answer = client.post("/openai/v1/images/generations", json=ask, headers={"Gesso-Delivery": "inline"})
        assert base64.b64decode(answer.json()["data"][0]["b64_json"])
        assert client.get(f"/v1/jobs/{answer.headers['gesso-job']}").json()["private"] is True
        usual = client.post("/openai/v1/images/generations", json=ask)
        assert client.get(f"/v1/jobs/{usual.headers['gesso-job']}").json()["private"] is False
        wrong = client.post("/openai/v1/images/generations", json=ask, headers={"Gesso-Delivery": "pigeon"})
        assert wrong.status_code == 400


def test_what_a_vendor_does_not_keep_is_not_behind_links_but_may_be_read_for_an_hour(server):
    ask = {"model_name": "edit", "inputs": {"prompt": "a hat", "image": data_uri(), "return_base64": True}}
    with server.client(server.test_key) as client:
        asked = client.post("/fashn/v1/run", json=ask)
        made = asked.json()["id"]
        until(lambda: client.get(f"/fashn/v1/status/{made}").json()["status"] == "completed")
        first, second = (client.get(f"/fashn/v1/status/{made}").json()["output"] for _ in range(2))
        assert first == second
        assert first[0].startswith("data:image/")
        job = client.get(f"/v1/jobs/{asked.headers['gesso-job']}").json()
        assert job["private"]
        listed = client.get("/v1/jobs", params={"limit": 1}).json()["jobs"][0]
        assert (listed["id"], listed["pictures"]) == (job["id"], [])


def data_uri() -> str:
    picture = io.BytesIO()
    Image.new("RGB", (64, 64), "olive").save(picture, "PNG")
    return "data:image/png;base64," + base64.b64encode(picture.getvalue()).decode()


def test_another_account_is_told_nothing_of_a_private_job(server):
    # On PostgreSQL another mode, which is as far away.
    key = server.live_key if "database_url" in SETTINGS[server.url] else open_account(server, "somebody else")
    with server.client(server.test_key) as mine, server.client(key) as other:
        job = mine.post("/v1/jobs", json=PRIVATE, headers=WAIT).json()
        assert other.get(f"/v1/jobs/{job['id']}").status_code == 404
        assert mine.get(f"/v1/jobs/{job['id']}").json()["pictures"]


def test_an_operator_sets_how_long_an_account_s_things_are_kept(server):
    with server.client(server.test_key) as client:
        usual = client.get("/v1/account").json()["retention"]
        assert usual == {"results_seconds": 604800, "files_seconds": 604800, "jobs_seconds": None}
        told = command(server, "accounts", "retention", "first account", "--results", "90m", "--jobs", "2d")
        assert (told["results"], told["files"], told["jobs"]) == ("90m", None, "2d")
        changed = client.get("/v1/account").json()["retention"]
        assert changed == {"results_seconds": 5400, "files_seconds": 604800, "jobs_seconds": 172800}
        job = client.post("/v1/jobs", json=SKETCH | {"keep_seconds": 10**9}, headers=WAIT).json()
        assert seconds_between(job["ended_at"], job["pictures_until"]) == 5400
        assert httpx.get(job["pictures"][0]["url"], trust_env=False).status_code == 200
        short = client.post("/v1/jobs", json=SKETCH | {"keep_seconds": 1}, headers=WAIT).json()
        until(lambda: client.get(f"/v1/jobs/{short['id']}").json()["pictures_gone"])
        assert client.get(f"/v1/jobs/{short['id']}").json()["pictures"][0]["url"] is None
        assert httpx.get(short["pictures"][0]["url"], trust_env=False).status_code == 404
        command(server, "accounts", "retention", "first account", "--results", "default", "--jobs", "forever")
        assert client.get("/v1/account").json()["retention"] == usual
    command(server, "credits", "check")  # which fails where something does not add up


def seconds_between(earlier: str, later: str) -> int:
    return round((datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds())


@pytest.mark.parametrize("server", BOTH[1:], indirect=True)  # SQLite serves one process
def test_a_second_server_respects_what_was_private_at_the_first(server):
    with (
        running_server(server.data_dir, **SETTINGS[server.url]) as second,
        server.client(server.test_key) as here,
        second.client(server.test_key) as there,
    ):
        before = objects(server)
        job = here.post("/v1/jobs", json=PRIVATE, headers=WAIT).json()
        assert there.get(f"/v1/jobs/{job['id']}").json()["pictures"] == job["pictures"]
        (blob,) = objects(server) - before
        query = Links(SECRET.encode()).sign(blob, "GET", 4_000_000_000)
        assert there.get(f"/blobs/{blob}?{query}").status_code == 404
        assert "/blobs/" not in there.get("/v1/jobs", params={"limit": 1}).text
