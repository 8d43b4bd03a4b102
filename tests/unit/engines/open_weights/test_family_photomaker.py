"""PhotoMaker: what an order becomes; its pipeline is in a package of its own."""

from __future__ import annotations

from typing import Any

import pytest
from family_orders import about, checkpoint, grey, order

from gesso.catalogue.load import load_catalogue
from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.families.photomaker import PhotoMaker
from gesso.engines.diffusers.families.styles import known
from gesso.engines.diffusers.families.table import family_of
from gesso.engines.diffusers.order import Call, Given

XL = checkpoint("SG161222/RealVisXL_V3.0", "PhotoMakerStableDiffusionXLPipeline", "photomaker")
PERSON = (Given("id_images", grey(value=1)), Given("id_images", grey(value=2)))


def call(given: tuple[Given, ...] = PERSON, **asked: Any) -> Call:
    return PhotoMaker().call(order(XL, given=given, arguments={"prompt": "a man img"} | asked), about())


def test_every_word_goes_into_the_call() -> None:
    assert isinstance(family_of("PhotoMakerStableDiffusionXLPipeline"), PhotoMaker)
    asked = {"num_inference_steps": 40, "guidance_scale": 2, "negative_prompt": "fog", "start_merge_step": 25}
    found = call(**asked)
    assert found.pipeline == "photomaker:PhotoMakerStableDiffusionXLPipeline"
    assert found.arguments == {
        "prompt": "a man img",
        "negative_prompt": "fog",
        "width": 64,
        "height": 48,
        "num_inference_steps": 40,
        "guidance_scale": 2.0,
        "start_merge_step": 10,
    }
    assert [one.max() for one in found.pictures["input_id_images"]] == [1, 2]
    assert [(one.kind, one.parts) for one in found.attachments] == [("photomaker", ("photomaker",))]
    assert PhotoMaker().encoding(found) is None


def test_the_face_counts_from_the_thirtieth_step_at_the_latest() -> None:
    assert call(num_inference_steps=100, start_merge_step=50).arguments["start_merge_step"] == 30


def test_it_does_not_go_without_guidance() -> None:
    assert call(guidance_scale=1).arguments["guidance_scale"] > 1


def test_a_style_adds_its_words() -> None:
    line = known()["Line art"]
    found = call(styles="Line art").arguments
    assert (found["prompt"], found["negative_prompt"]) == (f"a man img, {line.add}", line.avoid)


def test_every_style_a_model_names_has_words_of_its_own() -> None:
    models = {model.slug: model for model in load_catalogue().models}
    names = models["photomaker"].parameter("style_name").enum or ()
    usual = str(models["fooocus-api"].parameter("style_selections").default).split(",")
    assert len(names) > 5
    assert {*names, *usual} <= set(known())
    assert [name for name in names if not known()[str(name)].add] == ["(No style)"]


def test_it_needs_a_person_and_the_word_for_one() -> None:
    with pytest.raises(EngineFailed, match="needs a photograph"):
        call(())
    for words in ("a man with images", "a man img beside a woman img"):
        with pytest.raises(EngineFailed, match="'img' once"):
            call(prompt=words)
    assert call(prompt="a man img, smiling").arguments["prompt"] == "a man img, smiling"
    with pytest.raises(EngineFailed, match="edits none"):
        PhotoMaker().way(order(XL, given=PERSON, image=grey()))
