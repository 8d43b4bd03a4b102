"""OpenAI's requests become ours, or mistakes that name the field; nothing else ever."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gesso.dialects.call import Call, Form, Part
from gesso.dialects.openai.file_ids import of_file, to_file_id
from gesso.dialects.openai.routes import secret
from gesso.dialects.openai.translate import to_wanted
from gesso.dialects.openai.wire import EDIT, GENERATION, VARIATION, Endpoint
from gesso.dialects.wanted import Wanted
from gesso.domain.errors import InvalidInput, NotFound
from gesso.domain.ids import new_id

ENDPOINTS = [GENERATION, EDIT, VARIATION]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["prompt", "model", "n", "size", "stream", "partial_images", "response_format", "user", "safety_identifier",
     "background", "output_format", "image", "images", "mask", "quality", "input_fidelity", "seed"]
)  # fmt: skip


def wanted(body: Any, endpoint: Endpoint = GENERATION) -> Wanted:
    return to_wanted(Call("POST", body=body), endpoint)


def problem(body: Any, endpoint: Endpoint = GENERATION) -> tuple[str, str]:
    with pytest.raises(InvalidInput) as caught:
        wanted(body, endpoint)
    (only,) = caught.value.problems
    return only.field, only.code


@given(st.dictionaries(FIELDS, JSON), st.sampled_from(ENDPOINTS))
def test_any_json_is_a_request_or_a_mistake(body: dict[str, Any], endpoint: Endpoint) -> None:
    try:
        found = wanted(body, endpoint)
    except InvalidInput as error:
        assert all(one.field and one.message for one in error.problems)
        return
    assert found.form == endpoint.form
    assert None not in found.input.values()
    assert not {"stream", "partial_images", "response_format", "user", "safety_identifier"} & set(found.input)


@given(st.lists(st.tuples(FIELDS | st.just("image[]"), st.text(max_size=20))))
def test_any_form_is_a_request_or_a_mistake(fields: list[tuple[str, str]]) -> None:
    try:
        found = wanted(Form(tuple(fields)), EDIT)
    except InvalidInput:
        return
    images = [value for name, value in fields if name in ("image", "images", "image[]")]
    assert found.input.get("image") == (None if not images else images[0] if len(images) == 1 else images)


def test_left_out_the_model_is_the_form_and_openais_names_go_along() -> None:
    assert wanted({"prompt": "a"}).model == "openai-images"
    named = wanted({"prompt": "a", "model": "gpt-image-1"})
    assert (named.model, named.input["model"]) == ("gpt-image-1", "gpt-image-1")
    other = wanted({"prompt": "a", "model": "gesso-sketch"})
    assert (other.model, "model" in other.input) == ("gesso-sketch", False)
    assert (other.unknown, other.wait) == ("ignore", 590.0)


def test_a_variation_is_dall_e_2s() -> None:
    assert wanted({"model": "dall-e-2"}, VARIATION).model == "openai-images-variation"
    assert problem({"model": "gpt-image-1"}, VARIATION) == ("model", "wrong_operation")
    assert wanted({"model": "gesso-sketch"}, VARIATION).model == "gesso-sketch"


@pytest.mark.parametrize(("value", "streams"), [(True, True), ("true", True), (False, False), ("False", False)])
def test_stream_may_be_text(value: Any, streams: bool) -> None:
    found = wanted({"prompt": "a", "stream": value, "partial_images": "2"})
    assert (found.stream is not None) == streams
    if found.stream is not None:
        assert found.stream.previews == 2


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"model": 5}, "model", "wrong_type"),
        ({"stream": "often"}, "stream", "wrong_type"),
        ({"partial_images": 4}, "partial_images", "out_of_range"),
        ({"partial_images": 1.5}, "partial_images", "wrong_type"),
        ({"response_format": "gif"}, "response_format", "not_a_choice"),
        ({"user": ["me"]}, "user", "wrong_type"),
        ({"safety_identifier": "s" * 600}, "safety_identifier", "too_long"),
        ({"background": "transparent", "output_format": "jpeg"}, "background", "invalid_value"),
    ],
)
def test_mistakes_of_its_own_fields(body: dict[str, Any], field: str, code: str) -> None:
    assert problem(body) == (field, code)


def test_what_is_said_again_is_small_and_holds_no_picture() -> None:
    data = "data:image/png;base64," + base64.b64encode(b"p" * 5000).decode()
    found = wanted({"images": [{"image_url": data}], "quality": "high", "user": "u", "safety_identifier": "s"}, EDIT)
    assert found.echo == {"quality": "high", "safety_identifier": "s"}


def test_pictures_of_the_json_form() -> None:
    file = new_id()
    images = [{"image_url": "https://a.test/a.png"}, {"image_url": {"url": "data:x"}}, {"file_id": of_file(file)}]
    found = wanted({"images": images, "mask": {"file_id": of_file(file)}}, EDIT)
    assert found.input["image"] == ["https://a.test/a.png", "data:x", f"gesso://files/{file}"]
    assert found.input["mask"] == f"gesso://files/{file}"
    assert found.fields == {"image": "images"}
    assert wanted({"image": "https://a.test/a.png"}, EDIT).input["image"] == "https://a.test/a.png"


@pytest.mark.parametrize("item", [{}, 5, "", {"image_url": 5}, {"image_url": "a", "file_id": "b"}, {"file_id": 5}])
def test_what_is_no_picture_is_named_by_its_place(item: Any) -> None:
    assert problem({"images": ["https://a.test/a.png", item]}, EDIT) == ("images[1]", "wrong_type")


def test_a_file_that_never_was_is_named_by_its_place() -> None:
    assert problem({"mask": {"file_id": "file-1"}}, EDIT) == ("mask", "file_not_found")


def test_parts_of_a_form() -> None:
    parts = [Part(name, f"{name}.png", "image/png", name.encode()) for name in ("image[]", "image[]", "mask")]
    found = wanted(Form((("prompt", "a"), *((part.name, part) for part in parts), ("n", "2"))), EDIT)
    assert found.input == {"prompt": "a", "n": "2", "image": [b"image[]", b"image[]"], "mask": b"mask"}
    single = wanted(Form((("image", Part("image", "", "", b"one")),)), EDIT)
    assert single.input == {"image": b"one"}


def test_file_ids_there_and_back() -> None:
    file = new_id()
    assert to_file_id(of_file(file)) == file
    for junk in ("", "file-", "file-" + "g" * 32, file, "file-" + file, "x" * 37):
        with pytest.raises(NotFound):
            to_file_id(junk)


def test_a_key_may_be_the_password_of_an_address() -> None:
    basic = base64.b64encode(b"any:gesso_test_x").decode()
    assert secret({"authorization": f"Basic {basic}"}) == "gesso_test_x"
    assert secret({"authorization": "Bearer gesso_test_y"}) == "gesso_test_y"
    for none in ({}, {"authorization": "Basic ?"}, {"authorization": "Basic YTo="}, {"authorization": "Basic /w=="}):
        assert secret(none) is None
