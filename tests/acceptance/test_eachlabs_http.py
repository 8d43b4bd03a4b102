"""Eachlabs' prediction API over plain HTTP, as its skills and independent clients call it, against a running server."""

from __future__ import annotations

import base64
import io
import json
import time
from typing import Any

import httpx
import pytest
from picture_host import picture_bytes
from PIL import Image
from running_server import running_server
from second_account import open_account
from valid_inputs import least
from webhook_receiver import webhook_receiver

from gesso.catalogue.load import load_catalogue
from gesso.catalogue.model import Model

pytestmark = pytest.mark.acceptance
SECONDS = 60
THEIRS: dict[str, Model] = {
    name: model for model in load_catalogue().models for name in model.names.get("eachlabs", ())
}
# One of each way to say how many and how large, and of each form of output.
SOME = ("flux-2", "flux-1-1-pro", "bria-v1-text-to-image-fast", "sana", "fooocus-api", "recraft-v3")
MODEL = "z-image-turbo-text-to-image"  # takes small sizes; its owner asks half a cent a picture
SMALL: dict[str, Any] = {"prompt": "a red fox", "image_size": {"width": 128, "height": 64}, "num_inference_steps": 4}
WRONG = "gesso_test_" + "x" * 43


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("eachlabs") / "data"
    with running_server(folder, outgoing_allow="127.0.0.1") as started:
        yield started


def client_of(server, **headers: str) -> httpx.Client:
    return httpx.Client(base_url=f"{server.url}/eachlabs", headers=headers, timeout=SECONDS, trust_env=False)


@pytest.fixture(scope="module")
def client(server):
    with client_of(server, **{"X-API-Key": server.test_key}) as client:
        yield client


@pytest.fixture(scope="module")
def bearer(server):
    with client_of(server, Authorization=f"Bearer {server.test_key}") as client:
        yield client


def create(client: httpx.Client, given: dict[str, Any], model: str = MODEL, fault: str = "none", **rest: Any) -> str:
    body = {"model": model, "version": "0.0.1", "input": given, **rest}
    answer = client.post("/v1/prediction", json=body, headers={"Gesso-Test-Fault": fault})
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"status", "message", "predictionID"}
    return answer.json()["predictionID"]


def ended(client: httpx.Client, prediction: str) -> dict[str, Any]:
    """Poll as the vendor's skills do, until the status is one they stop at."""
    deadline = time.monotonic() + SECONDS
    while (found := client.get(f"/v1/prediction/{prediction}").json())["status"] in ("starting", "processing"):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
    return picture


def run(client: httpx.Client, given: dict[str, Any], model: str = MODEL, fault: str = "none") -> dict[str, Any]:
    body = {"model": model, "input": given}
    answer = client.post("/v1/prediction/run", json=body, headers={"Gesso-Test-Fault": fault})
    assert answer.status_code == 200, answer.text
    return answer.json()


# --- a prediction -------------------------------------------------------------------------------------------------


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


# --- the models ---------------------------------------------------------------------------------------------------


def test_every_one_of_their_62_models_is_listed_with_its_schema(client):
    found = client.get("/v1/models", params={"limit": 500}).json()
    assert len(THEIRS) == 62
    assert {one["slug"] for one in found[:62]} == set(THEIRS)
    assert {one["version"] for one in found} == {"0.0.1"}
    assert len(client.get("/v1/models").json()) == 50


@pytest.mark.parametrize("slug", THEIRS)
def test_a_model_shows_its_schema_and_takes_the_least_it_asks_for(client, slug):
    found = client.get("/v1/model", params={"slug": slug}).json()
    assert set(found) == {"title", "slug", "version", "output_type", "request_schema"}
    assert set(found["request_schema"]["properties"]) == {one.name for one in THEIRS[slug].parameters}
    given = least(THEIRS[slug])
    assert set(found["request_schema"]["required"]) == set(given)
    prediction = create(client, given, slug, fault="fail")
    assert ended(client, prediction)["output"]["model_slug"] == slug


def test_a_model_that_is_not_there(client):
    assert client.get("/v1/model").json() == {"error": "slug parameter is required"}
    answer = client.get("/v1/model", params={"slug": "flux-3"})
    assert (answer.status_code, answer.json()["error"]) == (404, "Failed to fetch model: model not found")


def to_the_end(client: httpx.Client, slug: str) -> None:
    found = ended(client, create(client, least(THEIRS[slug]), slug))
    assert found["status"] == "success", found
    listed = found["output"] if isinstance(found["output"], list) else [found["output"]]
    one = client.get("/v1/model", params={"slug": slug}).json()["output_type"] == "image"
    assert isinstance(found["output"], str) is one
    for link in listed:
        opened(httpx.get(link, trust_env=False).content)


@pytest.mark.parametrize("slug", SOME)
def test_some_models_run_to_the_end(client, slug):
    to_the_end(client, slug)


@pytest.mark.heavy
@pytest.mark.parametrize("slug", THEIRS)
def test_every_model_runs_to_the_end(client, slug):
    to_the_end(client, slug)
