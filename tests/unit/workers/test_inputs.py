"""A job's pictures come out decoded, fitted to the asked size, the mask with them."""

import io

import numpy as np
import pytest
from PIL import Image

from gesso.domain.errors import InvalidInput
from gesso.domain.picture import PictureReference
from gesso.domain.request import Request, SizeRule
from gesso.imaging.decode import DecodeLimits, inspect
from gesso.workers.inputs import Fetched, decode_inputs, holding

LIMITS = DecodeLimits()


def fetched(field: str, image: Image.Image) -> Fetched:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return Fetched(field, inspect(buffer.getvalue(), field, LIMITS), holding(buffer.getvalue()))


def request(**fields) -> Request:
    here = PictureReference(blob="x")
    return Request(model="m", operation="edit", image=here, seed=0, **fields)


PHOTO = Image.effect_noise((240, 160), 60).convert("RGB")


async def test_without_a_size_the_picture_is_untouched():
    inputs = await decode_inputs(request(), {"image": fetched("image", PHOTO)}, LIMITS)
    assert np.array_equal(inputs.image.rgb, np.asarray(PHOTO))
    assert inputs.mask is None


async def test_image_and_mask_are_cropped_and_resized_together():
    mask = Image.new("L", PHOTO.size)
    mask.paste(255, (120, 0, 240, 160))
    given = {"image": fetched("image", PHOTO), "mask": fetched("mask", mask)}
    inputs = await decode_inputs(request(width=80, height=80), given, LIMITS)
    assert inputs.image.rgb.shape == (80, 80, 3)
    assert inputs.mask.shape == (80, 80)
    assert inputs.mask[:, :36].max() == 0
    assert inputs.mask[:, 44:].min() == 255


@pytest.mark.parametrize(
    ("rule", "size"),
    [
        (SizeRule(ratio=(1, 1)), (160, 160)),
        (SizeRule(width=120), (120, 80)),
        (SizeRule(long_side=480), (480, 320)),
        (SizeRule(area_pixels=240 * 160 * 4), (480, 320)),
    ],
)
async def test_a_size_may_follow_the_source(rule, size):
    inputs = await decode_inputs(request(size_rule=rule), {"image": fetched("image", PHOTO)}, LIMITS)
    assert (inputs.image.width, inputs.image.height) == size


async def test_references_keep_their_order_and_size():
    pictures = {f"reference[{i}]": fetched(f"reference[{i}]", PHOTO.resize((10 + i, 9))) for i in (2, 0, 10, 1)}
    inputs = await decode_inputs(request(), {"image": fetched("image", PHOTO), **pictures}, LIMITS)
    assert [picture.width for picture in inputs.references] == [10, 11, 12, 20]


async def test_a_mask_alone_or_of_another_size_is_refused():
    mask = fetched("mask", Image.new("L", (20, 20)))
    for given in ({"mask": mask}, {"image": fetched("image", PHOTO), "mask": mask}):
        with pytest.raises(InvalidInput) as caught:
            await decode_inputs(request(), given, LIMITS)
        assert caught.value.problems[0].field == "mask"
