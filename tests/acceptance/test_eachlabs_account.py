"""What Eachlabs' API tells of an account: its executions, its uploads, its webhooks and their log."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest
from eachlabs_calls import MODEL, SECONDS, SMALL, client_of, create, ended, opened
from picture_host import picture_bytes
from running_server import running_server
from second_account import open_account
from webhook_receiver import webhook_receiver

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("eachlabs") / "data"
    with running_server(folder, outgoing_allow="127.0.0.1") as started:
        yield started


@pytest.fixture(scope="module")
def client(server):
    with client_of(server, **{"X-API-Key": server.test_key}) as client:
        yield client


# --- the history --------------------------------------------------------------------------------------------------


def test_executions_are_listed_newest_first_and_narrowed(server):
    with client_of(server, **{"X-API-Key": open_account(server, "historian")}) as client:
        done = create(client, SMALL)
        broken = create(client, SMALL, fault="fail")
        refused = create(client, {"prompt": "a fox"}, "flux-2-pro", fault="moderated")
        for prediction in (done, broken, refused):
            ended(client, prediction)
        page = client.get("/v1/executions").json()
        assert (page["total_count"], page["total_capped"], page["offset"], page["limit"]) == (3, False, 0, 20)
        assert [one["id"] for one in page["executions"]] == [refused, broken, done]
        newest = page["executions"][0]
        assert (newest["model"], newest["status"], newest["execution_cost"]) == (
            "flux-2-pro",
            "failed",
            0,
        )
        assert page["executions"][2]["output"].startswith(server.url)
        moment = page["executions"][1]["created_at"]
        for query, wanted in (
            ({"limit": 1, "offset": 1}, [broken]),
            ({"status": "success"}, [done]),
            ({"status": "error,cancelled"}, [refused, broken]),
            ({"status": "created"}, []),
            ({"model": MODEL}, [broken, done]),
            ({"model": "no-such-model"}, []),
            ({"error_classification": "content_moderation"}, [refused]),
            ({"error_classification": "provider_auth"}, []),
            ({"from": moment}, [refused, broken]),
            ({"to": moment}, [broken, done]),
        ):
            page = client.get("/v1/executions", params=query).json()
            assert [one["id"] for one in page["executions"]] == wanted, query
            assert page["total_count"] == (3 if "limit" in query else len(wanted)), query
    for query in ({"limit": 0}, {"limit": "x"}, {"offset": -1}, {"status": "done"}, {"from": "now"}):
        answer = httpx.get(
            f"{server.url}/eachlabs/v1/executions",
            params=query,
            headers={"X-API-Key": server.test_key},
            trust_env=False,
        )
        assert (answer.status_code, answer.json()) == (400, {"error": f"invalid {next(iter(query))} parameter"})


# --- webhooks -----------------------------------------------------------------------------------------------------


def logged(client: httpx.Client, prediction: str) -> dict[str, Any]:
    """Return the log of a webhook once its attempt is in it: that is written after the receiver has answered."""
    deadline = time.monotonic() + SECONDS
    while (found := client.get(f"/v1/webhooks/{prediction}").json())["attempts"][-1]["status"] == "PENDING":
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def test_a_webhook_tells_of_success_and_failure_with_the_secret_and_is_logged(server):
    with (
        webhook_receiver() as receiver,
        client_of(server, **{"X-API-Key": open_account(server, "listener")}) as client,
    ):
        hook = {"webhook_url": receiver.url, "webhook_secret": "geheim"}
        cancelled = create(client, SMALL, fault="slow:600", **hook)
        client.post(f"/v1/prediction/{cancelled}/cancel")
        done = create(client, SMALL, **hook)
        received = receiver.next()  # of what was cancelled nothing came
        said = json.loads(received.body)
        assert (said["exec_id"], said["flow_id"], said["status"], said["error"]) == (done, None, "succeeded", "")
        assert opened(httpx.get(said["output"][0], trust_env=False).content).size == (128, 64)
        assert received.headers["x-webhook-secret"] == "geheim"
        assert received.headers["content-type"] == "application/json"
        broken = create(client, SMALL, fault="fail", webhook_url=receiver.url)
        received = receiver.next()
        said = json.loads(received.body)
        assert (said["exec_id"], said["status"]) == (broken, "failed")
        assert said["output"][0]["error"].startswith("Error: ")
        assert "x-webhook-secret" not in received.headers

        (attempt,) = logged(client, done)["attempts"]
        assert (attempt["status"], attempt["status_code"], attempt["error_message"]) == ("SUCCESS", 200, None)
        assert logged(client, broken)["attempts"][0]["status"] == "SUCCESS"
        page = client.get("/v1/webhooks", params={"limit": 1}).json()
        assert (page["limit"], page["offset"], page["total_count"]) == (1, 0, 2)
        assert [one["execution_id"] for one in page["webhooks"]] == [broken]
        assert page["webhooks"][0]["url"] == receiver.url
        assert "geheim" not in client.get("/v1/webhooks").text
        assert client.get("/v1/webhooks", params={"limit": 101}).json() == {"error": "invalid limit parameter"}
        for unheard in (cancelled, "not-an-id"):
            answer = client.get(f"/v1/webhooks/{unheard}")
            assert (answer.status_code, answer.json()) == (404, {"error": "webhook not found"})


def test_a_lost_webhook_is_never_tried(client):
    prediction = create(client, SMALL, fault="webhook_lost", webhook_url="http://127.0.0.1:9/")
    ended(client, prediction)
    assert client.get(f"/v1/webhooks/{prediction}").json()["attempts"] == []


# --- uploads ------------------------------------------------------------------------------------------------------


def presigned(client: httpx.Client, **more: Any) -> dict[str, Any]:
    answer = client.post("/v1/upload/presign", json={"content_type": "image/png", "file_type": "image", **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_picture_is_uploaded_used_and_deleted(client, server):
    upload = presigned(client)
    data = picture_bytes((96, 64))
    headers = {**upload["required_headers"], "Content-Type": "image/png"}
    put = httpx.put(upload["presigned_url"], content=data, headers=headers, trust_env=False)
    assert 200 <= put.status_code < 300
    assert httpx.get(upload["public_url"], trust_env=False).content == data
    given = {"prompt": "a fox", "image_prompt": upload["public_url"]}
    assert ended(client, create(client, given, "flux-1-1-pro"))["status"] == "success"
    with client_of(server, **{"X-API-Key": open_account(server, "neighbour")}) as other:
        assert other.delete(f"/v1/files/{upload['id']}").json() == {"error": "File not found"}
        answer = other.post("/v1/prediction", json={"model": "flux-1-1-pro", "input": given})
        assert (answer.status_code, answer.json()["error"]) == (400, "Invalid input for model")
    gone = client.delete(f"/v1/files/{upload['id']}")
    assert (gone.status_code, gone.content) == (204, b"")
    again = client.delete(f"/v1/files/{upload['id']}")
    assert (again.status_code, again.json()) == (404, {"error": "File not found"})
    assert client.delete("/v1/files/1").json() == {"error": "invalid file id"}
    assert httpx.get(upload["public_url"], trust_env=False).status_code == 404


def test_an_upload_is_kept_as_long_as_was_asked_for_and_its_address_says_so(client):
    short, long = presigned(client, expires_in_seconds=1), presigned(client)
    assert short["expires_at"] < long["expires_at"]  # a minute, and as long as files are kept here
    for tampered in ("until=1", "until=9"):
        url = short["presigned_url"].replace("until=", tampered)
        assert httpx.put(url, content=picture_bytes((64, 64)), trust_env=False).status_code == 403
    url = short["presigned_url"].partition("&until=")[0]
    assert httpx.put(url, content=picture_bytes((64, 64)), trust_env=False).status_code == 403
