"""Everything a client can get wrong is answered with a clear 4xx that names the field, and nothing is lost or leaked."""

from __future__ import annotations

import base64
import http.server
import io
import json
import socket
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
from PIL import Image

from gesso.accounts.keys import create_account, create_key, list_keys, revoke_key
from gesso.database.connect import Database
from gesso.domain.clock import now_microseconds

pytestmark = pytest.mark.acceptance
SKETCH = "gesso-sketch"


def png(width: int = 64, height: int = 48) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (200, 120, 40)).save(buffer, "PNG")
    return buffer.getvalue()


def ask(server, input_: dict, *, model: str = SKETCH, key: str | None = None, **headers: str) -> httpx.Response:
    with server.client(key) as client:
        body = {"model": model, "input": input_}
        return client.post(
            "/v1/jobs", content=json.dumps(body), headers={"Content-Type": "application/json", **headers}
        )


def problem(response: httpx.Response, status: int, field: str | None = None, code: str | None = None) -> dict:
    """Check the form every error has, and return it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert body["detail"]
    assert body["request_id"] == response.headers["x-request-id"]
    for leak in ("Traceback", 'File "', "/src/gesso", "site-packages", "gesso_live_", "gesso_test_"):
        assert leak not in response.text
    if field is not None:
        assert field in [item["field"] for item in body["errors"]], body
    if code is not None:
        assert code in [body["code"], *(item["code"] for item in body["errors"])], body
    return body


def chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def bomb(width: int, height: int) -> bytes:
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'
PICTURES = {
    "empty data URI": "data:image/png;base64,",
    "not base64": "!!! not base64 !!!",
    "text": base64.b64encode(b"just some words, no picture").decode(),
    "truncated header": base64.b64encode(png()[:20]).decode(),
    "SVG posing as PNG": "data:image/png;base64," + base64.b64encode(SVG).decode(),
    "HTML posing as PNG": "data:image/png;base64," + base64.b64encode(b"<!doctype html><html></html>").decode(),
    "bomb": base64.b64encode(bomb(50_000, 50_000)).decode(),
    "over the pixels": base64.b64encode(bomb(8_000, 8_000)).decode(),
    "number": 7,
    "object": {"url": "https://example.com/a.png"},
    "unknown scheme": "ftp://example.com/a.png",
    "file scheme": "file:///etc/passwd",
    "not a reference": "gesso://files/../../secret",
    "absent file": "gesso://files/0190b4c2-0000-7000-8000-000000000000",
}


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES.keys())
def test_unusable_pictures_are_refused_by_name(server, picture):
    body = problem(ask(server, {"prompt": "add a duck", "image": picture}), 422, "image")
    assert "etc/passwd" not in json.dumps([{k: v for k, v in e.items() if k != "value"} for e in body["errors"]])


def test_a_picture_cut_in_the_middle_ends_the_job_as_failed_and_names_the_field(server):
    whole = io.BytesIO()
    Image.effect_noise((200, 200), 80).save(whole, "PNG")
    picture = base64.b64encode(whole.getvalue()[: len(whole.getvalue()) // 2]).decode()
    response = ask(server, {"prompt": "add a duck", "image": picture}, Prefer="wait=20")
    if response.status_code == 422:
        problem(response, 422, "image")
        return
    job = response.json()
    assert (job["state"], job["error"]["code"]) == ("failed", "unreadable_image")
    assert "image" in job["error"]["message"]
    assert job["charged"] == job["refunded"]


def test_mask_of_another_size_is_refused_naming_both_sizes(server):
    picture, mask = (base64.b64encode(png(*size)).decode() for size in ((64, 48), (32, 32)))
    body = problem(ask(server, {"prompt": "add a duck", "image": picture, "mask": mask}), 422, "mask")
    assert "64x48" in body["detail"]
    assert "32x32" in body["detail"]


PRIVATE = [
    "http://127.0.0.1/a.png",
    "http://localhost:9/a.png",
    "http://10.0.0.8/a.png",
    "http://192.168.1.1/a.png",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::1]/a.png",
    "http://[::ffff:127.0.0.1]/a.png",
    "http://2130706433/a.png",
    "http://0x7f.1/a.png",
    "http://0.0.0.0/a.png",
]


@pytest.mark.parametrize("url", PRIVATE)
def test_links_into_private_networks_are_refused(server, url):
    response = ask(server, {"prompt": "add a duck", "image": url}, Prefer="wait=30")
    if response.status_code == 200:  # a name is only resolved by the job
        job = response.json()
        assert (job["state"], job["error"]["code"]) == ("failed", "image_not_retrievable"), job
        assert job["pictures"] == []
    else:
        problem(response, 422, "image")


class Redirecting(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", "http://127.0.0.2:9/secret.png")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def redirector() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Redirecting) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}/a.png"
        listening.shutdown()


@pytest.fixture
def hanging() -> Iterator[str]:
    """A host that accepts the connection and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/a.png"


def test_redirects_into_private_networks_and_hanging_hosts_fail_the_job(start_server, redirector, hanging):
    server = start_server(outgoing_allow="127.0.0.1")
    for url in (redirector, hanging):
        job = ask(server, {"prompt": "add a duck", "image": url}, Prefer="wait=60").json()
        assert (job["state"], job["error"]["code"]) == ("failed", "image_not_retrievable"), job
        assert "127.0.0.2" not in json.dumps(job["error"])


INPUTS = {
    "empty prompt": ({"prompt": ""}, "prompt"),
    "missing prompt": ({}, "prompt"),
    "long prompt": ({"prompt": "a" * 50_000}, "prompt"),
    "prompt of another type": ({"prompt": ["a"]}, "prompt"),
    "unknown field": ({"prompt": "a duck", "promt": "x"}, "promt"),
    "steps too many": ({"prompt": "a duck", "steps": 10_000}, "steps"),
    "steps a fraction": ({"prompt": "a duck", "steps": 1.5}, "steps"),
    "steps a boolean": ({"prompt": "a duck", "steps": True}, "steps"),
    "width too small": ({"prompt": "a duck", "width": 1}, "width"),
    "format unknown": ({"prompt": "a duck", "output_format": "bmp"}, "output_format"),
    "seed negative": ({"prompt": "a duck", "seed": -5}, "seed"),
    "seed too large": ({"prompt": "a duck", "seed": 1 << 40}, "seed"),
    "count": ({"prompt": "a duck", "num_images": 0}, "num_images"),
    "picture too large": ({"prompt": "a duck", "width": 8192, "height": 8192}, "width"),
}


@pytest.mark.parametrize(("given", "field"), INPUTS.values(), ids=INPUTS.keys())
def test_wrong_parameters_are_named(server, given, field):
    body = problem(ask(server, given), 422)
    fields = [item["field"] for item in body["errors"]]
    assert field in fields or (field == "width" and "height" in fields), body


@pytest.mark.parametrize("priority", ["high", "urgent", "", 7, ["low"], True])
def test_a_priority_that_cannot_be_asked_for_is_named(server, priority):
    with server.client() as client:
        body = {"model": SKETCH, "input": {"prompt": "a duck"}, "priority": priority}
        problem(client.post("/v1/jobs", json=body), 422, "priority", "not_a_choice")
        form = {"model": SKETCH, "prompt": "a duck", "priority": str(priority)}
        problem(client.post("/v1/jobs", files={name: (None, text) for name, text in form.items()}), 422, "priority")


@pytest.mark.parametrize("previews", [4, -1, 1.5, "2", True, [1]])
def test_previews_that_cannot_be_asked_for_are_named(server, previews):
    with server.client() as client:
        body = {"model": SKETCH, "input": {"prompt": "a duck"}, "previews": previews}
        problem(client.post("/v1/jobs", json=body), 422, "previews", "out_of_range")


def test_every_mistake_is_told_at_once(server):
    body = problem(ask(server, {"steps": 0, "widht": 512, "strength": 7, "image": "ftp://x/y"}), 422)
    assert {"prompt", "steps", "widht", "strength", "image"} <= {item["field"] for item in body["errors"]}
    assert "width" in body["detail"]  # did you mean


@pytest.mark.parametrize("text", ["a\0duck", "a \ud800 duck"])
def test_text_that_is_no_text_is_refused(server, text):
    problem(ask(server, {"prompt": text}), 422)


@pytest.mark.parametrize("depth", [40, 5_000, 200_000])
def test_deep_json_is_refused(server, depth):
    body = '{"model": "gesso-sketch", "input": ' + "[" * depth + "]" * depth + "}"
    with server.client() as client:
        problem(client.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"}), 400)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"model": NaN}', b"[]", b'"text"'])
def test_what_is_not_a_json_object_is_refused(server, body):
    with server.client() as client:
        response = client.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
        problem(response, 422 if body in (b"[]", b'"text"') else 400)
        problem(client.post("/v1/jobs", content=b"x", headers={"Content-Type": "text/plain"}), 415)


def test_a_body_over_the_limit_is_refused(start_server):
    server = start_server(max_body_bytes=100_000)
    problem(ask(server, {"prompt": "a duck", "image": "A" * 200_000}), 413)
    with server.client() as client:
        problem(client.post("/v1/files", files={"file": ("a.png", b"\x89PNG" + b"0" * 200_000)}), 413)


def test_unknown_models_are_named_with_the_nearest(server):
    body = problem(ask(server, {"prompt": "a duck"}, model="gesso-sketsh"), 422, "model", "unknown_model")
    assert "gesso-sketch" in body["detail"]
    with server.client() as client:
        problem(client.get("/v1/models/nope"), 404)


def test_missing_wrong_and_revoked_keys(start_server):
    server = start_server()
    for headers in ({}, {"Authorization": "Bearer gesso_live_wrong"}, {"Authorization": "Basic eDp5"}):
        response = httpx.get(f"{server.url}/v1/account", headers=headers, trust_env=False)
        problem(response, 401, code="unauthenticated")
        assert response.headers["www-authenticate"].startswith("Bearer")
    with server.client() as client:
        assert client.get("/v1/account").status_code == 200
        database = Database.open_sqlite(server.data_dir / "gesso.db")
        try:
            for row in database.read_blocking(lambda c: list_keys(c, None)):
                database.write_blocking(lambda c, key=row.id: revoke_key(c, key, now_microseconds()))
        finally:
            database.close()
        problem(client.get("/v1/account"), 401)


@pytest.fixture
def stranger(server) -> str:
    """A live and a penniless key of another account, made beside the running server."""
    database = Database.open_sqlite(server.data_dir / "gesso.db")
    try:
        return database.write_blocking(_poor_account)
    finally:
        database.close()


def _poor_account(connection) -> dict[str, str]:
    now = now_microseconds()
    account = create_account(connection, "stranger", now, 0)
    return {mode: create_key(connection, account, mode, "k", now)[1] for mode in ("live", "test")}


def test_what_is_anothers_is_as_absent(server, stranger):
    job = ask(server, {"prompt": "a duck"}, Prefer="wait=30").json()
    with server.client() as mine:
        kept = mine.post("/v1/files", files={"file": ("a.png", png())}).json()
    for key in (stranger["live"], server.test_key):
        with server.client(key) as other:
            for url, absent in (
                (f"/v1/jobs/{job['id']}", "/v1/jobs/0190b4c2-0000-7000-8000-000000000000"),
                (f"/v1/files/{kept['id']}", "/v1/files/0190b4c2-0000-7000-8000-000000000000"),
            ):
                seen, nothing = (problem(other.get(path), 404) for path in (url, absent))
                assert seen["detail"] == nothing["detail"]
                assert problem(other.delete(url), 404)["detail"] == nothing["detail"]
            problem(other.post(f"/v1/jobs/{job['id']}/cancel"), 404)
            problem(other.get(f"/v1/jobs/{job['id']}/events"), 404)
            using = {"model": SKETCH, "input": {"prompt": "add a duck", "image": kept["reference"]}}
            problem(other.post("/v1/jobs", json=using), 422, "image")
            assert job["id"] not in other.get("/v1/jobs").text
    signed = job["pictures"][0]["url"]
    assert httpx.get(signed, trust_env=False).status_code == 200
    problem(httpx.get(signed.replace("signature=", "signature=0"), trust_env=False), 403)
    problem(httpx.get(signed.replace(signed.split("/blobs/")[1].split("?")[0], kept["id"]), trust_env=False), 403)


def test_no_credits_means_402_and_nothing_written(server, stranger):
    with server.client(stranger["test"]) as poor:
        response = poor.post("/v1/jobs", json={"model": "flux-schnell", "input": {"prompt": "a duck"}})
        problem(response, 402, code="insufficient_credits")
        assert poor.get("/v1/jobs").json()["jobs"] == []
        assert poor.get("/v1/account/ledger").json()["entries"] == []
        assert poor.get("/v1/account").json()["balance"] == "0"


def test_a_live_key_gets_no_stand_in(server):
    body = problem(ask(server, {"prompt": "a duck"}, model="flux-schnell"), 409, code="model_not_ready")
    assert "flux-schnell" in body["detail"]


def test_unknown_paths_and_methods(server):
    with server.client() as client:
        problem(client.get("/v1/nothing"), 404)
        problem(client.put("/v1/jobs"), 405)


@pytest.mark.parametrize("key", ["", "k" * 300, "ümlaut"])
def test_idempotency_keys_are_checked(server, key):
    with server.client() as client:
        headers = {"Idempotency-Key": key.encode()}
        response = client.post("/v1/jobs", json={"model": SKETCH, "input": {"prompt": "a duck"}}, headers=headers)
    problem(response, 422, "Idempotency-Key")


def test_a_second_server_on_the_folder_exits_naming_the_first(server):
    environment = {"GESSO_DATA_DIR": str(server.data_dir), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-m", "gesso", "serve", "--port", "0"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert str(server.process.pid) in done.stderr
    assert "Traceback" not in done.stderr
