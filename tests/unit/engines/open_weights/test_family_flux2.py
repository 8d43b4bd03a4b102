"""FLUX.2 [dev] and its Turbo: steps and noise, pictures looked at, better words written by the text encoder."""

from __future__ import annotations

import pytest
from family_orders import about, checkpoint, grey, mask, order

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.families.flux2 import TURBO, Flux2Dev

DEV = checkpoint("black-forest-labs/FLUX.2-dev", "Flux2Pipeline")
QUICK = checkpoint("black-forest-labs/FLUX.2-dev", "Flux2Pipeline", "adapter")


def test_what_is_not_asked_for_is_as_the_checkpoint_likes_it() -> None:
    call = Flux2Dev().call(order(DEV), about())
    assert call.arguments == {
        "prompt": "a fox",
        "width": 64,
        "height": 48,
        "num_inference_steps": 50,
        "guidance_scale": 4.0,
    }


def test_turbo_has_noise_of_its_own_at_each_of_eight_steps() -> None:
    call = Flux2Dev().call(order(QUICK), about())
    assert call.arguments["num_inference_steps"] == 8
    assert call.arguments["guidance_scale"] == 2.5
    assert call.arguments["sigmas"] == list(TURBO)
    assert len(TURBO) == 8
    assert sorted(TURBO, reverse=True) == list(TURBO)
    asked = order(QUICK, arguments={"num_inference_steps": 12, "guidance_scale": 3})
    other = Flux2Dev().call(asked, about()).arguments
    assert other["num_inference_steps"] == 12
    assert other["guidance_scale"] == 3
    assert "sigmas" not in other, "the noise is known of eight steps only"


def test_pictures_are_looked_at_one_by_one() -> None:
    call = Flux2Dev().call(order(DEV, image=grey(80, 64), references=(grey(64, 96), grey(20, 10))), about())
    assert [one.shape for one in call.pictures["image"]] == [(64, 80, 3), (96, 64, 3), (64, 128, 3)]
    assert "image" not in Flux2Dev().call(order(DEV), about()).pictures


def test_what_it_cannot_do_fails() -> None:
    with pytest.raises(EngineFailed, match="takes no mask"):
        Flux2Dev().way(order(DEV, image=grey(), mask=mask()))
    with pytest.raises(EngineFailed, match="up to 8 times as long as wide; one is 20 × 180"):
        Flux2Dev().way(order(DEV, image=grey(), references=(grey(20, 180),)))
    assert Flux2Dev().way(order(DEV, image=grey(20, 160))) == "instruct"


def test_words_that_are_written_anew_are_not_kept() -> None:
    plain = Flux2Dev().call(order(DEV, arguments={"caption_upsample_temperature": None}), about())
    assert Flux2Dev().encoding(plain) is not None
    assert "caption_upsample_temperature" not in plain.arguments
    better = Flux2Dev().call(order(DEV, arguments={"caption_upsample_temperature": 0.15}), about())
    assert better.arguments["caption_upsample_temperature"] == 0.15
    assert Flux2Dev().encoding(better) is None
