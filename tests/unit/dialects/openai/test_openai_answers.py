"""Our jobs and errors in OpenAI's words."""

from __future__ import annotations

import base64

import pytest
from openai_view import stored, view

from gesso.dialects.call import Call
from gesso.dialects.openai.answers import needs_files, to_answer
from gesso.dialects.openai.errors import error
from gesso.dialects.openai.streaming import stream_of
from gesso.dialects.openai.usage import usage
from gesso.dialects.openai.wire import EDIT, GENERATION
from gesso.domain.errors import (
    ERROR_CODES,
    Conflict,
    Forbidden,
    GessoError,
    IdempotencyMismatch,
    InsufficientCredits,
    InvalidInput,
    MalformedBody,
    ModelNotReady,
    NotFound,
    PayloadTooLarge,
    Problem,
    StorageFailed,
    TooManyRequests,
    Unauthenticated,
)
from gesso.domain.job import Failure

CALL = Call("POST")


def test_pictures_and_what_was_asked() -> None:
    made = view(
        pictures=(stored(0), stored(1)),
        files=(b"abc", b"def"),
        echo={"quality": "high", "background": "transparent", "safety_identifier": "u"},
        output_format="webp",
    )
    reply = to_answer(made, CALL)
    assert reply.status == 200
    assert reply.headers["openai-processing-ms"] == "2500"
    assert reply.body == {
        "created": 1_700_000_002,
        "background": "transparent",
        "output_format": "webp",
        "quality": "high",
        "safety_identifier": "u",
        "size": "1024x1024",
        "data": [{"b64_json": "YWJj"}, {"b64_json": "ZGVm"}],
        "usage": usage(made, made.job.pictures),
    }


def test_what_was_ignored_is_not_claimed() -> None:
    made = view(
        pictures=(stored(),),
        files=(b"abc",),
        echo={"quality": "high", "background": "transparent"},
        ignored=("quality", "background"),
    )
    body = to_answer(made, CALL).body
    assert (body["quality"], body["background"]) == ("medium", "opaque")


def test_links_where_they_were_asked_for() -> None:
    made = view(pictures=(stored(),), echo={"response_format": "url"})
    assert not needs_files(made.job)
    assert to_answer(made, CALL).body["data"] == [{"url": "https://h/blobs/b0"}]
    assert needs_files(view().job)


@pytest.mark.parametrize(
    ("size", "quality", "tokens"),
    [
        ((1024, 1024), "low", 272),
        ((1024, 1024), "medium", 1056),
        ((1024, 1024), "hd", 4160),
        ((1024, 1536), "medium", 1584),
        ((1536, 1024), "medium", 1568),
        ((1536, 1024), "high", 6208),
        ((512, 512), "low", 68),
        ((1024, 1024), "max", 4160),
    ],
)
def test_tokens_are_counted_as_openai_does(size: tuple[int, int], quality: str, tokens: int) -> None:
    counted = usage(view(echo={"quality": quality}), (stored(0, *size),))
    assert counted["output_tokens"] == counted["output_tokens_details"]["image_tokens"] == tokens
    assert counted["total_tokens"] == counted["input_tokens"] + tokens


def test_what_goes_in_counts_once() -> None:
    made = view(images=2, prompt="12345678", echo={"faithful": True})
    first = usage(made, (stored(),))
    assert first["input_tokens_details"] == {"text_tokens": 2, "image_tokens": 2 * (194 + 4160)}
    assert usage(made, (stored(1),), first=False)["input_tokens"] == 0


@pytest.mark.parametrize(
    ("state", "code", "status", "kind", "again"),
    [
        ("failed", "engine_failed", 500, "server_error", "false"),
        ("failed", "internal", 500, "server_error", "false"),
        ("failed", "expired", 500, "server_error", "false"),
        ("failed", "interrupted", 500, "server_error", "false"),
        ("failed", "content_refused", 400, "image_generation_user_error", "false"),
        ("failed", "image_not_retrievable", 400, "invalid_request_error", "false"),
        ("failed", "mask_size", 400, "invalid_request_error", "false"),
        ("failed", "unreadable_image", 400, "invalid_request_error", "false"),
        ("cancelled", None, 500, "server_error", "false"),
        ("running", None, 503, "server_error", None),
    ],
)
def test_a_job_without_pictures(state: str, code: str | None, status: int, kind: str, again: str | None) -> None:
    failure = None if code is None else Failure(code=code, message="No.")
    reply = to_answer(view(state=state, failure=failure), CALL)
    assert (reply.status, reply.body["error"]["type"]) == (status, kind)
    assert reply.headers.get("x-should-retry") == again
    assert ("Retry-After" in reply.headers) == (status == 503)


def test_pictures_that_are_gone_are_told_of() -> None:
    reply = to_answer(view(pictures=(stored(),), files=(None,)), CALL)
    assert (reply.status, reply.body["error"]["code"]) == (410, "deleted")


def problems(*codes: str) -> InvalidInput:
    return InvalidInput([Problem(field=f"f{i}", code=code, message=f"{code}.") for i, code in enumerate(codes)])


@pytest.mark.parametrize(
    ("raised", "native", "status", "code", "param"),
    [
        (problems("out_of_range", "required"), 422, 400, "invalid_value", "f0"),
        (problems("required"), 422, 400, "missing_required_parameter", "f0"),
        (problems("wrong_type"), 422, 400, "invalid_type", "f0"),
        (problems("out_of_range", "unknown_model"), 422, 404, "model_not_found", "model"),
        (Unauthenticated(), 401, 401, "invalid_api_key", None),
        (Forbidden(), 403, 403, "permission_denied", None),
        (InsufficientCredits(5, 1), 402, 429, "insufficient_quota", None),
        (TooManyRequests(), 429, 429, "rate_limit_exceeded", None),
        (ModelNotReady(), 409, 404, "model_not_found", "model"),
        (NotFound(), 404, 404, None, None),
        (Conflict(), 409, 409, "conflict", None),
        (IdempotencyMismatch(), 422, 422, "idempotency_mismatch", None),
        (MalformedBody(), 400, 400, "malformed_body", None),
        (PayloadTooLarge(), 413, 413, "payload_too_large", None),
        (StorageFailed(), 503, 503, "storage_failed", None),
    ],
)
def test_errors(raised: GessoError, native: int, status: int, code: str | None, param: str | None) -> None:
    reply = error(raised, native, CALL)
    body = reply.body["error"]
    assert (reply.status, body["code"], body["param"]) == (status, code, param)
    assert body["message"] == raised.message
    assert (reply.headers.get("x-should-retry") == "false") == (code == "insufficient_quota")


def test_every_error_there_is_has_the_envelope() -> None:
    for kind in ERROR_CODES.values():
        raised = {InvalidInput: problems("required"), InsufficientCredits: InsufficientCredits(1, 0)}.get(
            kind
        ) or kind()
        assert set(error(raised, 400, CALL).body["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(("endpoint", "prefix"), [(GENERATION, "image_generation"), (EDIT, "image_edit")])
def test_events(endpoint, prefix: str) -> None:
    stream = stream_of(endpoint, 2)
    running = view(state="running", width=512, height=256)
    partial = stream.preview(running, 1, 0, b"abc")
    assert partial.event == partial.data["type"] == f"{prefix}.partial_image"
    assert partial.data["partial_image_index"] == 0
    assert base64.b64decode(partial.data["b64_json"]) == b"abc"
    assert (partial.data["size"], partial.data["created_at"]) == ("512x256", 1_700_000_001)
    assert "usage" not in partial.data
    done = stream.picture(view(pictures=(stored(0), stored(1)), files=(b"abc", b"def")), 1)
    assert done.event == done.data["type"] == f"{prefix}.completed"
    assert base64.b64decode(done.data["b64_json"]) == b"def"
    assert done.data["usage"]["input_tokens"] == 0
    assert "partial_image_index" not in done.data
    failed = stream.failed(Failure(code="content_refused", message="No."))
    assert failed.data["error"]["code"] == "moderation_blocked"
    unsized = stream.preview(view(state="running"), 0, 0, b"abc")
    assert unsized.data["size"] == "auto"
