"""Friendli's words and ours, without a server."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gesso.dialects.call import Call
from gesso.dialects.friendli.raw import raw_pixels
from gesso.dialects.friendli.routes import error
from gesso.dialects.friendli.translate import to_wanted
from gesso.dialects.friendli.wire import CONTAINER, DEDICATED
from gesso.domain.errors import (
    GessoError,
    InsufficientCredits,
    InvalidInput,
    NotFound,
    TooManyRequests,
    Unauthenticated,
)

PICTURE = {"image": "https://a.test/a.png"}
EDIT = {"image": PICTURE, "prompt": "a hat", "model": "dep1:night"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
NAMES = (
    "image",
    "prompt",
    "model",
    "num_inference_steps",
    "guidance_scale",
    "seed",
    "response_format",
    "control_images",
)
BODIES = st.dictionaries(st.sampled_from((*NAMES, "controlnet_weights", "other")), JSON)


def wanted(body, product=DEDICATED, operation="edit"):
    return to_wanted(Call("POST", body=body), product, operation)


def test_an_edit_in_our_words() -> None:
    made = wanted({**EDIT, "seed": None, "guidance_scale": 3.5, "num_inference_steps": 20})
    assert made.model == "dep1:night"
    assert made.input == {
        "prompt": "a hat",
        "guidance_scale": 3.5,
        "num_inference_steps": 20,
        "image": ["https://a.test/a.png"],
        "response_format": "url",
    }
    assert (made.form, made.operation, made.repeat) == ("friendli-edit", "edit", "unsaid")
    assert made.echo == {"product": "dedicated", "response_format": "url"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"model": None}, "model"),
        ({"model": 3}, "model"),
        ({"image": {"picture": "x"}}, "image"),
        ({"image": [PICTURE, 3]}, "image[1]"),
        ({"response_format": "webp"}, "response_format"),
    ],
)
def test_mistakes_of_form_name_their_field(changes, field) -> None:
    with pytest.raises(InvalidInput) as caught:
        wanted(EDIT | changes)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_a_container_needs_no_model_and_gives_jpeg() -> None:
    made = wanted({"image": PICTURE, "prompt": "p"}, CONTAINER)
    assert (made.model, made.input["response_format"]) == ("friendli-edit", "jpeg")
    with pytest.raises(InvalidInput):
        wanted({"image": PICTURE, "prompt": "p", "response_format": "url"}, CONTAINER)


@pytest.mark.parametrize("weights", [[0.5], [0.5, 2], "x", [True, False]])
def test_weights_go_with_their_pictures(weights) -> None:
    body = {"prompt": "p", "model": "m", "control_images": [PICTURE, PICTURE]}
    assert wanted(body | {"controlnet_weights": [0.5, 1]}, operation="generate").input["controlnet_weights"] == [0.5, 1]
    with pytest.raises(InvalidInput, match="controlnet_weights"):
        wanted(body | {"controlnet_weights": weights}, operation="generate")


@given(body=BODIES, product=st.sampled_from((DEDICATED, CONTAINER)), operation=st.sampled_from(("edit", "generate")))
def test_any_object_is_understood_or_refused(body, product, operation) -> None:
    try:
        made = wanted(body, product, operation)
    except InvalidInput as refused:
        assert all(problem.field and problem.message for problem in refused.problems)
    else:
        assert isinstance(made.model, str)


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (Unauthenticated(), 401),
        (InsufficientCredits(10, 5), 402),
        (NotFound(), 404),
        (TooManyRequests(), 429),
    ],
)
def test_errors_keep_their_status(raised: GessoError, status: int) -> None:
    answer = error(raised, status, Call("POST"))
    assert (answer.status, answer.body) == (status, {"detail": raised.message})


def test_a_place_in_a_list_is_told_as_fastapi_tells_it() -> None:
    answer = error(InvalidInput.of("image[1]", "unreadable_image", "no picture"), 422, Call("POST"))
    assert answer.body["detail"][0]["loc"] == ["body", "image", 1]


def test_raw_is_rows_of_red_green_blue() -> None:
    picture = Image.new("RGB", (2, 1), (1, 2, 3))
    picture.putpixel((1, 0), (4, 5, 6))
    data = io.BytesIO()
    picture.save(data, "PNG")
    assert raw_pixels(data.getvalue()) == bytes([1, 2, 3, 4, 5, 6])
