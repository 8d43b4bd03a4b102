"""Claid's requests become ours: every field, every refusal, and no body at all makes anything else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gesso.dialects.call import Call, Form, Part
from gesso.dialects.claid import classic, translate
from gesso.dialects.wanted import Wanted
from gesso.domain.errors import GessoError, InvalidInput, MalformedBody, NotFound

LINK = "https://example.org/in.png"
OPTIONS = {"prompt": "add a duck"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
WORDS = st.sampled_from(
    ["input", "output", "options", "operations", "prompt", "model", "destination", "format", "type", "quality", "resizing",
     "width", "height", "fit", "crop", "background", "remove", "color", "restorations", "metadata", "compression"]
)  # fmt: skip
LIKELY = st.recursive(
    JSON | st.sampled_from([LINK, "v1", "auto", "50%", "canvas", "#fff", "jpeg", 100]),
    lambda inner: st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=20,
)


def asked(parse, body: Any) -> Wanted:
    return parse(Call("POST", body=body))


def paths(parse, body: Any) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        asked(parse, body)
    return [problem.field for problem in caught.value.problems]


def form(data: Any, picture: bytes = b"\x89PNG") -> Form:
    return Form((("file", Part("file", "in.png", "image/png", picture)), ("data", data)))


def test_an_edit_with_everything() -> None:
    body = {
        "input": LINK,
        "output": {"number_of_images": 2, "format": "jpeg"},
        "options": {
            "prompt": "add a duck", "model": "v1", "inference_steps": 50, "guidance_scale": 4.0, "aspect_ratio": "1:1",
        },
    }  # fmt: skip
    wanted = asked(translate.ai_edit, body)
    assert (wanted.model, wanted.form, wanted.operation) == ("v1", "claid-edit-v1", "edit")
    assert wanted.input == {
        "image": LINK, "prompt": "add a duck", "inference_steps": 50, "guidance_scale": 4.0, "aspect_ratio": "1:1",
        "number_of_images": 2, "format": "jpeg",
    }  # fmt: skip
    assert wanted.echo["request"] == body
    assert wanted.wait is None


def test_the_least_edit_is_v2s_and_leaves_all_else_to_the_model() -> None:
    wanted = asked(translate.ai_edit, {"input": LINK, "options": OPTIONS})
    assert (wanted.model, wanted.form) == ("v2", "claid-edit-v2")
    assert wanted.input == {"image": LINK, "prompt": "add a duck"}


def test_another_model_is_asked_in_the_form_of_v2() -> None:
    wanted = asked(translate.ai_edit, {"input": LINK, "options": {**OPTIONS, "model": "fashn-edit"}})
    assert (wanted.model, wanted.form) == ("fashn-edit", "claid-edit-v2")


def test_an_input_may_be_as_long_as_the_schema_says() -> None:
    link = LINK + "x" * (4096 - len(LINK))
    assert asked(translate.ai_edit, {"input": link, "options": OPTIONS}).input["image"] == link
    assert paths(translate.ai_edit, {"input": link + "x", "options": OPTIONS}) == ["input"]


def test_all_unknown_keys_are_told_with_their_paths() -> None:
    body = {"input": LINK, "a": 1, "output": {"b": 1}, "options": {**OPTIONS, "c": 1}}
    assert sorted(paths(translate.ai_edit, body)) == ["a", "options.c", "output.b"]


def test_generating_leaves_the_number_of_pictures_to_the_model() -> None:
    wanted = asked(translate.generate, {"input": "a duck"})
    assert (wanted.model, wanted.operation) == ("claid-generate", "generate")
    assert wanted.input == {"prompt": "a duck"}
    one = asked(translate.generate, {"input": "a duck", "options": {"number_of_images": 1, "model": "flux-dev"}})
    assert (one.model, one.form, one.input["number_of_images"]) == ("flux-dev", "claid-generate", 1)


@pytest.mark.parametrize("text", ["x", "1.0", "", "1e3", "٣", "9" * 41])
def test_an_id_has_to_be_an_integer(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        translate.job_number(Call("GET", path={"id": text}))
    assert caught.value.problems[0].code == translate.BAD_ID


@pytest.mark.parametrize("text", ["0", "-1", str(1 << 53), "9" * 30])
def test_an_integer_no_job_has_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        translate.job_number(Call("GET", path={"id": text}))


@pytest.mark.parametrize(
    ("resizing", "asked_for"),
    [
        ({"width": 60, "height": 40}, {"width": 60, "height": 40, "fit": "crop"}),
        ({"width": "60", "fit": "cover"}, {"width": 60, "fit": "cover"}),
        ({"width": 60.0, "height": "auto"}, {"width": 60, "fit": "bounds"}),
        ({"width": "auto", "height": "12.5%", "fit": "canvas"}, {"height_percent": 12.5, "fit": "canvas"}),
        ({"fit": "bounds"}, {}),
        ({}, {}),
    ],
)
def test_sides_and_fit(resizing: dict[str, Any], asked_for: dict[str, Any]) -> None:
    wanted = asked(classic.edit, {"input": LINK, "operations": {"resizing": resizing}})
    assert wanted.input == {"image": LINK, **asked_for}


@pytest.mark.parametrize(
    ("value", "asked_for"),
    [
        ("webp", {"format": "webp"}),
        ({"type": "jpeg", "quality": 85, "progressive": True}, {"format": "jpeg", "quality": 85, "progressive": True}),
        ({"type": "png", "compression": "best"}, {"format": "png", "compression": "best"}),
        ({"type": "webp", "compression": {"type": "lossy", "quality": 90}}, {"format": "webp", "quality": 90}),
    ],
)
def test_formats(value: Any, asked_for: dict[str, Any]) -> None:
    wanted = asked(classic.edit_async, {"input": LINK, "output": {"format": value}})
    assert wanted.input == {"image": LINK, **asked_for}
    assert wanted.wait is None


def test_an_upload_is_edited_in_its_own_format() -> None:
    kinds = {b"\xff\xd8\xff\xe0": "jpeg", b"\x89PNG\r\n": "png", b"RIFF....WEBP": "webp", b"BM....": "png"}
    for picture, kind in kinds.items():
        wanted = asked(classic.upload, form('{"operations": {}}', picture))
        assert wanted.input == {"image": picture, "format": kind}
        assert "request" not in wanted.echo


def test_data_may_be_a_file_and_may_be_left_out() -> None:
    as_file = form(Part("data", "data.json", "application/json", b'{"operations": {"resizing": {"width": 9}}}'))
    assert asked(classic.upload, as_file).input["width"] == 9
    assert asked(classic.upload, Form(form("").fields[:1])).input["format"] == "png"


@pytest.mark.parametrize("data", ["{", "[" * 500, "1e999", "NaN", '"\\ud800"', '{"a": ' * 900 + "1" + "}" * 900])
def test_data_that_is_no_json_is_malformed(data: str) -> None:
    with pytest.raises(GessoError) as caught:
        asked(classic.upload, form(data))
    assert isinstance(caught.value, MalformedBody | InvalidInput)


@pytest.mark.parametrize(
    ("operations", "path"),
    [
        ({"adjustments": {f"level_{i}": 0 for i in range(60)} | {"hdr": 20}}, "operations.adjustments.level_0"),
        ({"adjustments": {"hdr": {"intensity": 5}}}, "operations.adjustments.hdr"),
        ({"restorations": {"polish": {"much": True}}}, "operations.restorations.polish"),
        ({"background": {"remove": {}}}, "operations.background.remove"),
        (
            {"resizing": {"width": 9, "fit": {"crop": "center", "feathering": "1%"}}},
            "operations.resizing.fit.feathering",
        ),
    ],
)
def test_nothing_that_is_switched_on_is_passed_over(operations: dict[str, Any], path: str) -> None:
    assert paths(classic.edit, {"input": LINK, "operations": operations})[0] == path


def test_what_is_switched_off_is_taken() -> None:
    off = {
        "adjustments": {"hdr": {"intensity": 0, "stitching": True}, "contrast": 0},
        "restorations": {"upscale": None, "polish": False},
        "background": {"remove": False, "blur": None},
        "privacy": {"blur_car_plate": False},
        "padding": None,
    }
    assert asked(classic.edit, {"input": LINK, "operations": off}).input == {"image": LINK}


def test_what_is_kept_to_be_said_again_is_short() -> None:
    """Also what the model asked for has no place for, and so never looks at."""
    for value in ({"much": "x" * 9999}, ["x"] * 999, "x" * 999):
        body = {"input": LINK, "options": {**OPTIONS, "guidance_scale": value}, "output": {"format": value}}
        assert sorted(paths(translate.ai_edit, body)) == ["options.guidance_scale", "output.format"]


@pytest.mark.parametrize("parse", [translate.ai_edit, translate.generate, classic.edit, classic.edit_async])
@settings(max_examples=50)
@given(body=st.dictionaries(WORDS | st.text(max_size=8), LIKELY, max_size=6))
def test_any_object_is_understood_or_refused(parse, body: dict[str, Any]) -> None:
    try:
        wanted = asked(parse, body)
    except InvalidInput as error:
        assert all(problem.field and problem.message for problem in error.problems)
        return
    assert isinstance(wanted, Wanted)
    assert len(json.dumps(dict(wanted.echo))) < 2 * classic.MOST_DATA


@settings(max_examples=50)
@given(st.text(max_size=40) | LIKELY.map(json.dumps))
def test_any_data_is_understood_or_refused(data: str) -> None:
    try:
        wanted = asked(classic.upload, form(data))
    except (InvalidInput, MalformedBody):
        return
    assert wanted.model == classic.MODEL
