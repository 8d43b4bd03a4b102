"""From a model's own words to the native request."""

from __future__ import annotations

from typing import Any

import pytest
from asking import CATALOGUE, MODELS, PICTURE, asked, inputs
from hypothesis import given
from hypothesis import strategies as st

from gesso.catalogue.canonical import to_request
from gesso.catalogue.check import check
from gesso.domain.errors import InvalidInput
from gesso.domain.picture import PictureReference
from gesso.domain.request import SEED_LIMIT, Request

OTHER = PictureReference(blob="0190a0a0-0000-7000-8000-000000000000")


def test_an_editing_model_without_an_image_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="image is missing"):
        asked("fashn-edit", {"prompt": "a hat"})


def test_a_mask_without_an_image_is_refused() -> None:
    with pytest.raises(InvalidInput, match="mask needs image") as caught:
        asked("gesso-sketch", {"prompt": "a hat", "mask": PICTURE})
    assert caught.value.problems[0].code == "mask_without_image"


def test_an_image_makes_an_edit() -> None:
    _, _, request = asked("gesso-sketch", {"prompt": "a hat", "image": PICTURE, "mask": OTHER, "strength": 0.4})
    assert (request.operation, request.image, request.mask, request.strength) == ("edit", PICTURE, OTHER, 0.4)
    _, _, request = asked("gesso-sketch", {"prompt": "a hat"})
    assert (request.operation, request.image, request.strength) == ("generate", None, None)


def test_a_picture_as_text_is_a_link() -> None:
    _, _, request = asked("gesso-sketch", {"prompt": "a hat", "image": "https://a.b/c.png"})
    assert request.image == PictureReference(url="https://a.b/c.png")


def test_the_same_thing_under_many_names() -> None:
    for slug, field in [
        ("gesso-sketch", "num_images"),
        ("flux-schnell", "num_outputs"),
        ("named-sizes", "image_number"),
    ]:
        assert asked(slug, {"prompt": "a ball", field: 3})[2].count == 3
    assert asked("flux-schnell", {"prompt": "a ball", "num_inference_steps": 2})[2].steps == 2
    assert asked("claid-edit-v1", {"prompt": "a ball", "input": PICTURE, "inference_steps": 9})[2].steps == 9


@pytest.mark.parametrize(("slug", "word", "meant"), [("flux-schnell", "jpg", "jpeg"), ("gesso-sketch", "jpeg", "jpeg")])
def test_jpg_is_jpeg(slug: str, word: str, meant: str) -> None:
    assert asked(slug, {"prompt": "a ball", "output_format": word})[2].output_format == meant


@pytest.mark.parametrize(("asked_for", "used"), [(0, 1), (1, 1), (100, 100)])
def test_a_quality_of_nothing_is_the_encoders_least(asked_for: int, used: int) -> None:
    assert asked("flux-schnell", {"prompt": "a ball", "output_quality": asked_for})[2].output_quality == used


@pytest.mark.parametrize(
    ("slug", "raw", "seed", "drawn"),
    [
        ("gesso-sketch", {}, 7, True),
        ("gesso-sketch", {"seed": -1}, 7, True),
        ("gesso-sketch", {"seed": 0}, 0, False),
        ("gesso-sketch", {"seed": 4294967295}, 4294967295, False),
        ("named-sizes", {}, 7, True),
        ("far-presets", {"seed": "12"}, 12, False),
        ("far-presets", {}, 7, True),
        ("many-knobs", {"seed": 2**40 + 5}, 5, False),
        ("many-knobs", {"seed": -5}, 2**32 - 5, False),
        ("fashn-edit", {"image": PICTURE}, 42, False),
        ("claid-edit-v1", {"image": PICTURE}, 7, True),
    ],
)
def test_seeds(slug: str, raw: dict[str, Any], seed: int, drawn: bool) -> None:
    _, _, request = asked(slug, {"prompt": "a ball"} | raw)
    assert (request.seed, request.seed_drawn) == (seed, drawn)


def test_references_keep_the_models_order() -> None:
    raw = {"prompt": "a ball", "style_image": OTHER, "image_prompt_urls": [PICTURE, OTHER]}
    assert asked("many-knobs", raw)[2].references == (PICTURE, OTHER, OTHER)
    raw = {"prompt": "a ball", "image_file_paths": [PICTURE, OTHER]}
    request = asked("long-sides", raw)[2]
    assert (request.image, request.references) == (PICTURE, (OTHER,))


def test_the_polarity_of_masks_is_the_models() -> None:
    assert asked("named-sizes", {"image": PICTURE, "mask": OTHER})[2].mask_polarity == "black"
    assert asked("fashn-edit", {"prompt": "a hat", "image": PICTURE})[2].mask_polarity == "white"


def test_values_keep_the_models_own_words_without_pictures() -> None:
    _, checked, request = asked("fashn-edit", {"prompt": "a hat", "image": PICTURE, "image_context": OTHER})
    assert request.values["resolution"] == "1k"
    assert not {"image", "mask", "image_context"} & set(request.values)
    assert checked.values["image"] == PICTURE


@given(st.data())
def test_a_request_survives_being_stored(data: st.DataObject) -> None:
    model = data.draw(MODELS)
    checked = check(model, data.draw(inputs(model)))
    try:
        request = to_request(model, checked, draw_seed=lambda: 3)
    except InvalidInput:
        return
    assert Request.model_validate_json(request.model_dump_json()) == request
    assert 0 <= request.seed < SEED_LIMIT
    assert 1 <= request.count <= model.max_count
    assert request.operation in model.operations
    assert (request.width is None) == (request.height is None)
    if request.operation == "generate":
        assert request.width is not None
        assert request.size_rule is None


def test_every_model_in_the_catalogue_says_how_many_pictures_it_gives() -> None:
    most = {model.slug: model.max_count for model in CATALOGUE.models}
    assert most["gesso-sketch"] == 16
    assert most["custom-ratio"] == 1
    assert most["long-sides"] == 16
