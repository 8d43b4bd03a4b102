"""Replicate's requests in our words, without a server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gesso.dialects.call import Call, Form, Part
from gesso.dialects.replicate.echo import MOST_CHARACTERS, echoed
from gesso.dialects.replicate.files import parse_file
from gesso.dialects.replicate.routes import secret
from gesso.dialects.replicate.translate import by_name, by_version, wait_seconds
from gesso.dialects.wanted import Wanted
from gesso.domain.errors import InvalidInput, NotFound
from gesso.domain.hook import ENDS

FILE = "0199a0de-0000-7000-8000-000000000002"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
NAMES = ("version", "input", "webhook", "webhook_completed", "webhook_events_filter", "stream", "other")


def call(body: dict[str, Any], base: str = "https://host/replicate", **headers: str) -> Call:
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    path = {"owner": "black-forest-labs", "name": "flux-schnell"}
    return Call("POST", body=body, path=path, headers=said, base=base, host=base.removesuffix("/replicate"))


def wanted(more: dict[str, Any] | None = None, **headers: str) -> Wanted:
    return by_version(call({"version": "gesso/gesso-sketch", "input": {"prompt": "a fox"}, **(more or {})}, **headers))


def fields(more: dict[str, Any], **headers: str) -> list[str]:
    with pytest.raises(InvalidInput) as refused:
        wanted(more, **headers)
    return [problem.field for problem in refused.value.problems]


def test_the_input_is_the_models_own() -> None:
    made = by_name(call({"input": {"prompt": "a fox", "num_outputs": 2}}))
    assert (made.model, made.form, made.unknown) == ("black-forest-labs/flux-schnell", None, "ignore")
    assert made.input == {"prompt": "a fox", "num_outputs": 2}
    assert made.fields == {"prompt": "input.prompt", "num_outputs": "input.num_outputs"}
    assert made.echo == {"model": made.model, "input": made.input, "data": False}
    assert (made.wait, made.webhook, made.cancel_after_seconds) == (None, None, None)


@pytest.mark.parametrize(
    ("version", "model", "said"),
    [
        ("a" * 64, None, "a" * 64),
        ("owner/name", "owner/name", None),
        (f"owner/name:{'b' * 64}", "owner/name", "b" * 64),
    ],
)
def test_a_version_is_said_again_as_it_was_named(version: str, model: str | None, said: str | None) -> None:
    made = wanted({"version": version})
    assert made.model == version
    assert (made.echo.get("model"), made.echo.get("version")) == (model, said)


def test_the_model_route_takes_no_version() -> None:
    with pytest.raises(NotFound):
        by_name(Call("POST", body={"input": {}}, path={"owner": "a", "name": f"b:{'0' * 64}"}))


@pytest.mark.parametrize("base", ["https://host/replicate", "https://host", "https://host/elsewhere/replicate"])
def test_the_address_of_an_uploaded_file_is_a_reference_to_it(base: str) -> None:
    link = f"{base}/v1/files/{FILE}"
    other = f"https://other/v1/files/{FILE}"
    asked = {"image": link, "images": [link, other, 3], "prompt": f"see {link}", "mask": other}
    made = by_name(call({"input": asked}, base))
    own = f"gesso://files/{FILE}"
    assert made.input == {"image": own, "images": [own, other, 3], "prompt": f"see {link}", "mask": other}
    assert made.echo["input"] == asked


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (None, None),
        ("respond-async", None),
        ("wait", 60),
        ("wait=5", 5),
        ("respond-async, wait=7", 7),
        ("wait=600", 60),
        ("wait=0", None),
        ("waiting=9", None),
    ],
)
def test_how_long_an_answer_is_held(prefer: str | None, seconds: float | None) -> None:
    assert wait_seconds(prefer) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("5m", 300), ("1h30m45s", 5445), ("24h", 86400), ("1H", 3600)],
)
def test_when_a_job_is_cancelled(text: str, seconds: float) -> None:
    assert wanted(cancel_after=text).cancel_after_seconds == seconds


@pytest.mark.parametrize("text", ["", "0", "soon", "-5", "25h", "1.5m", "m", "9" * 7])
def test_other_times_are_refused(text: str) -> None:
    assert fields({}, cancel_after=text) == ["Cancel-After"]


@pytest.mark.parametrize(
    ("asked", "events"),
    [
        (None, {"started", *ENDS}),
        (["start"], {"started"}),
        (["output"], {"succeeded"}),
        (["logs"], set(ENDS)),
        (["completed"], set(ENDS)),
        (["start", "completed"], {"started", *ENDS}),
    ],
)
def test_events_of_a_webhook(asked: list[str] | None, events: set[str]) -> None:
    hook = wanted({"webhook": "https://receiver.test/a", "webhook_events_filter": asked}).webhook
    assert hook is not None
    assert (hook.url, hook.events) == ("https://receiver.test/a", events)


def test_the_old_field_of_a_webhook_tells_of_the_end_only() -> None:
    hook = wanted({"webhook_completed": "https://receiver.test/a"}).webhook
    assert hook is not None
    assert hook.events == ENDS


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"version": None}, "version"),
        ({"version": 3}, "version"),
        ({"version": " "}, "version"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"webhook": "ftp://a.test"}, "webhook"),
        ({"webhook": 3}, "webhook"),
        ({"webhook": "http://[a"}, "webhook"),
        ({"webhook_completed": "no link"}, "webhook_completed"),
        ({"webhook_events_filter": ["done"]}, "webhook_events_filter"),
        ({"webhook_events_filter": []}, "webhook_events_filter"),
        ({"webhook_events_filter": "start"}, "webhook_events_filter"),
        ({"webhook_events_filter": [["start"]]}, "webhook_events_filter"),
        ({"stream": "yes"}, "stream"),
    ],
)
def test_mistakes_of_form_name_their_field(more: dict[str, Any], field: str) -> None:
    assert fields(more) == [field]


def test_every_mistake_is_told_at_once() -> None:
    assert fields({"version": 1, "input": 2, "stream": 3, "webhook": 4}) == ["version", "input", "webhook", "stream"]


def test_outputs_are_data_only_for_held_answers_over_plain_http_or_on_demand() -> None:
    def is_data(base: str, **headers: str) -> bool:
        return by_name(call({"input": {}}, base, **headers)).echo["data"]

    assert is_data("http://host/replicate", prefer="wait")
    assert not is_data("http://host/replicate")
    assert not is_data("https://host/replicate", prefer="wait")
    assert is_data("https://host/replicate", gesso_outputs="data")
    assert not is_data("http://host/replicate", prefer="wait", gesso_outputs="links")
    assert fields({}, gesso_outputs="both") == ["Gesso-Outputs"]


def test_bytes_and_endless_text_are_not_kept() -> None:
    said = echoed(
        {
            "image": "data:image/png;base64,AAAA",
            "bare": "QUJD" * 1000,
            "prompt": "a fox in the snow " * 100,
            "list": ["data:image/webp;base64,AAAA", {"image": "data:,AAAA"}],
            "count": 3,
        }
    )
    assert said == {
        "image": "data:image/png;base64,…",
        "bare": "QUJDQUJDQUJDQUJD…",
        "prompt": "a fox in the snow " * 100,
        "list": ["data:image/webp;base64,…", {"image": "data:,…"}],
        "count": 3,
    }
    long = echoed({f"field{number}": "words and " * 1000 for number in range(100)})
    assert len(json.dumps(long)) < 2 * MOST_CHARACTERS


def test_the_file_is_the_part_content() -> None:
    part = Part("content", "a.png", "image/png", b"123")
    assert parse_file(Call("POST", body=Form((("metadata", "{}"), ("content", part))))) is part
    with pytest.raises(InvalidInput, match="content is required"):
        parse_file(Call("POST", body=Form((("content", "text"),))))


@pytest.mark.parametrize(
    ("header", "key"),
    [("Bearer abc", "abc"), ("Token abc", "abc"), ("token  abc ", "abc"), ("Basic abc", None), ("Bearer", None)],
)
def test_keys_come_in_two_forms(header: str, key: str | None) -> None:
    assert secret({"authorization": header}) == key
    assert secret({}) is None


@given(body=st.dictionaries(st.sampled_from(NAMES), JSON), by_model=st.booleans(), prefer=st.text(max_size=9))
def test_any_object_is_understood_or_refused(body: dict[str, Any], by_model: bool, prefer: str) -> None:
    try:
        made = (by_name if by_model else by_version)(call(body, prefer=prefer))
    except InvalidInput as refused:
        assert all(problem.field and problem.message for problem in refused.problems)
    else:
        assert isinstance(made.model, str)
        json.dumps(dict(made.echo))
