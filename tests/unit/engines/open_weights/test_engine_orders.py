"""A task becomes orders: seeds, sizes, pictures by argument, previews, levels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gesso.domain.errors import EngineFailed
from gesso.domain.events import Task
from gesso.domain.picture import DecodedPicture
from gesso.domain.request import SEED_LIMIT, PictureArgument, Request, RouteChoice
from gesso.engines.diffusers.checkpoint import About, Checkpoint
from gesso.engines.diffusers.order import Order
from gesso.engines.diffusers.orders import level_of, orders_of, preview_steps

ABOUT = About("FluxPipeline", ())


def picture(width: int, height: int, value: int = 0) -> DecodedPicture:
    return DecodedPicture(np.full((height, width, 3), value, np.uint8), None, "png")


def orders(
    *,
    pipeline: str = "FluxPipeline",
    image: DecodedPicture | None = None,
    mask: np.ndarray | None = None,
    references: tuple[DecodedPicture, ...] = (),
    pictures: tuple[PictureArgument, ...] = (),
    arguments: dict[str, object] | None = None,
    **request: object,
) -> tuple[Order, ...]:
    said = {"model": "m", "operation": "edit" if image else "generate", "seed": 3} | request
    route = RouteChoice(
        engine="diffusers",
        fidelity="exact",
        runs="m",
        pipeline=pipeline,
        arguments=arguments or {},
        pictures=pictures,
    )
    task = Task("job", Request.model_validate(said), route, image, mask, references)
    return orders_of(task, Checkpoint("a/b", pipeline, Path("a")), ABOUT, checks=True)


def test_each_picture_has_a_seed_of_its_own_that_wraps():
    made = orders(seed=SEED_LIMIT - 1, count=3)
    assert [(one.index, one.seed) for one in made] == [(0, SEED_LIMIT - 1), (1, 0), (2, 1)]


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ({"arguments": {"width": 64, "height": 32}}, (64, 32)),
        ({"width": 48, "height": 16}, (48, 16)),
        ({"arguments": {"width": 64}}, (64, 64)),
        ({}, (1024, 1024)),
        ({"image": picture(80, 40), "arguments": {"width": 64, "height": 32}}, (80, 40)),
    ],
)
def test_the_size_is_that_of_the_fitted_picture_else_what_was_asked_for(given, size):
    (one,) = orders(**given)
    assert (one.width, one.height) == size


def test_pictures_go_under_their_arguments_and_more_of_one_become_references():
    image, first, second = picture(16, 16, 1), picture(16, 16, 2), picture(16, 16, 3)
    (one,) = orders(
        image=image,
        references=(first, second),
        pictures=(
            PictureArgument(argument="image", picture="image", many=True),
            PictureArgument(argument="image", picture="reference[0]", many=True),
            PictureArgument(argument="control[1]", picture="reference[1]"),
            PictureArgument(argument="control[0]", picture="image"),
            PictureArgument(argument="identity[0]", picture="reference[7]"),
        ),
    )
    assert one.image is image
    assert one.pictures("references") == (first,)
    assert one.pictures("control[1]") == (second,)
    assert one.pictures("control[0]") == (image,)
    assert one.pictures("image") == one.pictures("identity[0]") == ()


def test_a_mask_without_a_picture_fails_here_and_not_on_the_device():
    with pytest.raises(EngineFailed, match="mask"):
        orders(mask=np.zeros((16, 16), np.uint8))


@pytest.mark.parametrize(
    ("asked", "highest", "level"),
    [
        ("high", "regular", "regular"),
        ("regular", "high", "regular"),
        ("high", "none", "none"),
        (None, "high", "none"),
        (True, "high", "none"),
    ],
)
def test_a_level_is_that_asked_for_as_far_as_the_installation_goes(asked, highest, level):
    assert level_of({"acceleration": asked}, highest) == level


def test_previews_come_evenly_and_never_after_the_last_step():
    assert preview_steps(0, 8) == ()
    assert preview_steps(1, 8) == (4,)
    assert preview_steps(3, 8) == (2, 4, 6)
    assert preview_steps(3, 2) == (1,)
    assert preview_steps(3, 1) == ()
    for total in range(1, 40):
        for wanted in range(1, 5):
            steps = preview_steps(wanted, total)
            assert len(set(steps)) == len(steps) == min(wanted, total - 1)
            assert all(1 <= step < total for step in steps)


def test_previews_know_the_steps_of_the_family_and_of_a_strength():
    assert orders(previews=1)[0].preview_steps == (14,)  # 28 are usual
    assert orders(previews=1, arguments={"num_inference_steps": 10})[0].preview_steps == (5,)
    half = orders(previews=1, image=picture(16, 16), arguments={"num_inference_steps": 20, "strength": 0.5})
    assert half[0].preview_steps == (5,)


def test_a_picture_is_looked_at_where_the_request_wants_that():
    assert orders(arguments={"check_pictures": True})[0].check_picture
    assert not orders(arguments={})[0].check_picture
