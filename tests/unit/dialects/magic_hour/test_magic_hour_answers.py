"""Our jobs, webhooks and errors in Magic Hour's words, without a server."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from magic_hour.types import models
from projects_to_tell import BLOB, JOB, NOON, failed, picture, view_of

from gesso.dialects.call import Call
from gesso.dialects.dialect import Sending
from gesso.dialects.ids import from_short
from gesso.dialects.magic_hour.projects import account, created, posting, project, upload_urls
from gesso.dialects.magic_hour.routes import DIALECT
from gesso.dialects.view import AccountView, StartedUpload
from gesso.domain.credits import MICRO
from gesso.domain.errors import (
    Conflict,
    Forbidden,
    GessoError,
    IdempotencyMismatch,
    ImageNotRetrievable,
    InsufficientCredits,
    InvalidInput,
    MalformedBody,
    ModelNotReady,
    NotFound,
    PayloadTooLarge,
    Problem,
    RequestTimeout,
    StorageFailed,
    TooManyRequests,
    Unauthenticated,
    UnsupportedMedia,
)
from gesso.server.dialects.app import Internal, MethodNotAllowed
from gesso.server.errors import status_of

GET = Call("GET", headers={"content-length": "12"})


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("queued", "queued"),
        ("running", "rendering"),
        ("succeeded", "complete"),
        ("failed", "error"),
        ("cancelled", "canceled"),
    ],
)
def test_a_state_is_a_status_the_clients_model_takes(state, status) -> None:
    told = project(view_of(state=state))
    assert models.V1ImageProjectsGetResponse.model_validate(told).status == status
    assert told["downloads"] == []


def test_a_complete_project() -> None:
    view = view_of(state="succeeded", pictures=(picture(), picture("image/jpeg")), echo={"name": "Hats"})
    assert project(view) == {
        "id": project(view_of())["id"],
        "name": "Hats",
        "status": "complete",
        "image_count": 2,
        "type": "AI_IMAGE_EDITOR",
        "created_at": "2025-11-20T12:00:00.000Z",
        "enabled": True,
        "credits_charged": 20,
        "total_frame_cost": 20,
        "downloads": [
            {
                "url": f"http://here/blobs/{BLOB}.{ending}?expires=1&signature=x",
                "expires_at": "2025-11-20T12:00:00.000Z",
            }
            for ending in ("png", "jpeg")
        ],
        "error": None,
    }
    assert from_short(project(view)["id"]) == JOB


def test_names_and_kinds() -> None:
    assert project(view_of())["name"] == "Ai Image Editor - 2025-11-20T12:00:00.000Z"
    drawn = project(view_of("generate"))
    assert (drawn["name"], drawn["type"]) == ("Ai Image - 2025-11-20T12:00:00.000Z", "AI_IMAGE")


@pytest.mark.parametrize(
    ("code", "theirs"),
    [
        ("content_refused", "content_policy_violation"),
        ("unreadable_image", "invalid_file_format"),
        ("image_too_large", "file_too_large"),
        ("image_not_retrievable", "invalid_parameters"),
        ("engine_failed", "unknown_error"),
    ],
)
def test_a_failure_has_the_vendors_code_and_shows_the_refund(code, theirs) -> None:
    told = project(view_of(**failed(code)))
    assert told["error"] == {"message": "It went wrong.", "code": theirs}
    assert (told["status"], told["credits_charged"], told["total_frame_cost"]) == ("error", 0, 0)


def test_a_deleted_project_is_not_enabled_and_keeps_its_price() -> None:
    told = project(view_of("generate", state="succeeded", request=None, deleted_at=NOON))
    assert (told["enabled"], told["name"], told["downloads"], told["type"]) == (False, None, [], "AI_IMAGE")
    assert told["credits_charged"] == 20


def test_what_was_charged_is_told_twice_as_whole_credits() -> None:
    assert created(view_of(charged_micro=1_250_000), GET).body["credits_charged"] == 13
    body = created(view_of(), GET).body
    assert models.V1AiImageEditorCreateResponse.model_validate(body).frame_cost == body["credits_charged"] == 20


def test_an_account_in_its_own_credits() -> None:
    told = account(AccountView("a1", "name", "live", "pro", 12_990_000), GET).body
    assert told == {"id": "a1", "email": None, "credits": 129, "tier": "pro", "subscription": None}
    assert models.V1AccountListResponse.model_validate(told).credits == 129


def test_upload_addresses_begin_as_both_clients_expect() -> None:
    started = StartedUpload(BLOB, "u1", "http://here/uploads/1?signature=x", NOON, "png")
    assert upload_urls([started], GET).body == {
        "items": [
            {
                "upload_url": "http://here/uploads/1?signature=x",
                "expires_at": "2025-11-20T12:00:00.000Z",
                "file_path": f"api-assets/u1/{BLOB}.png",
            }
        ]
    }


@pytest.mark.parametrize(
    ("event", "theirs", "more"),
    [
        ("started", "image.started", {"state": "running"}),
        ("succeeded", "image.completed", {"state": "succeeded", "pictures": (picture(),)}),
        ("failed", "image.errored", failed("engine_failed")),
    ],
)
def test_a_webhook_is_the_project_signed_over_timestamp_and_body(event, theirs, more) -> None:
    view = view_of(**more)
    sent = posting(view, Sending("d1", event, "whsec_ü", 1_763_640_000))
    assert sent is not None
    assert json.loads(sent.body) == {"type": theirs, "payload": project(view)}
    assert sent.headers["magic-hour-event-timestamp"] == "1763640000"
    signed = b"1763640000." + sent.body
    expected = hmac.new("whsec_ü".encode(), signed, hashlib.sha256).hexdigest()
    assert sent.headers["magic-hour-event-signature"] == expected
    assert len(expected) == 64
    assert posting(view, Sending("d1", event, "another", 1_763_640_000)).headers != sent.headers


def test_cancelling_sends_nothing() -> None:
    assert posting(view_of(state="cancelled"), Sending("d1", "cancelled", "s", 1)) is None
    assert DIALECT.webhooks is not None
    assert DIALECT.webhooks.events == {"started", "succeeded", "failed"}


SAID = [
    (MalformedBody("The body is not valid JSON."), 400, "The body is not valid JSON."),
    (UnsupportedMedia("Send JSON."), 400, "Send JSON."),
    (Unauthenticated(), 401, "Unauthorized"),
    (
        InsufficientCredits(10 * MICRO, MICRO // 4),
        402,
        "Payment required: this costs 100 credits and the account has 2.5.",
    ),
    (Forbidden("magic-hour-nano-banana is not for you."), 403, "nano-banana is not for you."),
    (Forbidden("magic-hour-generator-krea-2 is not for you."), 403, "krea-2 is not for you."),
    (NotFound(), 404, "Not Found"),
    (MethodNotAllowed("PUT", ["GET"]), 405, "Method Not Allowed"),
    (RequestTimeout("Too slow."), 408, "Too slow."),
    (PayloadTooLarge("Too large."), 413, "Too large."),
    (Conflict("It is running."), 422, "It is running."),
    (IdempotencyMismatch("Another."), 422, "Another."),
    (ImageNotRetrievable("Gone."), 422, "Gone."),
    (TooManyRequests("Wait."), 429, "Wait."),
    (Internal(), 500, "Internal Server Error"),
    (ModelNotReady("magic-hour-default cannot run here now."), 503, "default cannot run here now."),
    (StorageFailed("Later."), 503, "Later."),
    (InvalidInput.of("model", "unknown_model", "There is no model x."), 400, "There is no model x."),
    (InvalidInput.of("a", "unreadable_image", "a is no picture."), 422, "a is no picture."),
    (
        InvalidInput.of("a", "file_not_found", "…"),
        422,
        "a points at a file that does not exist: upload it again with POST /v1/files/upload-urls.",
    ),
    (
        InvalidInput(
            [
                Problem(field="a", code="unreadable_image", message="a is no picture."),
                Problem(field="b", code="required", message="b is missing."),
            ]
        ),
        400,
        "a is no picture. b is missing.",
    ),
]


@pytest.mark.parametrize(("error", "status", "message"), SAID, ids=lambda one: type(one).__name__)
def test_an_error_is_a_message_with_the_vendors_status(error: GessoError, status: int, message: str) -> None:
    native = 405 if isinstance(error, MethodNotAllowed) else status_of(error)
    reply = DIALECT.error(error, native, GET)
    assert (reply.status, reply.body) == (status, {"message": message})


def test_a_body_that_is_not_there() -> None:
    reply = DIALECT.error(MalformedBody("The body is not valid JSON: EOF."), 400, Call("POST"))
    assert (reply.status, reply.body) == (400, {"message": "Missing request body"})
