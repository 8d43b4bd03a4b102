"""What is told of a call at a vendor that ended: a line of the job's report, and what it took."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

from gesso.domain.credits import MICRO
from gesso.domain.events import Note
from gesso.domain.request import RouteChoice
from gesso.domain.upstream import CallEnded, Cost
from gesso.engines.upstream.errors import clean
from gesso.engines.upstream.steps import Done, Failed

USD = "usd"
MOST_DOLLARS = 1_000_000  # more is no price of a call


def attempt_note(route: RouteChoice, outcome: Done | Failed) -> Note:
    """Return the line of the job's report that says where a call went, what came of it, what the vendor took."""
    cost = outcome.cost
    told = None if cost is None else {"amount": str(cost.amount), "unit": cost.unit}
    data: dict[str, object] = {"vendor": route.vendor, "target": route.target, "cost": told}
    if isinstance(outcome, Done):
        return Note("upstream", "The vendor made it.", data | {"outcome": "done"})
    said = {"outcome": outcome.why, "billed": outcome.billed, "words": clean(outcome.message)}
    return Note("upstream", "The vendor gave nothing.", data | said)


def ended_call(
    number: int, vendor: str, target: str, outcome: Done | Failed, prices: Mapping[str, Decimal]
) -> CallEnded:
    """Return the record of one of a route's calls; `prices` are the operator's, in US dollars (see `VendorSettings`)."""
    pictures = len(outcome.pictures) if isinstance(outcome, Done) else 0
    billed = True if isinstance(outcome, Done) else outcome.billed
    micro, reckoned = dollars(outcome.cost, target, pictures, prices)
    return CallEnded(
        number=number,
        vendor=vendor,
        target=target,
        outcome="done" if isinstance(outcome, Done) else outcome.why,
        billed=billed,
        pictures=pictures,
        cost=outcome.cost,
        micro_usd=0 if micro is None and billed is False else micro,
        reckoned=reckoned,
    )


def dollars(cost: Cost | None, target: str, pictures: int, prices: Mapping[str, Decimal]) -> tuple[int | None, bool]:
    """Return what a call took in millionths of a US dollar (None: nobody knows), and whether that is reckoned.

    What the vendor says in dollars is taken as it is; its own units by the operator's price of one; where it says
    nothing, each picture at the operator's price of the target.
    """
    if cost is not None and cost.unit.lower() == USD:
        return _micro(cost.amount), False
    if cost is not None and cost.unit in prices:
        return _micro(cost.amount * prices[cost.unit]), True
    if pictures and target in prices:
        return _micro(pictures * prices[target]), True
    return None, False


def _micro(amount: Decimal) -> int | None:
    return None if amount > MOST_DOLLARS else int((amount * MICRO).to_integral_value(ROUND_HALF_UP))
