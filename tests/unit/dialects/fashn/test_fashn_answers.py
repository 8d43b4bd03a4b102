"""Jobs, balances and errors in FASHN's words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fashn.types import PredictionStatusResponse
from fashn_view import CALL, ID, PRICE, view

from gesso.dialects.dialect import Sending
from gesso.dialects.fashn import render
from gesso.dialects.fashn.errors import error
from gesso.dialects.fashn.routes import DIALECT
from gesso.dialects.fashn.wire import RUNTIME_NAMES, STATUSES
from gesso.dialects.view import AccountView
from gesso.domain.errors import ERROR_CODES, GessoError, InsufficientCredits, InvalidInput, JobFailed, TooManyRequests
from gesso.server.errors import status_of


def status(*args: Any, **changes: Any) -> tuple[dict[str, Any], dict[str, str]]:
    reply = render.status(view(*args, **changes), CALL)
    assert reply.status == 200
    PredictionStatusResponse.model_validate(reply.body, strict=True)
    assert list(reply.body) == ["id", "status", "output", "error"]
    return reply.body, dict(reply.headers)


def test_a_run_is_answered_with_its_id_alone() -> None:
    assert render.started(view("queued"), CALL).body == {"id": f"{ID}-u1", "error": None}


@pytest.mark.parametrize(
    ("state", "word"),
    [("queued", "in_queue"), ("running", "processing"), ("succeeded", "completed"), ("cancelled", "canceled")],
)
def test_states_in_the_vendors_words(state: str, word: str) -> None:
    body, headers = status(state)
    assert (body["id"], body["status"], body["error"]) == (f"{ID}-u1", word, None)
    assert (body["output"] is None) == (state != "succeeded")
    assert ("x-fashn-credits-used" in headers) == (state in ("succeeded", "cancelled"))


def test_outputs_are_links_that_end_like_their_files() -> None:
    body, headers = status(pictures=2, kind="image/jpeg")
    assert body["output"] == [f"https://host/blobs/picture-{index}.jpeg?expires=1&signature=s" for index in range(2)]
    assert headers == {"x-fashn-credits-used": "2"}


@pytest.mark.parametrize("name", ["return_base64", "sync_mode"])
def test_outputs_are_data_uris_where_they_are_asked_for(name: str) -> None:
    made = view(values={name: True}, files=(b"abc",))
    assert render.is_inline(made.job)
    assert render.prediction(made)["output"] == ["data:image/png;base64,YWJj"]
    assert not render.is_inline(view(values={name: False}).job)


@pytest.mark.parametrize("files", [(None,), None])
def test_pictures_that_are_gone_are_no_output(files: Any) -> None:
    body, _ = status(values={"return_base64": True}, files=files)
    assert (body["status"], body["output"]) == ("completed", None)
    assert status(pictures=0)[0]["output"] is None


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("image_not_retrievable", "ImageLoadError"),
        ("unreadable_image", "ImageLoadError"),
        ("content_refused", "ContentModerationError"),
        ("mask_size", "InputValidationError"),
        ("engine_failed", "PipelineError"),
        ("upstream_unknown", "3rdPartyProviderError"),
        ("internal", "InternalServerError"),
    ],
)
def test_a_failure_has_the_vendors_name_and_costs_nothing(code: str, name: str) -> None:
    body, headers = status("failed", failure=code)
    assert body["error"] == {"name": name, "message": "It broke."}
    assert headers == {"x-fashn-credits-used": "0"}


def test_every_state_and_every_error_of_a_job_has_a_word() -> None:
    assert set(STATUSES) == {"queued", "running", "succeeded", "failed", "cancelled"}
    failing = {kind.code for kind in ERROR_CODES.values() if issubclass(kind, JobFailed)}
    assert failing <= set(RUNTIME_NAMES)


def test_a_part_of_a_credit_is_a_whole_one() -> None:
    assert status(charged=PRICE.micro_credits() + 1)[1] == {"x-fashn-credits-used": "2"}


def test_the_balance_is_in_whole_credits() -> None:
    account = AccountView("id", "name", "test", "business", PRICE.micro_credits(3) - 1)
    assert render.balance(account, CALL).body == {"credits": {"total": 2, "subscription": 0, "on_demand": 2}}


def test_the_webhook_says_what_the_status_says_unsigned() -> None:
    sending = Sending(id="d", event="succeeded", secret="s", sent_at=1)
    made = view(values={"return_base64": True}, files=(b"abc",))
    posting = render.posting(made, sending)
    assert posting is not None
    assert json.loads(posting.body) == render.prediction(made)
    assert posting.headers == {"Content-Type": "application/json", "x-fashn-credits-used": "1"}
    failed = render.posting(view("failed"), sending)
    assert failed is not None
    assert json.loads(failed.body)["error"]["name"] == "PipelineError"
    for state in ("cancelled", "running", "queued"):
        assert render.posting(view(state), sending) is None
    assert DIALECT.webhooks is not None
    assert DIALECT.webhooks.files(made.job)


ERRORS: list[GessoError] = [
    InvalidInput.of("seed", "out_of_range", "seed is too large."),
    InsufficientCredits(5_000_000, 0),
    TooManyRequests(),
    *(kind() for kind in ERROR_CODES.values() if kind not in (InvalidInput, InsufficientCredits, TooManyRequests)),
]


@pytest.mark.parametrize("given", ERRORS, ids=lambda one: one.code)
def test_every_error_has_the_vendors_form(given: GessoError) -> None:
    reply = error(given, status_of(given), CALL)
    assert set(reply.body) == {"error", "message"}
    assert given.message in reply.body["message"]
    documented = {400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 503}
    assert reply.status in documented


def test_an_empty_balance_is_not_worth_asking_again() -> None:
    reply = error(InsufficientCredits(5_000_000, 0), 402, CALL)
    assert (reply.status, reply.body["error"], reply.headers) == (429, "OutOfCredits", {"x-should-retry": "false"})
    reply = error(TooManyRequests(), 429, CALL)
    assert (reply.status, reply.body["error"], reply.headers) == (429, "ConcurrencyLimitExceeded", {})
