"""Money is exact."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from gesso.domain.credits import MICRO, Price, render_credits


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
