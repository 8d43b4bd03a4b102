"""Jobs in Replicate's words, without a server."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from replicate.webhook import InvalidSignatureError, Webhooks, WebhookSigningSecret
from replicate_view import HOST, ID, made_job, view_of

from gesso.catalogue.load import load_catalogue
from gesso.dialects.call import Call
from gesso.dialects.dialect import Sending
from gesso.dialects.ids import from_short, short
from gesso.dialects.replicate.errors import error
from gesso.dialects.replicate.names import find, model_of, official_name, version_id
from gesso.dialects.replicate.pages import MOST_BACK, render_page
from gesso.dialects.replicate.prediction import prediction
from gesso.dialects.replicate.stream import events
from gesso.dialects.replicate.webhooks import WEBHOOKS
from gesso.dialects.wanted import Listing, Page
from gesso.domain.errors import (
    Conflict,
    GessoError,
    InsufficientCredits,
    InvalidInput,
    NotFound,
    Problem,
    StorageFailed,
    TooManyRequests,
    Unauthenticated,
)
from gesso.domain.events import Snapshot

CATALOGUE = load_catalogue()
SCHNELL = CATALOGUE.get("flux-schnell")
SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
FORMER = "whsec_" + "Zm9ybWVyLWZvcm1lci1mb3JtZXItZm9ybWVy"


def test_a_prediction_that_succeeded_is_told_whole() -> None:
    own = f"{HOST}/replicate/v1/predictions/{short(ID)}"
    assert prediction(view_of(made_job())) == {
        "id": short(ID),
        "model": "black-forest-labs/flux-schnell",
        "version": version_id(SCHNELL),
        "input": {"prompt": "a fox"},
        "status": "succeeded",
        "output": [f"{HOST}/blobs/picture-0", f"{HOST}/blobs/picture-1"],
        "logs": "Using seed: 7\nIt stands in.\ngo_fast: ignored (one speed)",
        "error": None,
        "data_removed": False,
        "source": "api",
        "metrics": {"predict_time": 3.2, "total_time": 4.2},
        "created_at": "2026-05-01T10:00:00.000Z",
        "started_at": "2026-05-01T10:00:01.000Z",
        "completed_at": "2026-05-01T10:00:04.200Z",
        "urls": {"get": own, "cancel": f"{own}/cancel", "stream": f"{HOST}/replicate/v1/streams/{short(ID)}"},
    }
    assert from_short(short(ID)) == ID


@pytest.mark.parametrize(
    ("state", "status", "held"),
    [
        ("queued", "starting", "starting"),
        ("running", "processing", "starting"),
        ("succeeded", "succeeded", "succeeded"),
        ("failed", "failed", "failed"),
        ("cancelled", "canceled", "canceled"),
    ],
)
def test_a_held_answer_never_says_processing(state: str, status: str, held: str) -> None:
    view = view_of(made_job(state))
    assert prediction(view)["status"] == status
    assert prediction(view, unfinished="starting")["status"] == held


def test_only_a_failed_prediction_has_an_error_and_only_a_succeeded_one_output() -> None:
    said = {state: prediction(view_of(made_job(state))) for state in ("running", "failed", "cancelled")}
    assert {state: one["error"] for state, one in said.items()} == {
        "running": None,
        "failed": "It broke.",
        "cancelled": None,
    }
    assert [one["output"] for one in said.values()] == [None, None, None]


def test_one_output_is_text_where_the_model_gives_one() -> None:
    assert prediction(view_of(made_job(model="flux-2-pro", pictures=1)))["output"] == f"{HOST}/blobs/picture-0"
    assert prediction(view_of(made_job(pictures=1)))["output"] == [f"{HOST}/blobs/picture-0"]


def test_bytes_are_told_as_data_and_a_picture_that_is_gone_as_its_link() -> None:
    said = prediction(view_of(made_job(), files=(b"abc", None)))
    assert said["output"] == ["data:image/webp;base64,YWJj", f"{HOST}/blobs/picture-1"]


def test_a_deleted_prediction_says_that_its_data_is_gone() -> None:
    said = prediction(view_of(made_job(request=None, deleted_at=2, pictures=0)))
    assert (said["data_removed"], said["input"], said["output"], said["logs"]) == (True, {}, None, "")
    assert said["model"] == "black-forest-labs/flux-schnell"


def test_a_job_of_another_api_and_of_a_model_that_is_gone_can_be_told() -> None:
    said = prediction(view_of(made_job(dialect="native"), model=None))
    assert (said["model"], said["version"], said["input"]) == ("flux-schnell", "hidden", {"prompt": "a fox"})


def test_progress_is_written_as_the_client_reads_it() -> None:
    from replicate.prediction import Prediction

    snapshot = Snapshot(job_id=ID, version=3, state="running", stage="denoise", done=3, total=12)
    found = Prediction.Progress.parse(prediction(view_of(made_job("running"), snapshot=snapshot))["logs"])
    assert found is not None
    assert (found.percentage, found.current, found.total) == (0.25, 3, 12)


def test_a_stream_ends_with_done_and_repeats_no_id() -> None:
    for state, reason in (("succeeded", {}), ("failed", {"reason": "error"}), ("cancelled", {"reason": "canceled"})):
        told = events(view_of(made_job(state)))
        assert (told[-1].event, told[-1].data) == ("done", reason)
        assert len({one.id for one in told}) == len(told)
    assert "done" not in [one.event for one in events(view_of(made_job("running")))]
    assert [one.data for one in events(view_of(made_job("failed"))) if one.event == "error"] == ["It broke."]


def posted(state: str = "succeeded", former: str = "") -> tuple[dict[str, str], bytes]:
    sending = Sending(id="msg_1", event=state, secret=SECRET, sent_at=1_777_629_600, former_secret=former)
    made = WEBHOOKS.render(view_of(made_job(state)), sending)
    assert made is not None
    return dict(made.headers), made.body


def test_a_webhook_is_the_prediction_and_the_clients_validator_takes_its_signature() -> None:
    headers, body = posted()
    assert json.loads(body) == prediction(view_of(made_job()))
    secret = WebhookSigningSecret(key=SECRET)
    request = httpx.Request("POST", "https://receiver.test", headers=headers, content=body)
    assert Webhooks.validate(request, secret=secret) is None
    assert Webhooks.validate(headers=headers, body=body.decode(), secret=secret) is None
    for changed in (body.replace(b"fox", b"cat"), body + b" "):
        with pytest.raises(InvalidSignatureError):
            Webhooks.validate(headers=headers, body=changed.decode(), secret=secret)


def test_a_changed_secret_and_the_one_before_both_sign() -> None:
    headers, body = posted("failed", FORMER)
    for key in (SECRET, FORMER):
        assert Webhooks.validate(headers=headers, body=body.decode(), secret=WebhookSigningSecret(key=key)) is None
    assert json.loads(body)["error"] == "It broke."
    assert WEBHOOKS.account_signs


# ── names ─────────────────────────────────────────────────────────────────────────────────────────────


def test_every_model_has_a_name_and_a_version_that_lead_to_it() -> None:
    for model in CATALOGUE.models:
        owner, name = official_name(model)
        assert model_of(CATALOGUE, f"{owner}/{name}") == model.slug
        assert model_of(CATALOGUE, version_id(model)) == model.slug
        assert model_of(CATALOGUE, f"{owner}/{name}:{version_id(model)}") == model.slug
        assert model_of(CATALOGUE, f"gesso/{model.slug}") == model.slug
        assert find(CATALOGUE, owner, name) is model
    assert len({version_id(model) for model in CATALOGUE.models}) == len(CATALOGUE.models)


@pytest.mark.parametrize("name", ["gesso/none", "0" * 64, "black-forest-labs/flux-schnell:latest", "", "/", ":"])
def test_other_names_are_no_models(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        model_of(CATALOGUE, name)
    assert [(one.field, one.code) for one in refused.value.problems] == [("model", "unknown_model")]


def test_a_version_changes_with_what_the_model_takes_and_not_with_its_words() -> None:
    changed = SCHNELL.model_copy(update={"description": "Other words.", "slug": "flux-schnell"})
    prompt, *rest = SCHNELL.parameters
    reworded = SCHNELL.model_copy(update={"parameters": (prompt.model_copy(update={"description": "What."}), *rest)})
    wider = SCHNELL.model_copy(update={"parameters": (prompt.model_copy(update={"max_length": 9}), *rest)})
    assert version_id(changed) == version_id(reworded) == version_id(SCHNELL)
    assert version_id(wider) != version_id(SCHNELL)


# ── errors and pages ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("raised", "status", "title"),
    [
        (Unauthenticated(), 401, "Unauthenticated"),
        (InsufficientCredits(10, 5), 402, "Insufficient credit"),
        (NotFound("There is no such job."), 404, "Not Found"),
        (Conflict(), 409, "Conflict"),
        (StorageFailed(), 503, "Service Unavailable"),
        (GessoError("It broke."), 500, "Internal Server Error"),
    ],
)
def test_errors_are_problems_with_their_status(raised: GessoError, status: int, title: str) -> None:
    answer = error(raised, status, Call("POST"))
    assert answer.status == status
    assert answer.body["title"] == title
    assert answer.body["status"] == status
    assert answer.body["detail"]


def test_the_throttle_says_when_to_come_again() -> None:
    answer = error(TooManyRequests(retry_after_seconds=1), 429, Call("POST"))
    assert answer.body == {"detail": "Request was throttled. Expected available in 1 second."}
    assert "4 seconds" in error(TooManyRequests(retry_after_seconds=4), 429, Call("POST")).body["detail"]


def test_mistakes_name_their_fields_and_unknown_models_hang_on_the_route() -> None:
    problems = [
        Problem(field="prompt", code="required", message="prompt is required."),
        Problem(field="input.steps", code="range", message="input.steps is too large."),
        Problem(field="webhook.url", code="url", message="webhook must be a URL."),
        Problem(field="file", code="unreadable_image", message="file is no picture."),
        Problem(field="images[1]", code="unreadable_image", message="images[1] is no picture."),
    ]
    body = error(InvalidInput(problems), 422, Call("POST")).body
    told = [field["field"] for field in body["invalid_fields"]]
    assert told == ["input.prompt", "input.steps", "webhook.url", "content", "input.images[1]"]
    assert body["detail"].startswith("- input.prompt: prompt is required.\n")
    unknown = InvalidInput.of("model", "unknown_model", "There is no such model.")
    assert error(unknown, 422, Call("POST", path={"owner": "a", "name": "b"})).status == 404
    assert error(unknown, 422, Call("POST")).body["title"] == "Invalid version or not permitted"


def test_pages_lead_on_and_back_as_far_as_their_cursor_remembers() -> None:
    def links(cursor: str | None, following: str | None) -> tuple[Any, Any]:
        call = Call("GET", query={} if cursor is None else {"cursor": cursor}, base="https://h")
        body = render_page(Page([], following, 0), Listing(), call).body
        return body["previous"], body["next"]

    own = "https://h/v1/predictions"
    assert links(None, None) == (None, None)
    assert links(None, "a") == (None, f"{own}?cursor=a")
    assert links("a", "b") == (own, f"{own}?cursor=a.b")
    assert links("a.b", None) == (f"{own}?cursor=a", None)
    full = ".".join(map(str, range(MOST_BACK)))
    following = links(full, "last")[1].removeprefix(f"{own}?cursor=")
    assert following.startswith(".1.2.")
    assert links(".a", None) == (None, None)
    assert links(following, None)[0].endswith(f".{MOST_BACK - 1}")
