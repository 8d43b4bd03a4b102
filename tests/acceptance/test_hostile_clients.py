"""Clients that break off, never finish, lie about themselves or ask for too much: no 5xx, no traceback, no leftovers."""

from __future__ import annotations

import json
import re
import signal
import socket
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from running_server import running_server

from gesso.storage.blobs import OWNER_OBJECT

pytestmark = pytest.mark.acceptance
SKETCH = "gesso-sketch"
PHOTO = Path(__file__).parents[2] / "examples" / "photo.jpg"


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
def test_a_body_that_breaks_off_is_the_clients_mistake(fresh_server, line, kind):
    server = fresh_server
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


def in_the_store(server) -> list[str]:
    names = (path.name for path in (server.data_dir / "blobs").rglob("*"))
    return sorted(name for name in names if name != OWNER_OBJECT)


def test_readiness_leaves_nothing_behind(server):
    with server.client() as client:
        assert client.get("/readyz").status_code == 200
        before = in_the_store(server)
        for _ in range(3):
            assert client.get("/readyz").status_code == 200
        assert in_the_store(server) == before


def test_a_chunked_upload_over_the_limit_ends_there(start_server):
    server = start_server(max_picture_bytes=100_000)
    with server.client() as client:
        started = client.post("/v1/uploads").json()
        answer = client.put(started["put_url"], content=(b"\x89PNG" * 10_000 for _ in range(100)))
        assert answer.status_code == 413
        assert client.get("/v1/files").json()["files"] == []


def everything(client: socket.socket) -> bytes:
    """Return what the server says until it hangs up."""
    answer = b""
    while piece := client.recv(65536):
        answer += piece
    return answer


def gauge(server, name: str) -> float:
    with server.client() as client:
        lines = client.get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])


def until(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)


JSON = "Content-Type: application/json"
FORM = "Content-Type: multipart/form-data; boundary=x"
LARGE = 40 << 20


STALLED = [
    ("POST /v1/jobs HTTP/1.1", (JSON, "Content-Length: 5000")),
    ("POST /v1/jobs HTTP/1.1", (JSON, f"Content-Length: {LARGE}")),
    ("POST /v1/jobs HTTP/1.1", (JSON, "Transfer-Encoding: chunked")),
    ("POST /v1/jobs?quote=true HTTP/1.1", (FORM, "Content-Length: 5000")),
    ("POST /v1/files HTTP/1.1", (FORM, "Content-Length: 5000")),
]


def given_up(server) -> int:
    with server.client() as client:
        found = re.findall(r'status="408"} (\d+)', client.get("/metrics").text)
    return sum(map(int, found))


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    """A server that gives up soon."""
    with running_server(tmp_path_factory.mktemp("hasty") / "data", body_idle_seconds=0.5) as server:
        yield server


@pytest.mark.parametrize("drips", [False, True])
def test_a_body_that_does_not_come_on_is_given_up(hasty, drips):
    server = hasty
    for done, (line, headers) in enumerate(STALLED, given_up(server)):
        piece = b"1\r\n-\r\n" if "chunked" in headers[1] else b"-"
        start = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n' if headers[0] == FORM else piece
        with connected(server) as client:
            client.sendall(head(server, line, *headers) + start)
            if drips:
                drip_until_it_hangs_up(client, piece)
            else:
                answer = everything(client)
                assert answer.startswith(b"HTTP/1.1 408")
                assert b'"code": "request_timeout"' in answer
        until(lambda: given_up(server) > done)  # noqa: B023 - called before the next turn
    assert gauge(server, "gesso_body_bytes_in_flight") == 0
    with server.client() as client:
        assert client.get("/v1/jobs").json()["jobs"] == []


def drip_until_it_hangs_up(client: socket.socket, piece: bytes) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            client.sendall(piece)
        except OSError:
            return
        time.sleep(0.05)
    pytest.fail("it never hung up")


def test_an_upload_that_stops_is_given_up_and_may_be_sent_again(hasty):
    server = hasty
    with server.client() as client:
        put_url = client.post("/v1/uploads").json()["put_url"]
        target = put_url.removeprefix(server.url)
        with connected(server) as raw:
            raw.sendall(f"PUT {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n\x89PNG".encode("latin-1"))
            assert everything(raw).startswith(b"HTTP/1.1 408")
        assert client.put(put_url, content=PHOTO.read_bytes()).status_code == 201


@pytest.fixture(scope="module")
def narrow_server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("narrow") / "data", body_bytes_in_flight=LARGE) as server:
        yield server


@pytest.fixture
def narrow(narrow_server):
    """A server that reads one large body at a time, and none at first."""
    until(lambda: gauge(narrow_server, "gesso_body_bytes_in_flight") == 0)
    return narrow_server


def test_large_bodies_wait_in_line_and_small_ones_pass(narrow):
    server = narrow
    large = head(server, "POST /v1/jobs HTTP/1.1", JSON, f"Content-Length: {LARGE}", "Connection: close")
    body = b'{"model": "gesso-sketch", "input": {"prompt": "a cat"}, "wrong": "'
    body += b"x" * (LARGE - len(body) - 2) + b'"}'
    with connected(server) as first, connected(server) as second:
        first.sendall(large + body[:1000])
        until(lambda: gauge(server, "gesso_body_bytes_in_flight") == LARGE)
        second.sendall(large + body[:1000])
        until(lambda: gauge(server, "gesso_bodies_waiting") == 1)
        with server.client() as client:
            small = {"model": SKETCH, "input": {"prompt": "a cat"}}
            assert client.post("/v1/jobs", json=small).status_code == 202
        first.sendall(body[1000:])
        assert everything(first).startswith(b"HTTP/1.1 422")
        until(lambda: gauge(server, "gesso_bodies_waiting") == 0)
        second.sendall(body[1000:])
        assert everything(second).startswith(b"HTTP/1.1 422")
    until(lambda: gauge(server, "gesso_body_bytes_in_flight") == 0)


def test_a_client_in_line_is_not_read_from(narrow):
    server = narrow
    large = head(server, "POST /v1/jobs HTTP/1.1", JSON, f"Content-Length: {LARGE}")
    with connected(server) as first, connected(server) as second:
        first.sendall(large + b" ")
        until(lambda: gauge(server, "gesso_body_bytes_in_flight") == LARGE)
        second.settimeout(1)
        with pytest.raises(TimeoutError):  # what the sockets themselves hold is full
            second.sendall(large + b" " * LARGE)
        assert gauge(server, "gesso_bodies_waiting") == 1


def test_who_leaves_gives_back_its_share_of_the_bodies(narrow):
    server = narrow
    large = head(server, "POST /v1/jobs HTTP/1.1", JSON, f"Content-Length: {LARGE}")
    with connected(server) as first, connected(server) as second:
        first.sendall(large + b"{")
        until(lambda: gauge(server, "gesso_body_bytes_in_flight") == LARGE)
        second.sendall(large + b"{")
        until(lambda: gauge(server, "gesso_bodies_waiting") == 1)
    until(lambda: gauge(server, "gesso_body_bytes_in_flight") == 0)
    assert gauge(server, "gesso_bodies_waiting") == 0


def test_a_stranger_takes_no_share_of_the_bodies(narrow):
    server = narrow
    with connected(server) as client:
        lines = ("POST /v1/jobs HTTP/1.1", "Host: x", JSON, f"Content-Length: {LARGE}", "Connection: close", "", "")
        client.sendall("\r\n".join(lines).encode())
        assert everything(client).startswith(b"HTTP/1.1 401")
    assert gauge(server, "gesso_body_bytes_in_flight") == 0


def test_who_waits_and_watches_hears_of_a_stopping_server_and_does_not_hold_it_up(start_server):
    server = start_server(grace_seconds=0.5)
    body = {"model": SKETCH, "input": {"prompt": "a cat", "steps": 50, "num_images": 16, "width": 1024, "height": 1024}}
    answers: list[tuple[int, str]] = []
    watching = threading.Event()

    def wait() -> None:
        with server.client() as client:
            answer = client.post("/v1/jobs", json=body, headers={"Prefer": "wait=200"})
            answers.append((answer.status_code, answer.json()["state"]))

    def watch(job: str) -> None:
        with server.client() as client, client.stream("GET", f"/v1/jobs/{job}/events") as events:
            watching.set()
            events.read()
            answers.append((events.status_code, "watched"))

    with server.client() as client:
        job = client.post("/v1/jobs", json=body).json()
        threads = [threading.Thread(target=wait), threading.Thread(target=watch, args=(job["id"],))]
        for thread in threads:
            thread.start()
        while len(client.get("/v1/jobs").json()["jobs"]) < 2:
            time.sleep(0.05)
    assert watching.wait(60)
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(60)  # the step in progress ends; the old way took the whole wait
    for thread in threads:
        thread.join(30)
    assert sorted(answers) == [(200, "watched"), (202, "queued")]


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
        if path not in ("/", "/healthz") and "503" not in operation["responses"]
    ]
    assert silent == []
