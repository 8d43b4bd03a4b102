"""What a request costs: the model's price, or the price rule its values fall under, times the pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gesso.catalogue.model import Model
from gesso.domain.credits import Price
from gesso.domain.request import Request


def price(model: Model, request: Request) -> tuple[Price, int]:
    """Return the price of one picture and, for all pictures of the request, the micro-credits."""
    each = price_each(model, request.values)
    return each, each.micro_credits(request.count)


def price_each(model: Model, values: Mapping[str, Any]) -> Price:
    """Return the price of one picture for these parameter values."""
    for rule in model.price_rules:
        if all(values.get(name) in wanted for name, wanted in rule.when.items()):
            return Price(amount=rule.amount, unit=model.price.unit)
    return model.price
