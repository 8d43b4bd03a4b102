"""Each canonical field through HTTP: changing it changes the files as documented, and nothing else."""

from __future__ import annotations

import base64
import io
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.acceptance
BASE = {
    "model": "gesso-sketch",
    "prompt": "a cat on a white background",
    "seed": 3,
    "steps": 3,
    "width": 96,
    "height": 80,
}


def data_uri(pixels: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


PHOTO = np.random.default_rng(2).integers(60, 200, (80, 96, 3), np.uint8)
RED = np.clip(np.array((205, 50, 40)) + np.random.default_rng(4).integers(-25, 26, (32, 40, 3)), 0, 255).astype(
    np.uint8
)
EDIT = {"model": "gesso-sketch", "prompt": "add a yellow star", "seed": 3, "steps": 3, "image": data_uri(PHOTO)}


@pytest.fixture(scope="module")
def client(server):
    with server.client(server.test_key) as client:
        yield client


def files(client: httpx.Client, values: dict[str, Any]) -> list[bytes]:
    raw = {name: value for name, value in values.items() if name != "model"}
    answer = client.post("/v1/jobs", json={"model": values["model"], "input": raw}, headers={"Prefer": "wait=60"})
    assert answer.status_code == 200, answer.text
    job = answer.json()
    assert job["state"] == "succeeded", job
    return [httpx.get(one["url"], trust_env=False).content for one in job["pictures"]]


def pixels(client: httpx.Client, values: dict[str, Any]) -> np.ndarray:
    (data,) = files(client, values)
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.mark.parametrize(
    ("base", "change"),
    [
        (BASE, {"prompt": "a dog on a white background"}),
        (BASE, {"negative_prompt": "orange"}),
        (BASE, {"seed": 4}),
        (BASE, {"steps": 8}),
        (BASE, {"guidance_scale": 5}),
        (BASE, {"reference_images": [data_uri(RED)]}),
        (EDIT, {"strength": 0.5}),
        (EDIT, {"reference_images": [data_uri(RED)]}),
    ],
    ids=lambda value: next(iter(value)),
)
def test_a_change_shows_and_the_same_again_does_not(client, base, change):
    one, again, other = pixels(client, base), pixels(client, base), pixels(client, base | change)
    np.testing.assert_array_equal(one, again)
    assert one.shape == other.shape
    assert np.abs(one.astype(int) - other).mean() > 0.1


def test_count_and_seed_give_that_many_pictures_each_of_the_next_seed(client):
    three = files(client, BASE | {"num_images": 3})
    assert len(three) == 3
    third = np.asarray(Image.open(io.BytesIO(three[2])).convert("RGB"))
    np.testing.assert_array_equal(third, pixels(client, BASE | {"seed": 5}))


@pytest.mark.parametrize("size", [(64, 200), (131, 77)])
def test_the_size_is_exact(client, size):
    made = pixels(client, BASE | {"width": size[0], "height": size[1]})
    assert (made.shape[1], made.shape[0]) == size


@pytest.mark.parametrize(("word", "kind"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
def test_the_format_is_what_the_file_decodes_as(client, word, kind):
    (data,) = files(client, BASE | {"output_format": word})
    assert Image.open(io.BytesIO(data)).format == kind


@pytest.mark.parametrize("word", ["jpeg", "webp"])
def test_a_higher_quality_makes_a_larger_file(client, word):
    low, high = (files(client, EDIT | {"output_format": word, "output_quality": much})[0] for much in (20, 95))
    assert len(low) < len(high)


def test_the_image_is_what_is_edited_and_strength_zero_leaves_it(client):
    np.testing.assert_array_equal(pixels(client, EDIT | {"strength": 0}), PHOTO)
    other = 255 - PHOTO
    np.testing.assert_array_equal(pixels(client, EDIT | {"image": data_uri(other), "strength": 0}), other)
    made = pixels(client, EDIT)
    assert (made != PHOTO).any()
    assert (made == PHOTO).all(-1).mean() > 0.2


@pytest.mark.parametrize("references", [[], [data_uri(RED)]], ids=["alone", "with a reference"])
@pytest.mark.parametrize("prompt", ["add a yellow star", "make it sepia"])
def test_the_mask_bounds_the_change(client, prompt, references):
    mask = np.zeros((80, 96), np.uint8)
    mask[20:60, 40:90] = 255
    made = pixels(client, EDIT | {"prompt": prompt, "mask": data_uri(mask), "reference_images": references})
    np.testing.assert_array_equal(made[mask == 0], PHOTO[mask == 0])
    assert (made[mask == 255] != PHOTO[mask == 255]).any()


def test_a_reference_draws_the_mean_colour_to_its_own_the_more_the_stronger(client):
    wanted = RED.reshape(-1, 3).mean(0)
    far = []
    for strength in (0, 0.4, 1):
        made = pixels(client, BASE | {"reference_images": [data_uri(RED)], "reference_strength": strength})
        far.append(np.abs(made.reshape(-1, 3).mean(0) - wanted).sum())
    assert far == sorted(far, reverse=True)
    assert far[2] < far[0] / 3


def test_a_stand_in_takes_the_reference_of_another_model_and_reports_it_mapped(client):
    raw = {"prompt": "make it like this", "image": data_uri(PHOTO), "image_context": data_uri(RED), "seed": 3}
    answer = client.post("/v1/jobs", json={"model": "fashn-edit", "input": raw}, headers={"Prefer": "wait=60"})
    assert answer.status_code == 200, answer.text
    said = {one["parameter"]: one for one in answer.json()["parameters"]}
    assert (said["image_context"]["verdict"], said["image_context"]["reason"]) == ("mapped", "its colours are taken")
