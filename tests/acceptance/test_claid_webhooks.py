"""Claid's webhooks as a receiver gets them: the task's status, signed over its raw bytes."""

from __future__ import annotations

import hashlib
import hmac
import io
import json

import httpx
import pytest
from picture_host import picture_bytes, picture_host
from PIL import Image
from running_server import running_server
from webhook_receiver import webhook_receiver

pytestmark = pytest.mark.acceptance
SECRET = "a secret of the dashboard"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("claid_hooks") / "data", outgoing_allow="127.0.0.1") as started:
        yield started


def test_the_ends_of_tasks_are_told_signed(server) -> None:
    with (
        picture_host({"in.png": picture_bytes()}) as host,
        webhook_receiver() as receiver,
        server.client(server.test_key) as client,
    ):
        target = {"url": receiver.url, "dialect": "claid", "secret": SECRET}
        assert client.post("/v1/webhooks", json=target).status_code == 201
        ask = {"input": f"{host}/in.png", "options": {"prompt": "make it warmer", "model": "v1"}}
        # Of what is answered at once nothing is told.
        files = {"file": ("in.png", picture_bytes()), "data": (None, "{}")}
        assert client.post("/claid/v1/image/edit/upload", files=files).status_code == 200
        made = client.post("/claid/v1/image/ai-edit", json=ask).json()["data"]
        first = receiver.next()
        failed = client.post("/claid/v1/image/ai-edit", json=ask, headers={"Gesso-Test-Fault": "fail"}).json()["data"]
        second = receiver.next()
        resized = client.post("/claid/v1/image/edit/async", json={"input": f"{host}/in.png"}).json()["data"]
        third = receiver.next()
        shown = client.get(made["result_url"]).json()["data"]
    told = []
    for came in (first, second, third):
        digest = hmac.new(SECRET.encode(), came.body, hashlib.sha256).hexdigest()
        assert came.headers["x-claid-hmac-sha256"] == f"sha256={digest}"
        assert came.headers["content-type"] == "application/json"
        told.append(json.loads(came.body)["data"])
    assert [(one["id"], one["status"]) for one in told] == [
        (made["id"], "DONE"),
        (failed["id"], "ERROR"),
        (resized["id"], "DONE"),
    ]
    links = [one["result"]["output_objects"][0].pop("tmp_url") for one in (told[0], shown)]
    assert told[0] == shown
    for link in links:
        assert Image.open(io.BytesIO(httpx.get(link, trust_env=False).content)).size == (1248, 832)
    assert set(told[2]["result"]) == {"input_object", "output_object"}
