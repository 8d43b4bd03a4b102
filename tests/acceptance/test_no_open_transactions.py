"""While an engine, the store, a receiver or a stranger's server takes its time, no transaction stays open for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import pytest
from installation import until
from picture_host import picture_bytes
from running_server import RunningServer, running_server
from webhook_receiver import webhook_receiver

from s3_server import S3Server, running_s3

pytestmark = [pytest.mark.acceptance, pytest.mark.postgres, pytest.mark.heavy]
SMALL = {"prompt": "a cat", "steps": 1, "width": 64, "height": 64}
SECONDS = {"prompt": "a cat", "steps": 50, "num_images": 4, "width": 512, "height": 512}
OPEN = "SELECT pid, state, query FROM pg_stat_activity WHERE application_name = 'gesso' AND xact_start IS NOT NULL"
# Less than PostgreSQL itself would let a forgotten transaction live (`idle_in_transaction_session_timeout`).
CLEAN_SECONDS = 6


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with running_s3() as server:
        yield server


@pytest.fixture(scope="module")
def url(make_postgres_url) -> str:
    return make_postgres_url()


@pytest.fixture(scope="module")
def server(s3, url, tmp_path_factory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("open") / "data"
    settings = {"database_url": url, "outgoing_allow": "127.0.0.1", "storage_timeout_seconds": 5, "grace_seconds": 0}
    with running_server(folder, **settings, **s3.settings) as server:
        yield server


@pytest.fixture
def rows(url) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def nothing_is_open(rows: psycopg.Connection) -> None:
    """Wait for a moment at which no transaction is open: others come and go, one held for something outside stays."""
    until(lambda: rows.execute(OPEN).fetchall() == [], "no transaction is open", CLEAN_SECONDS)


@contextmanager
def silent_host() -> Iterator[tuple[str, threading.Event, threading.Event]]:
    """Serve a picture once told to; yield its link, what is set when somebody asked, and what lets the answer go."""
    asked, go = threading.Event(), threading.Event()
    data = picture_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.set()
            go.wait(30)
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as host:
        thread = threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{host.server_port}/photo.png", asked, go
        finally:
            go.set()
            host.shutdown()
            thread.join()


def test_the_look_itself_sees_a_transaction_that_stays_open(server, rows, url):
    with psycopg.connect(url, application_name="gesso") as forgotten:
        forgotten.execute("SELECT 1")
        with pytest.raises(AssertionError, match="no transaction is open"):
            until(lambda: rows.execute(OPEN).fetchall() == [], "no transaction is open", 1)


def test_while_an_engine_runs(server, rows):
    with server.client() as client:
        job = client.post("/v1/jobs", json={"model": "gesso-sketch", "input": SECONDS}).json()["id"]
        until(lambda: client.get(f"/v1/jobs/{job}").json()["progress"], "the engine is at it")
        nothing_is_open(rows)
        assert client.get(f"/v1/jobs/{job}").json()["state"] == "running", "it still ran then"
        assert client.post(f"/v1/jobs/{job}/cancel").status_code == 200


def test_while_the_store_takes_its_time(server, rows, s3):
    with server.client() as client:
        until(lambda: client.get("/v1/jobs?state=running").json()["jobs"] == [], "the slot is free")
        with s3.suspended():
            job = client.post("/v1/jobs", json={"model": "gesso-sketch", "input": SMALL}).json()["id"]
            until(lambda: "store_call_postponed" in server.log(), "its picture is being stored, and that tried again")
            files = {"file": ("a.png", picture_bytes())}
            upload = threading.Thread(target=lambda: client.post("/v1/files", files=files))
            upload.start()
            nothing_is_open(rows)
            assert client.get(f"/v1/jobs/{job}").json()["state"] == "running", "it still waited then"
            assert upload.is_alive(), "so did the upload"
        upload.join()
        until(lambda: client.get(f"/v1/jobs/{job}").json()["state"] == "succeeded", "it ends")


def test_while_a_receiver_takes_its_time(server, rows):
    with webhook_receiver() as receiver, server.client() as client:
        receiver.go.clear()
        client.post("/v1/jobs", json={"model": "gesso-sketch", "input": SMALL, "webhook": receiver.url})
        receiver.next()  # it came, and is not answered
        nothing_is_open(rows)
        sending = "SELECT COUNT(*) FROM webhook_deliveries WHERE claimed_until IS NOT NULL"
        assert rows.execute(sending).fetchall() == [(1,)], "it was still being sent then"
        receiver.go.set()


def test_while_a_link_is_fetched(server, rows):
    with silent_host() as (link, asked, go), server.client() as client:
        given = {"model": "gesso-sketch", "input": SMALL | {"image": link}}
        job = client.post("/v1/jobs", json=given)
        assert job.status_code == 202, job.text
        assert asked.wait(30)
        nothing_is_open(rows)
        assert client.get(f"/v1/jobs/{job.json()['id']}").json()["state"] == "running", "it still waited then"
        go.set()
