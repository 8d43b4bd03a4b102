"""FASHN's requests in our words, and what is no request."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gesso.dialects.call import Call
from gesso.dialects.fashn.translate import prediction_id, run
from gesso.dialects.wanted import Wanted
from gesso.domain.errors import InvalidInput, NotFound

IMAGE = "https://example.org/a.png"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def wanted(body: dict[str, Any], **query: str) -> Wanted:
    return run(Call("POST", body=body, query=query))


def edit(**inputs: Any) -> Wanted:
    return wanted({"model_name": "edit", "inputs": {"image": IMAGE, "prompt": "a hat", **inputs}})


def fields_of(body: dict[str, Any], **query: str) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        wanted(body, **query)
    return {problem.field: problem.code for problem in caught.value.problems}


def test_the_inputs_are_the_models_own_and_other_fields_are_left_alone() -> None:
    inputs = {"image": IMAGE, "prompt": "a hat", "seed": 7}
    made = wanted({"model_name": "edit", "inputs": inputs, "pollInterval": 5, "timeout": 1, "webhook_url": "x"})
    assert (made.model, made.input, made.form, made.unknown) == ("edit", inputs, None, "refuse")
    assert made.webhook is None
    assert made.keep_seconds is None
    assert "inline_result" in made.served


@pytest.mark.parametrize("value", [True, "true", "True"])
@pytest.mark.parametrize("name", ["return_base64", "sync_mode"])
def test_pictures_within_the_answer_are_kept_an_hour(name: str, value: Any) -> None:
    assert edit(**{name: value}).keep_seconds == 3600


@pytest.mark.parametrize("value", [False, None, "false", "yes", 1])
def test_links_are_kept_as_configured(value: Any) -> None:
    assert edit(return_base64=value).keep_seconds is None


def test_the_webhook_comes_by_the_query_and_hears_of_ends_only() -> None:
    made = wanted({"model_name": "edit", "inputs": {}}, webhook_url="http://hook/x?y=1")
    assert made.webhook is not None
    assert (made.webhook.url, made.webhook.secret, made.webhook.events) == ("http://hook/x?y=1", "", {"succeeded", "failed"})  # fmt: skip
    assert wanted({"model_name": "edit", "inputs": {}}, webhook_url="").webhook is None


@pytest.mark.parametrize("url", ["ftp://hook", "hook", "http://", "http://a b", "http://" + "a" * 3000, "http:///x"])
def test_a_webhook_that_is_no_link_is_refused(url: str) -> None:
    assert fields_of({"model_name": "edit", "inputs": {}}, webhook_url=url) == {"webhook_url": "wrong_form"}


def test_every_mistake_is_told_at_once() -> None:
    assert fields_of({}) == {"model_name": "required", "inputs": "required"}
    assert fields_of({"model_name": 7, "inputs": []}, webhook_url="x") == {
        "model_name": "wrong_type",
        "inputs": "wrong_type",
        "webhook_url": "wrong_form",
    }
    assert fields_of({"model_name": "", "inputs": None}) == {"model_name": "required", "inputs": "required"}


@given(st.dictionaries(st.sampled_from(["model_name", "inputs", "x"]), JSON), st.text(max_size=12))
def test_any_body_is_a_request_or_refused(body: dict[str, Any], url: str) -> None:
    try:
        made = wanted(body, webhook_url=url)
    except InvalidInput as error:
        assert error.problems
    else:
        assert made.model
        assert isinstance(made.input, dict)


def test_ids() -> None:
    job = "0199a0de-0000-7000-8000-000000000001"
    assert prediction_id(Call("GET", path={"id": f"{job}-u1"})) == job


@pytest.mark.parametrize("text", ["0199a0de-0000-7000-8000-000000000001", "x-u1", "-u1", "", "0199a0de00007000-u1"])
def test_other_text_is_no_prediction(text: str) -> None:
    with pytest.raises(NotFound):
        prediction_id(Call("GET", path={"id": text}))
