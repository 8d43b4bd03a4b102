"""Every model that paints from words by open weights, through HTTP, on tiny ones: its defaults and whatever else it takes."""

from __future__ import annotations

import random
from collections.abc import Iterator

import httpx
import pytest
from open_weights_world import HERE, UNPUBLISHED, drawn, paint, painting, short
from valid_inputs import least

from gesso.catalogue.model import Model

pytestmark = [pytest.mark.acceptance, pytest.mark.heavy, pytest.mark.diffusers]
SETS = 3
MODELS = [one for one in HERE if one.operations == ("generate",)]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with painting(tmp_path_factory.mktemp("open-weights")) as found:
        yield found


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.slug)
def test_a_model_paints_on_its_defaults(client: httpx.Client, model: Model) -> None:
    paint(client, model, short(model, least(model)))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.slug)
def test_a_model_paints_whatever_it_takes(client: httpx.Client, model: Model) -> None:
    dice = random.Random(model.slug)
    for _ in range(SETS):
        paint(client, model, short(model, drawn(model, dice)))


def test_a_model_whose_package_is_not_here_says_so(client: httpx.Client) -> None:
    routes = client.get(f"/v1/models/{UNPUBLISHED}").json()["routes"]
    reason = next(route["reason"] for route in routes if route["engine"] == "diffusers")
    assert f"package {UNPUBLISHED}" in reason
