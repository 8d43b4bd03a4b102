"""What the engine and its child tell each other survives the pipe; every pipeline the catalogue names has a family."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

from gesso.catalogue.load import load_catalogue
from gesso.domain.picture import DecodedPicture
from gesso.engines.diffusers.checkpoint import About, Checkpoint
from gesso.engines.diffusers.families.table import FAMILIES
from gesso.engines.diffusers.lora import LoraReady, LoraUse
from gesso.engines.diffusers.messages import Held, Paint
from gesso.engines.diffusers.order import Given, Order
from gesso.engines.diffusers.words import is_word

CHECKPOINT = Checkpoint("owner/weights", "FluxPipeline", Path("weights"), beside=(("control", Path("edges")),))


def test_an_order_arrives_as_it_was_sent() -> None:
    picture = DecodedPicture(np.arange(12, dtype=np.uint8).reshape(2, 2, 3), None, "png")
    order = Order(
        job="j",
        index=1,
        checkpoint=CHECKPOINT,
        operation="edit",
        arguments={"prompt": "a fox", "strength": 0.5},
        width=64,
        height=32,
        seed=2**32 - 1,
        image=picture,
        given=(Given("references", picture), Given("control[0]", picture)),
        loras=(LoraUse(LoraReady("00", Path("lora.safetensors"), 8), 0.5),),
    )
    (came,) = pickle.loads(pickle.dumps(Paint((order,)))).orders
    assert (came.job, came.index, came.seed, came.width, came.height) == ("j", 1, 2**32 - 1, 64, 32)
    assert came.checkpoint == CHECKPOINT
    assert came.arguments == order.arguments
    assert came.loras == order.loras
    assert np.array_equal(came.pictures("control[0]")[0].rgb, picture.rgb)
    assert came.pictures("control[1]") == ()


def test_equal_checkpoints_are_one() -> None:
    again = pickle.loads(pickle.dumps(Held(((CHECKPOINT, 5),), 5, 10)))
    assert {CHECKPOINT, again.checkpoints[0][0]} == {CHECKPOINT}
    assert CHECKPOINT.part("control") == Path("edges")
    assert CHECKPOINT.part("ip_adapter") is None


def test_what_a_checkpoint_says_of_itself() -> None:
    about = About("Flux2KleinPipeline", (("vae", "AutoencoderKLFlux2"),), (("is_distilled", True),))
    assert about.setting("is_distilled") is True
    assert about.setting("other", 3) == 3
    assert about.has("vae")
    assert not about.has("image_encoder")


def test_every_pipeline_of_the_catalogue_has_a_family() -> None:
    named = {
        route.pipeline for model in load_catalogue().models for route in model.routes if route.engine == "diffusers"
    }
    assert named <= set(FAMILIES)


def test_words_may_be_numbered_where_there_are_several() -> None:
    assert is_word("control_weight[3]")
    assert is_word("identity[0]")
    assert is_word("guidance_scale")
    assert not is_word("control_weight")
    assert not is_word("control[4]")
    assert not is_word("guidance_scale[0]")
    assert not is_word("num_images_per_prompt"), "each picture is a call of its own"
