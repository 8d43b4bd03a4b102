"""Money is exact."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gesso.domain.credits import CREDITS_PER_UNIT, MICRO, Price, in_unit, render_credits


@given(st.integers(-(10**15), 10**15))
def test_rendering_is_exact(micro):
    assert Decimal(render_credits(micro)) * MICRO == micro


@given(st.decimals(0, 1000, places=6), st.integers(1, 16))
def test_n_pictures_cost_n_times_one_up_to_rounding(amount, pictures):
    price = Price(amount=amount, unit="usd")
    assert price.micro_credits(pictures) == amount * 100 * MICRO * pictures


def test_a_dollar_is_a_hundred_credits():
    assert render_credits(Price(amount=Decimal(1), unit="usd").micro_credits()) == "100"
    assert render_credits(Price(amount=Decimal("0.003"), unit="usd").micro_credits()) == "0.3"


def test_a_unit_of_each_vendor_is_worth_its_list_price():
    worth = {unit: render_credits(Price(amount=Decimal(1), unit=unit).micro_credits()) for unit in CREDITS_PER_UNIT}
    listed = {"magic_hour_credit": "0.1", "claid_credit": "5", "fashn_credit": "7.5"}
    assert worth == {"credit": "1", "usd": "100"} | listed


@pytest.mark.parametrize(
    ("amount", "pictures", "micro"),
    [("0.0000004", 1, 0), ("0.0000005", 1, 1), ("0.0000015", 1, 2), ("0.0000004", 2, 1), ("0.0000004", 5, 2)],
)
def test_a_price_is_rounded_once_for_all_pictures_half_up(amount, pictures, micro):
    assert Price(amount=Decimal(amount)).micro_credits(pictures) == micro


@pytest.mark.parametrize(
    ("micro", "unit", "amount"),
    [(5 * MICRO, "magic_hour_credit", "50"), (25 * MICRO, "usd", "0.25"), (-15 * MICRO, "fashn_credit", "-2")],
)
def test_an_amount_is_told_in_a_vendors_unit(micro, unit, amount):
    assert in_unit(micro, unit) == Decimal(amount)
