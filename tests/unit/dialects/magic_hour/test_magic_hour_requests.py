"""Magic Hour's requests in our words, without a server."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gesso.dialects.call import Call
from gesso.dialects.magic_hour.translate import edit, generate, uploads
from gesso.domain.errors import InvalidInput

FILE = "0199f2a4-7b1c-7c3e-9a55-3f0e5d2c1b0b"
LINK = "https://example.org/a.png"
EDIT: dict[str, Any] = {"assets": {"image_file_paths": [LINK]}, "style": {"prompt": "a hat"}}
DRAW: dict[str, Any] = {"style": {"prompt": "a duck"}, "image_count": 1}


def call(body: Any) -> Call:
    return Call("POST", body=body)


def problems(action: Any, body: Any) -> set[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        action(call(body))
    return {(problem.field, problem.code) for problem in caught.value.problems}


def test_an_edit_in_our_words() -> None:
    body = {**EDIT, "model": "qwen-edit", "image_count": 1.0, "aspect_ratio": "1:1", "resolution": "1k", "name": "Hats"}
    wanted = edit(call(body))
    assert wanted.input == {
        "images": [LINK],
        "prompt": "a hat",
        "image_count": 1.0,
        "aspect_ratio": "1:1",
        "resolution": "1k",
    }
    assert (wanted.model, wanted.form, wanted.operation) == ("qwen-edit", "magic-hour-default", "edit")
    assert (wanted.echo, wanted.wait) == ({"name": "Hats"}, None)


def test_what_is_left_out_null_or_auto_is_not_said() -> None:
    body = {**EDIT, "image_count": None, "aspect_ratio": "auto", "resolution": "auto", "name": None, "model": None}
    wanted = edit(call(body))
    assert wanted == edit(call(EDIT))
    assert (wanted.model, wanted.input) == ("default", {"images": [LINK], "prompt": "a hat"})


@pytest.mark.parametrize(
    ("assets", "images", "field"),
    [
        ({"image_file_paths": [f"api-assets/u1/{FILE}.png"]}, [f"gesso://files/{FILE}"], "image_file_paths"),
        ({"image_file_paths": [f"api-assets/{FILE}"]}, [f"gesso://files/{FILE}"], "image_file_paths"),
        ({"image_file_path": LINK}, [LINK], "image_file_path"),
        ({"image_file_path": LINK, "image_file_paths": None}, [LINK], "image_file_path"),
        ({"image_file_path": LINK, "image_file_paths": [LINK, LINK]}, [LINK, LINK], "image_file_paths"),
        ({"image_file_paths": ["data:image/png;base64,AAAA"]}, ["data:image/png;base64,AAAA"], "image_file_paths"),
    ],
)
def test_pictures_by_path_and_by_link(assets: dict, images: list[str], field: str) -> None:
    wanted = edit(call({**EDIT, "assets": assets}))
    assert wanted.input["images"] == images
    assert wanted.fields["images"] == f"assets.{field}"


@pytest.mark.parametrize(
    ("body", "model", "field"),
    [
        ({"style": {"prompt": "a hat", "model": "Nano Banana"}}, "nano-banana", "style.model"),
        ({"style": {"prompt": "a hat", "model": "Seedream"}}, "seedream-v4", "style.model"),
        ({"style": {"prompt": "a hat", "model": "default"}}, "default", "style.model"),
        ({"style": {"prompt": "a hat", "model": "Seedream"}, "model": "qwen-edit"}, "qwen-edit", "model"),
    ],
)
def test_a_deprecated_model_counts_where_no_other_is_named(body: dict, model: str, field: str) -> None:
    wanted = edit(call({**EDIT, **body}))
    assert (wanted.model, wanted.fields["model"]) == (model, field)


def test_unknown_fields_are_kept_to_be_told_of_and_never_stand_for_known_ones() -> None:
    body = {
        "assets": {"image_file_paths": [LINK], "video": 1},
        "style": {"prompt": "a hat", "tool": "x"},
        "seed": 7,
        "prompt": "b",
    }
    wanted = edit(call(body))
    assert wanted.unknown == "ignore"
    assert wanted.input == {
        "images": [LINK],
        "prompt": "a hat",
        "assets.video": 1,
        "style.tool": "x",
        "seed": 7,
        "body.prompt": "b",
    }


def test_every_mistake_of_an_edit_is_told_at_once() -> None:
    assert problems(edit, {}) == {("assets", "required"), ("style", "required")}
    assert problems(edit, {"assets": {}, "style": {}}) == {
        ("assets.image_file_paths", "required"),
        ("style.prompt", "required"),
    }
    body = {
        "assets": {"image_file_paths": ["photo.png", 7, "api-assets/u1/ab12.png", "ftp://a/b"]},
        "style": {"prompt": "x" * 15_001, "model": "nano"},
        "model": 5,
        "name": "n" * 1_001,
    }
    assert problems(edit, body) == {
        ("assets.image_file_paths[0]", "no_such_path"),
        ("assets.image_file_paths[1]", "wrong_type"),
        ("assets.image_file_paths[2]", "file_not_found"),
        ("assets.image_file_paths[3]", "no_such_path"),
        ("style.prompt", "too_long"),
        ("style.model", "not_a_choice"),
        ("model", "wrong_type"),
        ("name", "too_long"),
    }
    eleven = {**EDIT, "assets": {"image_file_paths": [LINK] * 11}}
    assert problems(edit, eleven) == {("assets.image_file_paths", "too_many")}
    assert problems(edit, {**EDIT, "assets": [], "style": "a hat"}) == {
        ("assets", "wrong_type"),
        ("assets.image_file_paths", "required"),
        ("style", "wrong_type"),
        ("style.prompt", "required"),
    }


@pytest.mark.parametrize(
    ("more", "model", "ratio"),
    [
        ({}, "default", None),
        ({"orientation": "landscape"}, "default", "16:9"),
        ({"orientation": "portrait", "aspect_ratio": "1:1"}, "default", "1:1"),
        ({"style": {"prompt": "a duck", "quality_mode": "standard"}}, "z-image-turbo", None),
        ({"style": {"prompt": "a duck", "quality_mode": "pro"}}, "seedream-v4", None),
        ({"style": {"prompt": "a duck", "quality_mode": "pro"}, "model": "krea-2"}, "krea-2", None),
    ],
)
def test_the_generators_deprecated_fields(more: dict, model: str, ratio: str | None) -> None:
    wanted = generate(call({**DRAW, **more}))
    assert (wanted.model, wanted.input.get("aspect_ratio")) == (model, ratio)
    assert (wanted.form, wanted.operation) == ("magic-hour-generator-default", "generate")


def test_every_mistake_of_the_generators_is_told_at_once() -> None:
    assert problems(generate, {}) == {("style", "required"), ("image_count", "required")}
    body = {"style": {"quality_mode": "best"}, "orientation": 1, "image_count": 1}
    assert problems(generate, body) == {
        ("style.prompt", "required"),
        ("style.quality_mode", "not_a_choice"),
        ("orientation", "not_a_choice"),
    }


def test_uploads_are_pictures_with_an_ending() -> None:
    items = [{"type": "image", "extension": "png"}, {"type": "image", "extension": "heic"}]
    assert uploads(call({"items": items})) == ["png", "heic"]
    assert problems(uploads, {}) == problems(uploads, {"items": []}) == {("items", "required")}
    assert problems(uploads, {"items": [{"type": "image", "extension": "png"}] * 101}) == {("items", "too_many")}
    wrong = [
        5,
        {"extension": "png"},
        {"type": "video", "extension": "mp4"},
        {"type": "image", "extension": "a/b"},
        {"type": "gif", "extension": "exe"},
        {"type": "image", "extension": "exe"},
    ]
    assert problems(uploads, {"items": wrong}) == {
        ("items[0]", "wrong_type"),
        ("items[1].type", "required"),
        ("items[2].type", "unsupported_asset"),
        ("items[3].extension", "required"),
        ("items[4].type", "not_a_choice"),
        ("items[5].extension", "unsupported_asset"),
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
ASSETS = st.dictionaries(st.sampled_from(["image_file_paths", "image_file_path", "x"]), JSON)
STYLE = st.dictionaries(st.sampled_from(["prompt", "model", "tool", "quality_mode", "x"]), JSON)
TOP = ("model", "image_count", "aspect_ratio", "resolution", "name", "orientation", "items", "images", "prompt")


@given(st.dictionaries(st.sampled_from(TOP), JSON), ASSETS | JSON, STYLE | JSON)
def test_any_body_is_understood_or_refused_by_field(body: dict, assets: Any, style: Any) -> None:
    for action in (edit, generate, uploads):
        try:
            made = action(call({**body, "assets": assets, "style": style}))
        except InvalidInput as error:
            assert all(problem.message.startswith(problem.field) for problem in error.problems)
        else:
            assert made if action is uploads else made.model
