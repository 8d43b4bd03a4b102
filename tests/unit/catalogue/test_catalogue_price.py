"""Prices: each picture costs the same; a rule may change it by the values asked for."""

from __future__ import annotations

from decimal import Decimal

from asking import CATALOGUE, PICTURE, asked
from hypothesis import given
from hypothesis import strategies as st

from gesso.catalogue.price import price
from gesso.domain.credits import MICRO


def micro(slug: str, **raw: object) -> int:
    model, _, request = asked(slug, {"prompt": "a ball"} | raw)
    return price(model, request)[1]


def test_prices_in_each_unit() -> None:
    assert micro("gesso-sketch", num_images=16) == 0
    assert micro("flux-schnell", num_outputs=4) == 4 * 300_000
    assert micro("claid-edit-v1", image=PICTURE) == 10 * MICRO
    assert micro("fashn-edit", image=PICTURE) == 7_500_000
    assert micro("long-sides", image_file_paths=[PICTURE], image_count=9) == 9 * 5 * MICRO


def test_the_first_rule_that_fits_sets_the_price() -> None:
    assert micro("far-presets") == 4 * MICRO
    assert micro("far-presets", image_size="auto_4K", num_images=2) == 16 * MICRO
    model, _, request = asked("far-presets", {"prompt": "a", "image_size": "auto_4K"})
    assert (price(model, request)[0].amount, price(model, request)[0].unit) == (Decimal("0.08"), "usd")


@given(st.integers(1, 16))
def test_n_pictures_cost_n_times_one(count: int) -> None:
    model = CATALOGUE.get("gesso-sketch").model_copy(update={"price": CATALOGUE.get("claid-edit-v1").price})
    _, _, request = asked("gesso-sketch", {"prompt": "a ball", "num_images": count})
    assert price(model, request)[1] == count * model.price.micro_credits()
