"""Claid's answers, errors and webhooks, made of our jobs and errors."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from gesso.dialects.call import Call
from gesso.dialects.claid import render, translate
from gesso.dialects.claid.refuse import error
from gesso.dialects.claid.routes import DIALECT
from gesso.dialects.dialect import Sending
from gesso.dialects.view import View
from gesso.domain.clock import SECOND
from gesso.domain.credits import Price
from gesso.domain.errors import (
    ERROR_CODES,
    DailyCreditsSpent,
    GessoError,
    InsufficientCredits,
    InvalidInput,
    NotFound,
    Problem,
)
from gesso.domain.job import Failure, Job, ReportNote
from gesso.domain.picture import StoredPicture
from gesso.domain.request import Plan, Request, RouteChoice
from gesso.server.errors import status_of

NOW = 1_795_000_000 * SECOND + 123_456
CAME = ReportNote(code="input", message="It came.", data={"format": "jpeg", "width": 1920, "height": 1080})
SENDING = Sending(id="msg_1", event="succeeded", secret="s3cret", sent_at=1_795_000_001)
CALL = Call("GET")


def view(state: Any = "succeeded", route: str = translate.AI_EDIT, *, pictures: int = 2, **changes: Any) -> View:
    echo = {"route": route, "request": {"input": "https://example.org/in.jpg"}}
    job = Job(
        id="0199a0de-0000-7000-8000-000000000001",
        number=48213,
        account_id="account",
        key_id="key",
        mode="test",
        dialect="claid",
        state=state,
        model="claid-edit-v1",
        request=Request(model="claid-edit-v1", operation="edit", seed=1, echo=echo),
        plan=Plan(routes=(RouteChoice(engine="builtin", fidelity="stand_in", runs="x"),), price=Price(), price_micro=0),
        notes=(CAME,),
        pictures=tuple(_picture(index) for index in range(pictures)) if state == "succeeded" else (),
        failure=Failure(code="engine_failed", message="It broke.") if state == "failed" else None,
        created_at=NOW,
        ended_at=NOW + SECOND,
    ).model_copy(update=changes)
    links = tuple(f"https://host/blobs/{picture.blob}" for picture in job.pictures)
    return View(job=job, model=None, base="https://host/claid", host="https://host", links=links)


def _picture(index: int) -> StoredPicture:
    return StoredPicture(
        index=index, blob=f"p{index}", media_type="image/png", width=1360, height=768, size_bytes=3, seed=1, pixel_hash="0"
    )  # fmt: skip


def test_accepted_is_always_the_first_status() -> None:
    for state in ("queued", "running", "succeeded", "failed"):
        data = render.accepted(view(state), CALL, path="ai-edit").body["data"]
        assert data == {
            "id": 48213, "status": "ACCEPTED", "created_at": "2026-11-18T11:06:40.123Z",
            "request": {"input": "https://example.org/in.jpg"},
            "result_url": "https://host/claid/v1/image/ai-edit/48213",
        }  # fmt: skip


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("queued", "WAITING"),
        ("running", "PROCESSING"),
        ("succeeded", "DONE"),
        ("failed", "ERROR"),
        ("cancelled", "CANCELLED"),
    ],
)
def test_every_state_has_a_word(state: str, word: str) -> None:
    data = render.status(view(state), CALL).body["data"]
    assert data["status"] == word
    assert ("result" in data) == (word == "DONE")
    assert len(data["errors"]) == (word == "ERROR")


def test_a_done_edit_is_as_documented() -> None:
    data = render.status(view(pictures=1), CALL).body["data"]
    assert data["result"] == {
        "input_object": {
            "ext": "jpeg", "mps": 2.07, "mime": "image/jpeg", "format": "JPEG", "width": 1920, "height": 1080,
        },
        "output_objects": [{
            "ext": "png", "mps": 1.04, "mime": "image/png", "format": "PNG", "width": 1360, "height": 768,
            "tmp_url": "https://host/blobs/p0",
        }],
    }  # fmt: skip


def test_an_asynchronous_classic_edit_has_one_output_object() -> None:
    result = render.status(view(route=translate.EDIT_ASYNC, pictures=1), CALL).body["data"]["result"]
    assert set(result) == {"input_object", "output_object"}


def test_what_came_is_left_out_where_the_report_does_not_say() -> None:
    assert set(render.status(view(notes=()), CALL).body["data"]["result"]) == {"output_objects"}
    assert set(render.edited(view(notes=()), CALL).body["data"]) == {"output"}


def test_families_of_ids_are_separate() -> None:
    assert render.is_ai_edit(view().job)
    assert not render.is_async_edit(view().job)
    assert render.is_async_edit(view(route=translate.EDIT_ASYNC).job)
    for job in (view(dialect="native").job, view(request=None).job, view(route=translate.GENERATE).job):
        assert not render.is_ai_edit(job)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("image_not_retrievable", 400, "image"),
        ("unreadable_image", 400, "image"),
        ("content_refused", 422, "general"),
        ("engine_failed", 500, "general"),
        ("internal", 500, "general"),
    ],
)
def test_a_synchronous_failure(code: str, status: int, kind: str) -> None:
    reply = render.edited(view("failed", failure=Failure(code=code, message="It broke.")), CALL)
    assert (reply.status, reply.body["error_type"], reply.body["error_message"]) == (status, kind, "It broke.")
    assert render.generated(view("failed"), CALL).status == 500


def test_a_synchronous_route_that_waited_long_enough() -> None:
    assert render.edited(view("running"), CALL).status == 503
    assert render.edited(view("cancelled"), CALL).status == 409


def test_a_webhook_is_the_status_signed_over_its_bytes() -> None:
    posting = render.posting(view(), SENDING)
    assert posting is not None
    assert json.loads(posting.body) == render.status(view(), CALL).body
    signature = posting.headers["X-Claid-Hmac-SHA256"]
    assert signature == "sha256=" + hmac.new(b"s3cret", posting.body, hashlib.sha256).hexdigest()


def test_a_webhook_without_a_secret_has_no_signature() -> None:
    posting = render.posting(view(), Sending(id="msg_1", event="succeeded", secret="", sent_at=1))
    assert posting is not None
    assert set(posting.headers) == {"Content-Type"}


def test_synchronous_routes_send_no_webhook() -> None:
    for route in (translate.EDIT, translate.GENERATE):
        assert render.posting(view(route=route), SENDING) is None
    assert DIALECT.webhooks is not None
    assert DIALECT.webhooks.events == {"succeeded", "failed", "cancelled"}


@pytest.mark.parametrize("kind", sorted(ERROR_CODES.values(), key=lambda kind: kind.code), ids=lambda kind: kind.code)
def test_every_error_has_the_envelope(kind: type[GessoError]) -> None:
    made = {
        InvalidInput: lambda: InvalidInput.of("options.prompt", "required", "options.prompt is missing."),
        InsufficientCredits: lambda: InsufficientCredits(2, 1),
    }.get(kind, kind)()
    status = status_of(made)
    reply = error(made, status, CALL)
    assert reply.status == (402 if isinstance(made, DailyCreditsSpent) else status)
    assert {"error_code", "error_type", "error_message", "error_details"} <= set(reply.body)
    assert made.message in reply.body["error_message"]


def test_details_gather_the_messages_of_a_path() -> None:
    problems = [
        Problem(field="options.prompt", code="a", message="options.prompt is short."),
        Problem(field="options.prompt", code="b", message="options.prompt: it is empty."),
        Problem(field="input", code="c", message="A picture is needed."),
    ]
    reply = error(InvalidInput(problems), 422, CALL)
    details = {"options.prompt": ["is short.", "it is empty."], "input": ["A picture is needed."]}
    assert reply.body["error_details"] == details
    assert reply.body["error_message"].startswith("options.prompt is short. options.prompt: it is empty.")


def test_no_such_route_names_no_code_of_another_kind() -> None:
    assert error(NotFound(), 404, CALL).body["error_code"] == "2001"
