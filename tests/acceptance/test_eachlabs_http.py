"""Eachlabs' predictions over plain HTTP: made, polled, run, cancelled, repeated, and everything that goes wrong."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest
from cutting_proxy import CuttingProxy
from eachlabs_calls import MODEL, SECONDS, SMALL, client_of, create, ended, opened
from running_server import running_server
from second_account import open_account

pytestmark = pytest.mark.acceptance
WRONG = "gesso_test_" + "x" * 43


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("eachlabs") / "data"
    with running_server(folder, outgoing_allow="127.0.0.1") as started:
        yield started


@pytest.fixture(scope="module")
def client(server):
    with client_of(server, **{"X-API-Key": server.test_key}) as client:
        yield client


@pytest.fixture(scope="module")
def bearer(server):
    with client_of(server, Authorization=f"Bearer {server.test_key}") as client:
        yield client


def run(client: httpx.Client, given: dict[str, Any], model: str = MODEL, fault: str = "none") -> dict[str, Any]:
    body = {"model": model, "input": given}
    answer = client.post("/v1/prediction/run", json=body, headers={"Gesso-Test-Fault": fault})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("path", ["/v1/prediction", "/v1/prediction/"])
def test_a_prediction_is_created_polled_and_its_files_come_without_a_key(client, path):
    body = {"model": MODEL, "version": "1.0.0", "input": SMALL | {"num_images": "2", "output_format": "webp"}}
    answer = client.post(path, json=body)
    assert (answer.status_code, answer.json()["status"]) == (200, "success")
    prediction = answer.json()["predictionID"]
    assert answer.headers["x-request-id"]
    found = ended(client, prediction)
    assert (found["id"], found["status"], found["logs"]) == (prediction, "success", None)
    assert found["input"] == body["input"]
    assert found["metrics"]["predict_time"] >= 0
    assert found["metrics"]["cost"] == 0.01
    assert found["urls"]["get"] == f"{client.base_url}v1/prediction/{prediction}"
    assert client.get(found["urls"]["get"]).json()["id"] == prediction
    assert len(found["output"]) == 2
    for link in found["output"]:
        picture = opened(httpx.get(link, trust_env=False).content)
        assert (picture.format, picture.size) == ("WEBP", (128, 64))


def test_a_model_of_one_file_answers_with_a_string(client):
    found = ended(client, create(client, {"prompt": "a fox", "image_size": {"width": 64, "height": 128}}, "flux-2-pro"))
    assert opened(httpx.get(found["output"], trust_env=False).content).size == (64, 128)


def test_run_answers_when_it_is_done(client, bearer):
    said = run(client, SMALL)
    assert (said["status"], said["error"], len(said["output"])) == ("success", "", 1)
    assert client.get(f"/v1/prediction/{said['predictionID']}").json()["output"] == said["output"]
    failed = run(client, SMALL, fault="fail")
    assert (failed["status"], failed["output"]["error_code"]) == ("failed", "engine_failed")
    assert "test fault" in failed["error"]
    assert run(bearer, SMALL, fault="fail")["status"] == "error"


def test_sync_mode_answers_with_data_uris(client):
    said = run(client, SMALL | {"sync_mode": True})
    shown = client.get(f"/v1/prediction/{said['predictionID']}").json()
    for output in (said["output"], shown["output"]):
        (uri,) = output
        kind, _, data = uri.partition(";base64,")
        assert kind == "data:image/png"
        assert opened(base64.b64decode(data)).size == (128, 64)
    history = client.get("/v1/executions", params={"limit": 1}).json()["executions"]
    assert [(one["id"], one["output"]) for one in history] == [(said["predictionID"], None)]


def test_a_model_that_waits_in_sync_mode_answers_its_creation_with_the_output(client):
    body = {"model": "juggernaut-flux-lora", "input": {"prompt": "a fox", "image_size": SMALL["image_size"]}}
    body["input"] |= {"num_inference_steps": 2, "sync_mode": True}
    said = client.post("/v1/prediction", json=body).json()
    (uri,) = said["output"]
    assert opened(base64.b64decode(uri.partition(",")[2])).size == (128, 64)
    shown = client.get(f"/v1/prediction/{said['predictionID']}").json()
    assert (said["error"], shown["status"], shown["output"]) == ("", "success", said["output"])
    failed = client.post("/v1/prediction", json=body, headers={"Gesso-Test-Fault": "fail"}).json()
    assert (failed["status"], failed["output"]["success"]) == ("success", False)
    assert "output" not in client.post("/v1/prediction", json=body | {"input": SMALL}).json()


def test_unknown_inputs_are_ignored_and_told_and_nulls_are_not_given(client):
    body = {"model": MODEL, "input": SMALL | {"aspect": "wide", "seed": None, "num_images": "1"}}
    answer = client.post("/v1/prediction", json=body)
    assert answer.status_code == 200
    assert answer.headers["gesso-parameters"] == "aspect;ignored"


def test_a_prediction_is_the_same_job_by_the_native_api(client, server):
    prediction = create(client, SMALL)
    ended(client, prediction)
    with server.client(server.test_key) as native:
        job = native.get(f"/v1/jobs/{prediction}").json()
        assert (job["state"], job["model"]) == ("succeeded", MODEL)
        made = native.post(
            "/v1/jobs", json={"model": "gesso-sketch", "input": {"prompt": "a duck", "width": 64, "height": 64}}
        ).json()
    found = ended(client, made["id"])
    assert (found["status"], found["input"]["width"]) == ("success", 64)


def test_any_model_of_the_catalogue_is_taken_by_its_slug(client):
    found = ended(client, create(client, {"prompt": "a duck", "width": 64, "height": 64, "steps": 2}, "gesso-sketch"))
    assert opened(httpx.get(found["output"][0], trust_env=False).content).size == (64, 64)


def test_a_repeated_post_with_an_idempotency_key_is_one_job(client):
    body = {"model": MODEL, "input": SMALL, "webhook_url": None}
    answers = [client.post("/v1/prediction/", json=body, headers={"Idempotency-Key": "each-1"}) for _ in range(3)]
    assert len({answer.json()["predictionID"] for answer in answers}) == 1
    assert answers[1].headers["idempotent-replayed"] == "true"
    other = client.post("/v1/prediction/", json=body | {"model": "flux-2-pro"}, headers={"Idempotency-Key": "each-1"})
    assert (other.status_code, other.json()["status"]) == (422, 422)


def test_a_creation_whose_answer_was_lost_is_sent_again_as_one_job_with_one_charge(server):
    key = open_account(server, "unlucky")
    headers = {"X-API-Key": key, "Idempotency-Key": "each-2"}
    with CuttingProxy(server.url, lambda: None) as proxy:
        ask = {
            "url": f"{proxy.url}/eachlabs/v1/prediction/",
            "json": {"model": MODEL, "input": SMALL},
            "headers": headers,
        }
        with pytest.raises(httpx.TransportError):
            httpx.post(**ask, trust_env=False, timeout=SECONDS)
        answers = [httpx.post(**ask, trust_env=False, timeout=SECONDS) for _ in range(3)]
    (prediction,) = {answer.json()["predictionID"] for answer in answers}
    with client_of(server, **{"X-API-Key": key}) as client, server.client(key) as native:
        ended(client, prediction)
        assert client.get("/v1/executions").json()["total_count"] == 1
        entries = native.get("/v1/account/ledger").json()["entries"]
        assert [entry["job_id"] for entry in entries if entry["kind"] == "charge"] == [prediction]


# --- what goes wrong ----------------------------------------------------------------------------------------------


def test_a_failed_prediction_is_failed_to_old_clients_and_error_to_new_ones(client, bearer):
    prediction = create(client, SMALL, fault="fail")
    old, new = ended(client, prediction), ended(bearer, prediction)
    assert (old["status"], new["status"]) == ("failed", "error")
    assert old["error"] == old["output"]["error_message"]
    assert old["output"]["classification"] == {"category": "PROVIDER", "retryable": True}
    assert (old["output"]["success"], old["output"]["execution_id"]) == (False, prediction)
    assert old["metrics"]["cost"] == 0
    refused = ended(client, create(client, SMALL, fault="moderated"))
    assert refused["output"]["classification"] == {"category": "VALIDATION", "retryable": False}


def test_a_slow_prediction_is_cancelled_and_refunded(client):
    prediction = create(client, SMALL, fault="slow:600")
    assert client.get(f"/v1/prediction/{prediction}").json()["status"] in ("starting", "processing")
    said = client.post(f"/v1/prediction/{prediction}/cancel").json()
    assert (said["status"], said["predictionID"]) == ("cancelled", prediction)
    found = ended(client, prediction)
    assert (found["status"], found["output"], found["metrics"]["cost"]) == ("cancelled", None, 0)
    again = client.post(f"/v1/prediction/{prediction}/cancel")
    assert (again.status_code, again.json()["status"]) == (200, "cancelled")


def test_a_picture_that_cannot_be_fetched_fails_the_prediction(client):
    given = {"prompt": "a fox", "image_prompt": "http://127.0.0.1:9/none.png"}
    found = ended(client, create(client, given, "flux-1-1-pro"))
    assert (found["status"], found["output"]["classification"]["category"]) == ("failed", "NETWORK")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 400, {"error": "model field is required"}),
        ({"model": "flux-2"}, 400, {"error": "input field is required"}),
        (
            {"model": "flux-2", "input": {}},
            400,
            {"status": 400, "error": "Invalid input for model", "details": "prompt is missing: it is required."},
        ),
        (
            {"model": "flux-2", "input": {"prompt": "a fox", "num_images": 5}},
            400,
            {
                "status": 400,
                "error": "Invalid input for model",
                "details": "num_images is 5: it must be between 1 and 4.",
            },
        ),
        (
            {"model": "no-such-model", "input": {}},
            404,
            {
                "status": 404,
                "error": "Failed to fetch model: model not found",
                "details": 'There is no model "no-such-model".',
            },
        ),
    ],
)
def test_a_mistake_is_told_in_the_vendors_words(client, body, status, said):
    for path in ("/v1/prediction", "/v1/prediction/", "/v1/prediction/run"):
        answer = client.post(path, json=body)
        assert (answer.status_code, answer.json()) == (status, said)


def test_a_key_is_needed_and_either_header_carries_it(server, client, bearer):
    no_key = {"error": "Invalid or missing API key"}
    for headers in ({}, {"X-API-Key": WRONG}, {"Authorization": f"Bearer {WRONG}"}):
        with client_of(server, **headers) as stranger:
            answer = stranger.post("/v1/prediction", json={"model": MODEL, "input": SMALL})
            assert (answer.status_code, answer.json()) == (401, no_key)
            assert stranger.get("/v1/models", params={"limit": 1}).status_code == 200  # this one is public
    prediction = create(client, SMALL)
    assert ended(bearer, prediction)["status"] == "success"


def test_no_credits_and_too_many_requests(client, server):
    body = {"model": MODEL, "input": SMALL}
    with client_of(server, **{"X-API-Key": open_account(server, "poor", credits=0)}) as poor:
        answer = poor.post("/v1/prediction", json=body)
    assert answer.status_code == 402
    assert answer.json() == {
        "status": 402,
        "error": "payment required",
        "details": "This job costs 0.5 credits and the account has 0.",
    }
    answer = client.post("/v1/prediction", json=body, headers={"Gesso-Test-Fault": "rate_limited"})
    assert (answer.status_code, answer.json()["error"], answer.headers["retry-after"]) == (
        429,
        "too many requests",
        "1",
    )


@pytest.mark.parametrize(
    ("hook", "field"),
    [
        ({"webhook_url": "ftp://x.test/"}, "webhook_url"),
        ({"webhook_url": "http://169.254.169.254/latest"}, "webhook_url"),
        ({"webhook_url": "https://x.test/", "webhook_secret": "a\r\nX-Other: b"}, "webhook_secret"),
    ],
)
def test_a_webhook_that_cannot_be_sent_is_refused(client, hook, field):
    answer = client.post("/v1/prediction", json={"model": MODEL, "input": SMALL, **hook})
    assert (answer.status_code, answer.json()["error"]) == (400, "Invalid webhook")
    assert answer.json()["details"].startswith(field)


def test_a_body_that_is_none_and_addresses_that_are_none(client):
    broken = client.post("/v1/prediction", content=b"{", headers={"content-type": "application/json"})
    assert (broken.status_code, broken.json()["error"]) == (400, "Invalid request body")
    assert client.post("/v1/prediction", json=[1]).status_code == 400
    assert client.get("/v1/prediction/not-an-id").json() == {"error": "Prediction not found"}
    assert client.get("/v1/nothing").json() == {"error": "Not found"}
    assert client.put("/v1/prediction", json={}).status_code == 405
