"""An ask in a form's words, prepared for another model: the plan tells of the form's fields, errors use its names."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image

from gesso.catalogue.load import load_catalogue
from gesso.domain.errors import InvalidInput
from gesso.domain.request import Fidelity, Verdict
from gesso.imaging.decode import DecodeLimits
from gesso.intake.prepare import Prepared, Rules
from gesso.intake.recast_and_prepare import recast_and_prepare
from gesso.outgoing.policy import Policy

FIDELITIES: tuple[Fidelity, ...] = ("exact", "approximate", "stand_in")
RULES = Rules(
    load_catalogue(), lambda choice: None if choice.engine == "builtin" else "not here", DecodeLimits(), Policy()
)
LINK = "https://example.org/a.png"


def prepared(form: str, model: str, strict: bool = False, **raw: Any) -> Prepared:
    known = RULES.catalogue
    given = {"prompt": "a red ball"} | raw
    return recast_and_prepare(RULES, known.get(form), known.get(model), given, strict=strict, fidelities=FIDELITIES)


def verdicts(made: Prepared) -> dict[str, Verdict]:
    told = made.plan.routes[0].verdicts
    assert len({one.parameter for one in told}) == len(told)
    return {one.parameter: one for one in told}


def picture(width: int, height: int) -> str:
    data = io.BytesIO()
    Image.new("RGB", (width, height)).save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()


def test_the_models_own_form_is_prepared_as_it_is() -> None:
    made = prepared("fashn-edit", "fashn-edit", image=LINK, resolution="4k")
    assert made.request.size_rule is not None
    assert made.request.size_rule.area_pixels == 4096 * 4096


def test_the_plan_tells_of_the_forms_fields_beside_the_models() -> None:
    made = prepared("magic-hour-default", "flux-schnell", images=[LINK], aspect_ratio="16:9", resolution="2k", name="x")
    told = verdicts(made)
    assert (told["aspect_ratio"].verdict, told["aspect_ratio"].given) == ("mapped", True)
    assert {name for name, one in told.items() if one.verdict == "ignored" and one.given} == {
        "images",
        "name",
        "resolution",
    }
    assert told["name"].got is None  # the asker's own words are not repeated


def test_a_field_without_a_place_replaces_the_default_of_the_same_name() -> None:
    told = verdicts(prepared("openai-image-generation", "flux-2-pro", output_format="webp"))
    assert (told["output_format"].verdict, told["output_format"].got) == ("ignored", "webp")


def test_another_value_under_the_same_name_is_told_of_once() -> None:
    told = verdicts(
        prepared("openai-image-generation", "gpt-image-v1-5-text-to-image", quality="low", image_size="auto")
    )
    assert (told["image_size"].verdict, told["image_size"].got) == ("used", "auto")
    told = verdicts(prepared("openai-images", "recraft-v3", size="1792x1024"))
    assert told["size"].verdict == "mapped"
    assert told["size"].reason.startswith("Recraft V3 does not paint 1792x1024")


def test_strict_refuses_what_would_be_left_out() -> None:
    with pytest.raises(InvalidInput) as refused:
        prepared("openai-image-generation", "flux-2-pro", strict=True, output_format="webp", background="opaque")
    assert {(one.field, one.code) for one in refused.value.problems} == {
        ("output_format", "would_be_ignored"),
        ("background", "would_be_ignored"),
    }


@pytest.mark.parametrize(
    ("model", "raw", "field", "message"),
    [
        ("flux-schnell", {"num_inference_steps": 20}, "num_inference_steps", "num_inference_steps is 20: it must be"),
        ("gesso-sketch", {"image": [LINK, "not a picture"]}, "image[1]", "image[1]"),
        ("gesso-sketch", {"prompt": "k" * 3000}, "prompt", "prompt has 3000 characters"),
    ],
)
def test_mistakes_are_told_in_the_forms_words(model: str, raw: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        prepared("friendli-edit", model, **{"image": [LINK]} | raw)
    (problem,) = refused.value.problems
    assert problem.field == field
    assert problem.message.startswith(message)


def test_a_mask_is_read_as_the_form_reads_masks() -> None:
    made = prepared("ideogram-v3-turbo", "gesso-sketch", image=LINK, mask=LINK)
    assert made.request.mask_polarity == "black"
    assert verdicts(made)["mask"].reason == "here black is repainted; the mask is turned over"


def test_a_mask_of_another_size_is_refused_in_the_forms_words() -> None:
    with pytest.raises(InvalidInput) as refused:
        prepared("fashn-edit", "gesso-sketch", image=picture(64, 64), mask=picture(64, 32))
    assert [(one.field, one.code) for one in refused.value.problems] == [("mask", "mask_size")]


def test_a_model_with_the_forms_very_parameters_keeps_its_own_choices() -> None:
    images = [picture(64, 64)]
    made = prepared("magic-hour-default", "magic-hour-nano-banana", images=images, prompt="a hat", resolution="1k")
    assert verdicts(made)["resolution"].verdict == "mapped"
    with pytest.raises(InvalidInput) as caught:
        prepared("magic-hour-default", "magic-hour-nano-banana", images=images, prompt="a hat", resolution="2k")
    assert caught.value.message.startswith('resolution is "2k": it must be auto, 640px or 1k.')
