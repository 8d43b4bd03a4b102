"""In test mode every model of the catalogue runs start to end: as many pictures as asked, in size, format and seeds."""

from __future__ import annotations

import io
import random
from typing import Any

import pytest
from PIL import Image
from valid_inputs import drawn, least

from gesso.catalogue.canonical import format_of
from gesso.catalogue.check import check
from gesso.catalogue.load import load_catalogue
from gesso.catalogue.model import Model

pytestmark = [pytest.mark.acceptance, pytest.mark.heavy]
MODELS = load_catalogue().models
DRAWS = 12  # of which one is painted
MOST_PIXELS = 1_200_000  # of that one, where any of them is so small


@pytest.fixture(scope="module")
def test_mode(fresh_server):
    with fresh_server.client(fresh_server.test_key) as client:
        yield client


def quoted(client, model: Model, given: dict[str, Any]) -> dict[str, Any]:
    answer = client.post("/v1/jobs", params={"quote": "true"}, json={"model": model.slug, "input": given})
    assert answer.status_code == 200, answer.text
    return answer.json()


def pixels(quote: dict[str, Any]) -> int:
    """Return how many a job has to paint; of an edit whose picture decides its size, those of a small picture."""
    return quote["pictures"] * (quote["width"] or 512) * (quote["height"] or 512)


def run(client, model: Model, given: dict[str, Any], quote: dict[str, Any]) -> None:
    answer = client.post("/v1/jobs", json={"model": model.slug, "input": given}, headers={"Prefer": "wait=120"})
    assert answer.status_code == 200, answer.text
    job = answer.json()
    assert job["state"] == "succeeded", job
    assert [one["parameter"] for one in job["parameters"]] == [one.name for one in model.parameters]
    pictures = job["pictures"]
    assert len(pictures) == quote["pictures"]
    assert [one["seed"] for one in pictures] == [(pictures[0]["seed"] + i) % 2**32 for i in range(len(pictures))]
    wanted = format_of(model, check(model, given).values)
    for one in pictures:
        with Image.open(io.BytesIO(client.get(one["url"]).content)) as opened:
            opened.load()
        assert opened.format.lower() == wanted
        assert opened.size == (one["width"], one["height"])
        if quote["width"] is not None:
            assert opened.size == (quote["width"], quote["height"])


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.slug)
def test_a_model_runs_on_its_defaults(test_mode, model):
    given = least(model)
    run(test_mode, model, given, quoted(test_mode, model, given))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.slug)
def test_a_model_runs_on_whatever_it_takes(test_mode, model):
    dice = random.Random(model.slug)
    inputs = [drawn(model, dice) for _ in range(DRAWS)]
    quotes = [quoted(test_mode, model, given) for given in inputs]
    small = [number for number in range(DRAWS) if pixels(quotes[number]) <= MOST_PIXELS]
    chosen = small[0] if small else min(range(DRAWS), key=lambda number: pixels(quotes[number]))
    run(test_mode, model, inputs[chosen], quotes[chosen])
