"""Our jobs, models, files and errors in Eachlabs' words."""

from __future__ import annotations

import json

import pytest
from each_view import ID, NOW, WITH_BEARER, WITH_KEY, call, view

from gesso.catalogue.load import load_catalogue
from gesso.dialects.dialect import Sending
from gesso.dialects.eachlabs import files, models, prediction, wire
from gesso.dialects.eachlabs.refusals import error
from gesso.dialects.eachlabs.webhook import WEBHOOKS
from gesso.dialects.view import AttemptView, DeliveryView, StartedUpload
from gesso.dialects.wanted import Listing, Page
from gesso.domain.errors import (
    ERROR_CODES,
    Conflict,
    Forbidden,
    InsufficientCredits,
    InvalidInput,
    MalformedBody,
    ModelNotReady,
    NotFound,
    Problem,
    StorageFailed,
    TooManyRequests,
    Unauthenticated,
)
from gesso.domain.job import Failure
from gesso.server.errors import status_of

URL = f"https://host/eachlabs/v1/prediction/{ID}"


def test_a_finished_prediction():
    assert prediction.shown(view(pictures=2), call()).body == {
        "id": ID,
        "input": {"prompt": "a fox", "x": [1]},
        "status": "success",
        "output": ["https://host/blobs/picture-0", "https://host/blobs/picture-1"],
        "logs": None,
        "metrics": {"predict_time": 1.5, "cost": 2.5},
        "urls": {"get": URL, "cancel": f"{URL}/cancel"},
    }


@pytest.mark.parametrize(("model", "one"), [("flux-2", False), ("flux-2-pro", True), ("openai-image-generation", True)])
def test_output_is_one_or_a_list_as_the_model_has_it(model, one):
    link = "https://host/blobs/picture-0"
    assert prediction.output(view(model=model)) == (link if one else [link])


def test_several_pictures_are_a_list_even_where_one_is_a_string():
    assert len(prediction.output(view(model="openai-image-generation", pictures=2))) == 2


def test_output_of_a_model_that_left_the_catalogue_is_a_list():
    assert prediction.output(view(model="gone")) == ["https://host/blobs/picture-0"]


def test_inline_output_is_data_uris_and_none_where_the_pictures_are_gone():
    assert prediction.output(view(files=(b"abc",))) == ["data:image/webp;base64,YWJj"]
    assert prediction.output(view(model="flux-2-pro", files=(b"abc",))) == "data:image/webp;base64,YWJj"
    assert prediction.output(view(files=(None,))) == []
    assert prediction.output(view(model="flux-2-pro", files=(None,))) is None


@pytest.mark.parametrize(
    ("values", "inline"), [({}, False), ({"sync_mode": False}, False), ({"sync_mode": True}, True)]
)
def test_only_sync_mode_asks_for_the_pictures_themselves(values, inline):
    assert prediction.is_inline(view(values=values).job) is inline
    assert prediction.is_inline(view(request=None).job) is False


@pytest.mark.parametrize(
    ("state", "key", "bearer"),
    [
        ("queued", "starting", "starting"),
        ("running", "processing", "processing"),
        ("succeeded", "success", "success"),
        ("failed", "failed", "error"),
        ("cancelled", "cancelled", "cancelled"),
    ],
)
def test_the_status_hangs_on_the_header_of_the_key(state, key, bearer):
    for headers, word in ((WITH_KEY, key), (WITH_BEARER, bearer), (WITH_KEY | WITH_BEARER, key)):
        assert prediction.shown(view(state), call(headers)).body["status"] == word
        assert prediction.ran(view(state), call(headers)).body["status"] == word


def test_a_failed_prediction_has_the_envelope_and_the_plain_error():
    body = prediction.shown(view("failed"), call()).body
    assert body["error"] == "It broke."
    assert body["metrics"] == {"predict_time": 1.5, "cost": 0.0}
    assert body["output"] == {
        "error": "Execution failed",
        "error_code": "engine_failed",
        "error_message": "It broke.",
        "classification": {"category": "PROVIDER", "retryable": True},
        "retryable": True,
        "error_step": "execution",
        "success": False,
        "status": "ERROR",
        "execution_id": ID,
        "model_id": "flux-2",
        "model_slug": "flux-2",
        "provider": "builtin",
    }


@pytest.mark.parametrize(
    ("code", "category"),
    [
        ("content_refused", "VALIDATION"),
        ("image_not_retrievable", "NETWORK"),
        ("mask_size", "VALIDATION"),
        ("expired", "TIMEOUT"),
        ("interrupted", "INTERNAL"),
        ("something_new", "UNKNOWN"),
    ],
)
def test_a_failure_is_classified(code, category):
    body = prediction.output(view("failed", failure=Failure(code=code, message="No.")))
    assert body["classification"]["category"] == category


def test_every_classification_is_a_word_of_the_filter_and_found_by_it():
    for code, kind in wire.CLASSIFICATIONS.items():
        assert kind.word in wire.CLASSIFICATION_WORDS
        assert code in wire.codes_of(kind.word)
    assert wire.codes_of("provider_auth") == frozenset()


def test_an_unfinished_prediction_has_no_output_and_no_time_yet():
    body = prediction.shown(view("running"), call()).body
    assert (body["output"], body["metrics"]["predict_time"]) == (None, None)
    assert "error" not in body


def test_a_job_of_another_api_shows_its_plain_input_and_a_deleted_one_none():
    assert prediction.shown(view(dialect="native"), call()).body["input"] == {"prompt": "a fox"}
    assert prediction.shown(view(request=None), call()).body["input"] == {}


def test_created_and_cancelled():
    assert prediction.created(view("queued"), call()).body == {
        "status": "success",
        "message": "Prediction created successfully",
        "predictionID": ID,
    }
    assert prediction.cancelled(view("cancelled"), call()).body == {
        "status": "cancelled",
        "message": "Prediction cancelled successfully",
        "predictionID": ID,
    }
    assert prediction.cancelled(view("running"), call()).body["status"] == "cancelled"
    assert prediction.cancelled(view("succeeded"), call()).body["status"] == "success"


def test_run_answers_with_the_output_or_the_error():
    assert prediction.ran(view(), call()).body == {
        "status": "success",
        "message": "Prediction completed successfully",
        "predictionID": ID,
        "output": ["https://host/blobs/picture-0"],
        "error": "",
    }
    failed = prediction.ran(view("failed"), call()).body
    assert (failed["status"], failed["error"], failed["output"]["success"]) == ("failed", "It broke.", False)
    slow = prediction.ran(view("running"), call()).body
    assert (slow["status"], slow["output"], slow["error"]) == ("processing", None, "")


@pytest.mark.parametrize(("total", "count", "capped"), [(3, 3, False), (1000, 1000, False), (1001, 1000, True)])
def test_executions(total, count, capped):
    page = Page([view(), view("failed"), view(values={"sync_mode": True})], None, total)
    body = prediction.executions(page, Listing(limit=3, offset=1), call()).body
    assert {name: body[name] for name in body if name != "executions"} == {
        "total_count": count,
        "total_capped": capped,
        "offset": 1,
        "limit": 3,
    }
    first, second, third = body["executions"]
    assert first == {
        "id": ID,
        "model": "flux-2",
        "requested_model": "flux-2",
        "status": "success",
        "workflow_id": None,
        "workflow_execution_id": None,
        "execution_cost": 2.5,
        "run_time": 1.5,
        "created_at": "2023-11-14T22:13:20.000000Z",
        "started_at": "2023-11-14T22:13:21.000000Z",
        "completed_at": "2023-11-14T22:13:22.500000Z",
        "output": "https://host/blobs/picture-0",
    }
    assert (second["status"], second["output"], second["error_classification"]) == ("failed", None, "provider_error")
    assert third["output"] is None  # asked for as a data URI: the history has none


def test_webhooks_have_words_of_their_own():
    sending = Sending("message", "succeeded", "", 1)
    sent = WEBHOOKS.render(view(model="flux-2-pro"), sending)
    assert json.loads(sent.body) == {
        "exec_id": ID,
        "flow_id": None,
        "status": "succeeded",
        "output": "https://host/blobs/picture-0",
        "error": "",
    }
    assert sent.headers == {"Content-Type": "application/json"}
    failed = WEBHOOKS.render(view("failed"), Sending("message", "failed", "a secret", 1))
    assert json.loads(failed.body) == {
        "exec_id": ID,
        "flow_id": None,
        "status": "failed",
        "output": [{"id": ID, "status": "failed", "output": None, "error": "Error: It broke."}],
        "error": "It broke.",
    }
    assert failed.headers["X-Webhook-Secret"] == "a secret"
    assert WEBHOOKS.render(view("cancelled"), sending) is None
    assert WEBHOOKS.events == {"succeeded", "failed"}


def delivery(state: str, *attempts: AttemptView) -> DeliveryView:
    return DeliveryView("d", ID, "succeeded", "https://x.test/h", state, NOW, NOW + 5_000_000, attempts)


def test_the_log_of_webhooks():
    attempts = (
        AttemptView(NOW, 500, "oops", ""),
        AttemptView(NOW, None, "", "no answer"),
        AttemptView(NOW, 204, "", ""),
    )
    body = files.deliveries([delivery("delivered", *attempts)], 12, call(query={"limit": "5"})).body
    assert (body["limit"], body["offset"], body["total_count"]) == (5, 0, 12)
    (row,) = body["webhooks"]
    assert row == {
        "execution_id": ID,
        "url": "https://x.test/h",
        "request": json.dumps({"exec_id": ID, "flow_id": None, "status": "succeeded"}, separators=(",", ":")),
        "headers": {"Content-Type": "application/json"},
        "source": "gesso",
        "created_at": "2023-11-14T22:13:20.000000Z",
    }
    shown = files.delivery(delivery("delivered", *attempts), call()).body
    tried = [(one["status"], one["status_code"], one["response"], one["error_message"]) for one in shown["attempts"]]
    assert tried == [("FAILED", 500, "oops", None), ("FAILED", None, None, "no answer"), ("SUCCESS", 204, None, None)]
    waiting = files.delivery(delivery("pending", attempts[0]), call()).body["attempts"]
    assert [one["status"] for one in waiting] == ["FAILED", "PENDING"]
    assert waiting[1]["created_at"] == "2023-11-14T22:13:25.000000Z"


def test_an_upload_is_answered_with_its_address_and_the_files_end():
    started = StartedUpload(
        "id", "a", "https://host/put", NOW, "png", link="https://host/blobs/id", kept_until=NOW + 60
    )
    assert files.upload_started([started], call()).body == {
        "id": "id",
        "presigned_url": "https://host/put",
        "public_url": "https://host/blobs/id",
        "expires_at": "2023-11-14T22:13:20.000060Z",
        "required_headers": {},
    }


def test_models_are_a_bare_list_of_their_slugs_and_then_all_others():
    found = models.listed(load_catalogue(), call(query={"limit": "500"})).body
    slugs = [one["slug"] for one in found]
    theirs = [name for model in load_catalogue().models for name in model.names.get("eachlabs", ())]
    assert set(slugs[: len(theirs)]) == set(theirs)
    assert len(slugs) == len(set(slugs)) == len(load_catalogue().models)
    assert "gesso-sketch" in slugs


def test_models_are_found_by_part_of_a_name_and_paged():
    found = models.listed(load_catalogue(), call(query={"name": "FLUX.2"})).body
    assert {"flux-2", "flux-2-pro"} <= {one["slug"] for one in found}
    assert all("FLUX.2" in one["title"] for one in found)
    assert (
        models.listed(load_catalogue(), call(query={"name": "flux.2", "limit": "1", "offset": "1"})).body == found[1:2]
    )


def test_one_model_has_its_schema():
    found = models.one(load_catalogue(), call(query={"slug": "flux-2-pro"})).body
    assert (found["title"], found["version"], found["output_type"]) == ("FLUX.2 [pro]", "0.0.1", "image")
    assert found["request_schema"]["required"] == ["prompt"]
    assert found["request_schema"]["additionalProperties"] is True


@pytest.mark.parametrize(
    ("raised", "path", "status", "body"),
    [
        (Unauthenticated(), {}, 401, {"error": "Invalid or missing API key"}),
        (
            InsufficientCredits(2_000_000, 1_000_000),
            {},
            402,
            {"status": 402, "error": "payment required", "details": "This job costs 2 credits and the account has 1."},
        ),
        (Forbidden(), {}, 403, {"status": 403, "error": "forbidden", "details": "This key may not do that."}),
        (NotFound(), {"id": "x"}, 404, {"error": "Prediction not found"}),
        (NotFound(), {"file_id": "x"}, 404, {"error": "File not found"}),
        (NotFound(), {"execution_id": "x"}, 404, {"error": "webhook not found"}),
        (NotFound(), {}, 404, {"error": "Not found"}),
        (
            TooManyRequests(),
            {},
            429,
            {"status": 429, "error": "too many requests", "details": "Too many jobs are waiting."},
        ),
        (
            MalformedBody("No JSON."),
            {},
            400,
            {"status": 400, "error": "Invalid request body", "details": "No JSON."},
        ),
        (
            ModelNotReady("No key."),
            {},
            400,
            {"status": 400, "error": "Model is not available", "details": "No key."},
        ),
        (Conflict("It ended."), {}, 409, {"status": 409, "error": "conflict", "details": "It ended."}),
        (
            StorageFailed(),
            {},
            503,
            {"status": 503, "error": "service unavailable", "details": "The storage could not be written or read."},
        ),
        (
            InvalidInput.of("body", "type", "The body must be a JSON object, not list."),
            {},
            400,
            {
                "status": 400,
                "error": "Invalid request body",
                "details": "The body must be a JSON object, not list.",
            },
        ),
        (
            InvalidInput([Problem(field="a", code="b", message="A."), Problem(field="c", code="d", message="C.")]),
            {},
            400,
            {"status": 400, "error": "Invalid input for model", "details": "A. C."},
        ),
        (
            InvalidInput.of("model", "unknown_model", 'There is no model "x".'),
            {},
            404,
            {"status": 404, "error": "Failed to fetch model: model not found", "details": 'There is no model "x".'},
        ),
        (
            InvalidInput.of("slug", wire.SAID, "slug parameter is required"),
            {},
            400,
            {"error": "slug parameter is required"},
        ),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, Exception) else "",
)
def test_an_error_in_the_vendors_words(raised, path, status, body):
    reply = error(raised, status_of(raised), call(path=path))
    assert (reply.status, reply.body) == (status, body)


def test_every_error_has_an_answer():
    for kind in ERROR_CODES.values():
        if kind is InsufficientCredits:
            raised = kind(1, 0)
        else:
            raised = kind([Problem(field="a", code="b", message="A.")]) if kind is InvalidInput else kind()
        reply = error(raised, status_of(raised), call())
        assert isinstance(reply.body["error"], str)
        assert 400 <= reply.status <= 503
