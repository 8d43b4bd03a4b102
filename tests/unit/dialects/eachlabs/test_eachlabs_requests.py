"""Eachlabs' requests become ours: every field's effect or error, and no body at all makes anything else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gesso.dialects.call import Call
from gesso.dialects.eachlabs import translate, wire
from gesso.dialects.eachlabs.echo import CUT, MOST
from gesso.dialects.wanted import Wanted
from gesso.domain.errors import InvalidInput
from gesso.domain.hook import Hook

LEAST = {"model": "flux-2", "input": {"prompt": "a fox"}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["model", "version", "input", "webhook_url", "webhook_secret", "else"])


def wanted(**body: object) -> Wanted:
    return translate.to_prediction(Call("POST", body=LEAST | body))


def refused(body: dict[str, object], parse=translate.to_prediction) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        parse(Call("POST", body=body))
    assert {problem.code for problem in caught.value.problems} == {wire.SAID}
    return [(problem.field, problem.message) for problem in caught.value.problems]


def query(**values: str) -> Call:
    return Call("GET", query=values)


def test_a_prediction_is_asked_for_in_the_models_own_words():
    found = wanted(version="1.0.0", webhook_url="")
    assert (found.model, found.input, found.form, found.unknown) == ("flux-2", {"prompt": "a fox"}, None, "ignore")
    assert (found.wait, found.webhook, found.served) == (None, None, {"inline_result"})
    assert found.echo == {"input": {"prompt": "a fox"}}


def test_run_waits_for_the_end():
    found = translate.to_run(Call("POST", body=LEAST))
    assert found == translate._wanted(LEAST, wire.RUN_SECONDS)
    assert found.wait == wire.RUN_SECONDS


@pytest.mark.parametrize("version", [None, "0.0.1", "", 1.0, ["x"]])
def test_any_version_is_ignored(version):
    assert wanted(version=version) == wanted()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, ["model field is required", "input field is required"]),
        ({"model": None, "input": None}, ["model field is required", "input field is required"]),
        ({"model": "", "input": {}}, ["model field is required"]),
        ({"model": 7, "input": {}}, ["model must be a string"]),
        ({"model": "flux-2", "input": [1]}, ["input must be an object"]),
        ({"model": "flux-2", "input": {str(i): 1 for i in range(257)}}, ["input has more than 256 fields"]),
        (LEAST | {"webhook_url": 7}, ["webhook_url must be a string"]),
        (LEAST | {"webhook_url": "https://x.test/", "webhook_secret": []}, ["webhook_secret must be a string"]),
    ],
)
def test_every_mistake_of_the_envelope_is_told(body, said):
    assert [message for _, message in refused(body)] == said


def test_a_webhook_is_told_of_success_and_failure_and_gets_the_secret():
    events = frozenset({"succeeded", "failed"})
    assert wanted(webhook_url="https://x.test/h").webhook == Hook(url="https://x.test/h", events=events)
    found = wanted(webhook_url="HTTP://x.test/h?a=b", webhook_secret="geheim, ja").webhook
    assert found == Hook(url="HTTP://x.test/h?a=b", secret="geheim, ja", events=events)


def test_the_echo_has_no_picture_and_is_small():
    picture = "data:image/png;base64," + "A" * 90_000
    long = "word " * 60_000
    given_input = {
        "prompt": "a fox",
        "image": picture,
        "bare": "A" * 5000,
        "list": [picture, 1, True, None, {"image": picture}],
        "long": long,
        "longer": [long] * 50,
    }
    echo = wanted(input=given_input).echo["input"]
    assert echo["prompt"] == "a fox"
    assert echo["image"] == "data:image/png;base64," + CUT
    assert echo["bare"] == "A" * 32 + CUT
    assert echo["list"] == ["data:image/png;base64," + CUT, 1, True, None, {"image": "data:image/png;base64," + CUT}]
    assert echo["long"] == long[:50_000] + CUT
    assert echo["longer"][-1] == CUT
    assert len(json.dumps(echo)) < MOST + 2000


def test_names_count_as_well_in_the_echo():
    """No name is a way to have many megabytes kept with a job."""
    names = {f"{number:04}" + "x" * 1996: 1 for number in range(200)}
    echo = wanted(input={"prompt": "a fox", **names, "more": [names] * 100}).echo["input"]
    assert echo["prompt"] == "a fox"
    assert len(json.dumps(echo)) < 2 * MOST


@given(st.dictionaries(NAMES, JSON) | st.dictionaries(st.text(max_size=10), JSON, max_size=5))
def test_any_body_is_a_wanted_or_an_error_that_can_be_told(body):
    for parse in (translate.to_prediction, translate.to_run, translate.to_upload):
        try:
            found = parse(Call("POST", body=body))
        except InvalidInput as error:
            assert all(problem.message for problem in error.problems)
        else:
            assert isinstance(found, Wanted | list)
            if isinstance(found, Wanted):
                json.dumps(found.echo)


def test_executions_are_narrowed_by_every_filter():
    found = translate.to_listing(
        query(
            limit="7",
            offset="3",
            model="flux-2",
            status="success, error,starting",
            error_classification="provider_error,execution_timeout",
            **{"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T01:00:00.000001+01:00"},
        )
    )
    assert (found.limit, found.offset, found.model) == (7, 3, "flux-2")
    assert found.states == {"succeeded", "failed", "queued"}
    assert found.failures == {
        "engine_failed",
        "expired",
        "upstream_failed",
        "upstream_timed_out",
        "upstream_unavailable",
        "upstream_unknown",
    }
    assert (found.since, found.until) == (1_767_225_600_000_000, 1_767_225_600_000_001)


def test_executions_have_defaults():
    found = translate.to_listing(query())
    assert (found.limit, found.offset, found.model, found.since, found.until) == (20, 0, None, None, None)
    assert (found.states, found.failures) == (frozenset(), frozenset())


def test_a_kind_of_failure_that_never_happens_here_finds_nothing():
    assert translate.to_listing(query(error_classification="provider_auth")).failures == {"never"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "ten"),
        ("limit", "٣"),
        ("offset", "-1"),
        ("offset", "10001"),
        ("status", "success,done"),
        ("error_classification", "provider_error,nonsense"),
        ("from", "yesterday"),
        ("to", "9999-12-31T23:59:59-23:59x"),
    ],
)
def test_a_wrong_filter_is_named(name, value):
    with pytest.raises(InvalidInput, match=f"^invalid {name} parameter$"):
        translate.to_listing(query(**{name: value}))


@given(st.dictionaries(st.sampled_from(["limit", "offset", "status", "from", "to", "error_classification"]), st.text()))
def test_any_query_is_a_listing_or_an_error(values):
    try:
        translate.to_listing(query(**values))
    except InvalidInput as error:
        assert error.message.startswith("invalid ")


@pytest.mark.parametrize(
    ("kind", "extension"), [("image/png", "png"), (" IMAGE/JPEG ", "jpeg"), ("image/svg+xml", "svg")]
)
def test_an_upload_says_what_it_is(kind, extension):
    assert translate.to_upload(Call("POST", body={"content_type": kind, "file_type": "image"})) == [extension]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "content_type is required"),
        ({"content_type": 7}, "content_type is required"),
        ({"content_type": "video/mp4"}, "only pictures are kept here: content_type must be image/…"),
        (
            {"content_type": "image/png", "file_type": "video"},
            "only pictures are kept here: content_type must be image/…",
        ),
        ({"content_type": "image/png", "file_type": "x"}, "file_type must be one of image, video, audio, other"),
        (
            {"content_type": "image/png", "expires_in_seconds": "soon"},
            "expires_in_seconds must be a whole number",
        ),
        (
            {"content_type": "image/png", "expires_in_seconds": float("inf")},
            "expires_in_seconds must be a whole number",
        ),
        ({"content_type": "image/png", "expires_in_seconds": True}, "expires_in_seconds must be a whole number"),
    ],
)
def test_a_wrong_upload_is_refused(body, said):
    assert [message for _, message in refused(body, translate.to_upload)] == [said]


@pytest.mark.parametrize(
    ("asked", "seconds"), [(None, 15_552_000), (1, 60), (3600, 3600), (3600.0, 3600), (10**12, 31_536_000)]
)
def test_an_uploads_time_is_clamped(asked, seconds):
    assert translate.kept_seconds(Call("POST", body={"expires_in_seconds": asked})) == seconds
