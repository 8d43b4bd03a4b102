"""Clients that break off, never finish, lie about themselves or ask for too much: no 5xx, no traceback, no leftovers."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.acceptance
SKETCH = "gesso-sketch"


def connected(server) -> socket.socket:
    host = urlsplit(server.url)
    return socket.create_connection((host.hostname, host.port), timeout=30)


def head(server, line: str, *headers: str) -> bytes:
    lines = (line, "Host: x", f"Authorization: Bearer {server.live_key}", *headers, "", "")
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("POST /v1/jobs HTTP/1.1", "application/json"),
        ("POST /v1/jobs HTTP/1.1", "multipart/form-data; boundary=x"),
        ("POST /v1/files HTTP/1.1", "multipart/form-data; boundary=x"),
    ],
)
def test_a_body_that_breaks_off_is_the_clients_mistake(start_server, line, kind):
    server = start_server()
    with connected(server) as client:
        client.sendall(head(server, line, f"Content-Type: {kind}", "Content-Length: 5000") + b"--x\r\n")
        time.sleep(0.1)  # let the handler begin to read, else there is nobody to break off from
    with server.client() as client:
        assert client.get("/v1/jobs").json()["jobs"] == []
        metrics = client.get("/metrics").text
    assert 'status="500"' not in metrics


@pytest.mark.parametrize("charset", ["undefined", "idna", "unicode_escape", "utf-16", "nonsense"])
def test_a_charset_of_the_clients_choice_cannot_break_multipart(server, charset):
    body = b'--x\r\nContent-Disposition: form-data; name="p\xff"\r\n\r\n\xff\\ud800\r\n--x--\r\n'
    with server.client() as client:
        kind = f"multipart/form-data; boundary=x; charset={charset}"
        assert client.post("/v1/jobs", content=body, headers={"Content-Type": kind}).status_code in (400, 422)


def test_too_many_fields_are_refused_in_a_short_answer(server):
    with server.client() as client:
        values = {f"promp{i}": 1 for i in range(5_000)}
        answer = client.post("/v1/jobs", json={"model": SKETCH, "input": values})
        assert answer.status_code == 422
        assert [item["field"] for item in answer.json()["errors"]] == ["input"]
        answer = client.post("/v1/jobs", json=values)
        assert answer.status_code == 422
        assert len(answer.content) < 200_000


@pytest.mark.parametrize("endless", ["target", "header", "many headers"])
def test_an_endless_head_is_cut_off(server, endless):
    start, piece = {
        "target": (b"GET /", b"a" * 10_000),
        "header": (b"GET / HTTP/1.1\r\nX: ", b"a" * 10_000),
        "many headers": (b"GET / HTTP/1.1\r\n", (b"X: " + b"a" * 100 + b"\r\n") * 100),
    }[endless]
    with connected(server) as client:
        client.sendall(start)
        answer = b""
        try:
            for _ in range(1_000):
                client.sendall(piece)
            answer = client.recv(1000)
        except ConnectionError:  # closed while we were still sending
            answer = b"HTTP/1.1 400"
    assert answer.startswith(b"HTTP/1.1 400"), answer


def test_a_path_cannot_forge_log_lines(server):
    with connected(server) as client:
        client.sendall(head(server, "GET /%1b[31m%0aforged%09 HTTP/1.1", "Connection: close"))
        assert b" 404 " in client.recv(1000)
    assert "\x1b[31m" not in server.log()
    assert not [line for line in server.log().splitlines() if line.startswith("forged")]


def test_readiness_leaves_nothing_behind(server):
    with server.client() as client:
        assert client.get("/readyz").status_code == 200
        before = sorted(path.name for path in (server.data_dir / "blobs").iterdir())
        for _ in range(3):
            assert client.get("/readyz").status_code == 200
        assert sorted(path.name for path in (server.data_dir / "blobs").iterdir()) == before


def test_a_chunked_upload_over_the_limit_ends_there(start_server):
    server = start_server(max_picture_bytes=100_000)
    with server.client() as client:
        started = client.post("/v1/uploads").json()
        answer = client.put(started["put_url"], content=(b"\x89PNG" * 10_000 for _ in range(100)))
        assert answer.status_code == 413
        assert client.get("/v1/files").json()["files"] == []


def test_who_waits_and_watches_hears_of_a_stopping_server_and_does_not_hold_it_up(start_server):
    server = start_server(grace_seconds=0.5)
    body = {"model": SKETCH, "input": {"prompt": "a cat", "steps": 50, "num_images": 16, "width": 1024, "height": 1024}}
    answers: list[tuple[int, str]] = []

    def wait() -> None:
        with server.client() as client:
            answer = client.post("/v1/jobs", json=body, headers={"Prefer": "wait=200"})
            answers.append((answer.status_code, answer.json()["state"]))

    def watch(job: str) -> None:
        with server.client() as client, client.stream("GET", f"/v1/jobs/{job}/events") as events:
            events.read()
            answers.append((events.status_code, "watched"))

    with server.client() as client:
        job = client.post("/v1/jobs", json=body).json()
        threads = [threading.Thread(target=wait), threading.Thread(target=watch, args=(job["id"],))]
        for thread in threads:
            thread.start()
        while len(client.get("/v1/jobs").json()["jobs"]) < 2:
            time.sleep(0.05)
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(60)
    for thread in threads:
        thread.join(30)
    assert sorted(answers) == [(200, "watched"), (202, "queued")]
    assert time.monotonic() - began < 6 + 10  # the step in progress ends; the old way took the whole wait


def test_a_waiting_client_that_leaves_is_let_go(start_server):
    server = start_server()
    body = json.dumps({"model": SKETCH, "input": {"prompt": "a cat", "steps": 50, "num_images": 8}}).encode()
    with connected(server) as client:
        request = head(
            server,
            "POST /v1/jobs HTTP/1.1",
            "Prefer: wait=200",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        )
        client.sendall(request + body)
        with server.client() as other:
            while not (jobs := other.get("/v1/jobs").json()["jobs"]):
                time.sleep(0.05)
    with server.client() as other:
        deadline = time.monotonic() + 30
        while 'route="/v1/jobs",status="202"' not in other.get("/metrics").text.replace('method="POST",', ""):
            assert time.monotonic() < deadline, "the abandoned wait was never let go"
            time.sleep(0.05)
        assert other.get(f"/v1/jobs/{jobs[0]['id']}").json()["state"] == "running"
        other.post(f"/v1/jobs/{jobs[0]['id']}/cancel")


def test_a_failing_storage_is_a_documented_answer_everywhere(server):
    with server.client() as client:
        paths = client.get("/openapi.json").json()["paths"]
    silent = [
        f"{method} {path}"
        for path, operations in paths.items()
        for method, operation in operations.items()
        if path != "/healthz" and "503" not in operation["responses"]
    ]
    assert silent == []
