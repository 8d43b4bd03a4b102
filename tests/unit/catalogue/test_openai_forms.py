"""OpenAI's forms on the built-in model: a quality is so many steps, and what cannot be had is called ignored."""

from __future__ import annotations

from typing import Any

import pytest
from asking import CATALOGUE, PICTURE, asked

from gesso.catalogue.plan import choose
from gesso.catalogue.sizes import decide
from gesso.domain.errors import InvalidInput
from gesso.domain.request import RouteChoice, Verdict

FORMS = ("openai-images", "openai-images-edit", "openai-images-variation")


def route(slug: str, **said: Any) -> RouteChoice:
    least = {"prompt": "a duck"} if slug != "openai-images-variation" else {}
    least |= {} if slug == "openai-images" else {"image": [PICTURE] if slug == "openai-images-edit" else PICTURE}
    model, checked, request = asked(slug, least | said)
    built_in = next(one for one in model.routes if one.engine == "builtin")
    return choose(CATALOGUE, model, built_in, request, checked)


def verdict(slug: str, name: str, value: Any) -> Verdict:
    return next(one for one in route(slug, **{name: value}).verdicts if one.parameter == name)


@pytest.mark.parametrize("slug", FORMS[:2])
@pytest.mark.parametrize(
    ("quality", "steps"),
    [("auto", 12), ("low", 6), ("medium", 12), ("standard", 12), ("high", 24), ("hd", 24), ("xhigh", 36), ("max", 50)],
)
def test_a_quality_is_so_many_steps(slug: str, quality: str, steps: int) -> None:
    assert route(slug, quality=quality).arguments["steps"] == steps
    said = verdict(slug, "quality", quality)
    assert (said.verdict, said.used) == ("mapped", steps)


def test_a_quality_left_open_is_medium() -> None:
    assert route("openai-images").arguments["steps"] == 12


@pytest.mark.parametrize(
    ("slug", "name", "value", "word"),
    [
        ("openai-images", "background", "opaque", "used"),
        ("openai-images", "background", "transparent", "ignored"),
        ("openai-images-edit", "background", "transparent", "ignored"),
        ("openai-images-edit", "background", "opaque", "mapped"),
        ("openai-images-edit", "background", "auto", "mapped"),
        ("openai-images", "style", "vivid", "ignored"),
        ("openai-images", "moderation", "low", "ignored"),
        ("openai-images", "model", "gpt-image-2", "mapped"),
        ("openai-images-edit", "input_fidelity", "high", "used"),
        ("openai-images-edit", "input_fidelity", "low", "ignored"),
        ("openai-images-variation", "image", PICTURE, "mapped"),
    ],
)
def test_what_becomes_of_each(slug: str, name: str, value: Any, word: str) -> None:
    assert verdict(slug, name, value).verdict == word


@pytest.mark.parametrize(
    ("size", "pixels"),
    [
        ("auto", (1024, 1024)),
        ("1536x1024", (1536, 1024)),
        ("256x256", (256, 256)),
        ("1792x1024", (1792, 1024)),
        ("1536x864", (1536, 864)),
        ("3840x2160", (3840, 2160)),
    ],
)
def test_sizes_are_pixels(size: str, pixels: tuple[int, int]) -> None:
    decision = decide(CATALOGUE.get("openai-images"), {"size": size}, "generate")
    assert (decision.width, decision.height) == pixels


@pytest.mark.parametrize("size", ["1000x1000", "3840x2176", "4096x1024", "1024x256", "48x48", "big", "1024x"])
def test_other_sizes_are_refused_naming_the_field(size: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        route("openai-images", size=size)
    assert {problem.field for problem in refused.value.problems} == {"size"}


def test_every_name_of_openais_is_a_choice_of_its_model_and_edits_too_where_openai_says_so() -> None:
    for slug in FORMS[:2]:
        model = CATALOGUE.get(slug)
        choices = model.parameter("model")
        assert choices is not None
        assert choices.enum == model.names["openai"]
    assert CATALOGUE.by_name("openai", "gpt-image-1", "generate").slug == "openai-images"
    assert CATALOGUE.by_name("openai", "gpt-image-1", "edit").slug == "openai-images-edit"
    assert "edit" not in CATALOGUE.by_name("openai", "dall-e-3", "edit").operations
