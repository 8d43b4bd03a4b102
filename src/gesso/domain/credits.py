"""Money: integers of micro-credits. One credit is one US cent, so one US dollar is 100 credits."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from pydantic import Field

from gesso.domain.frozen import Frozen

MICRO = 1_000_000  # micro-credits in a credit
MICRO_CREDITS_PER_MICRO_USD = 100  # a millionth of a dollar is so many millionths of a cent
MOST = 1_000_000  # of any unit for one picture: what a typing mistake would charge still fits the ledger

PriceUnit = Literal["credit", "usd", "magic_hour_credit", "claid_credit", "fashn_credit"]

# What one unit is worth in credits (US cents). The vendors' units are their published list prices, rounded to what a
# small plan pays.
CREDITS_PER_UNIT: dict[PriceUnit, Decimal] = {
    "credit": Decimal(1),
    "usd": Decimal(100),
    "magic_hour_credit": Decimal("0.1"),
    "claid_credit": Decimal(5),
    "fashn_credit": Decimal("7.5"),
}


class Price(Frozen):
    """What one picture costs: an amount in a unit."""

    amount: Decimal = Field(Decimal(0), ge=0, le=MOST)
    unit: PriceUnit = "credit"

    def micro_credits(self, pictures: int = 1) -> int:
        """Return the price of so many pictures in micro-credits, rounded half up, once for all of them."""
        exact = self.amount * CREDITS_PER_UNIT[self.unit] * MICRO * pictures
        return int(exact.to_integral_value(ROUND_HALF_UP))


def in_unit(micro_credits: int, unit: PriceUnit) -> Decimal:
    """Return an amount in a vendor's unit, exactly: 5 million micro-credits are 50 of Magic Hour's credits."""
    return Decimal(micro_credits) / (CREDITS_PER_UNIT[unit] * MICRO)


def render_credits(micro_credits: int) -> str:
    """Render micro-credits as a decimal number of credits without trailing zeros: 1500000 → "1.5"."""
    whole, fraction = divmod(abs(micro_credits), MICRO)
    text = f"{whole}.{fraction:06d}".rstrip("0").rstrip(".")
    return f"-{text}" if micro_credits < 0 else text


def render_usd(micro_usd: int) -> str:
    """Render millionths of a US dollar as dollars, without trailing zeros: 40000 → "0.04"."""
    return render_credits(micro_usd)
