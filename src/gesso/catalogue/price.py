"""What a request costs: the model's price, or the price rule its values fall under, times the pictures.

An installation may set prices of its own, and sets what a picture costs whose owner publishes none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, get_args

from pydantic import ValidationError

from gesso.catalogue.model import Fact, Model
from gesso.catalogue.wording import choices, did_you_mean, shown
from gesso.domain.credits import MOST, Price, PriceUnit
from gesso.domain.errors import OperatorError
from gesso.domain.request import Request

NOT_PUBLISHED = Fact(source="no published price: the server's setting unknown_price_credits", confidence="inferred")
SET_BY_OPERATOR = Fact(source="the server's setting prices", confidence="verified")

_PRICE = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,9})?) ([a-z_]+)", re.ASCII)


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


def price_notes(model: Model) -> tuple[str, ...]:
    """Return what whoever pays should know about where the price comes from."""
    if model.price_fact == NOT_PUBLISHED:
        return (f"{model.slug} has {NOT_PUBLISHED.source}.",)
    return ()


def parse_price(text: str) -> Price:
    """Read "0.5 usd" or "12 credit"; raise `ValueError` saying what is allowed."""
    units = get_args(PriceUnit)
    found = _PRICE.fullmatch(text)
    if found is None:
        raise ValueError(f'must be a number, a space and a unit, like "0.5 usd" or "12 credit", not {shown(text)}')
    amount, unit = found.groups()
    if unit not in units:
        raise ValueError(f"{shown(unit)} is no unit: allowed are {choices(units)}")
    try:
        return Price(amount=Decimal(amount), unit=unit)
    except ValidationError as error:
        raise ValueError(f"{amount} is too much: at most {MOST}") from error


def priced(models: Iterable[Model], own: Mapping[str, Price], unknown: Price) -> list[Model]:
    """Return the models with the operator's `own` prices, and `unknown` for those that have none.

    An own price holds whatever the parameters are: the model's price rules go. Raises `OperatorError` for a slug that
    no model has.
    """
    found = list(models)
    slugs = [model.slug for model in found]
    strangers = [slug for slug in own if slug not in slugs]
    if strangers:
        lines = "".join(
            f"\n  GESSO_PRICES: there is no model {shown(slug)}.{did_you_mean(slug, slugs)}" for slug in strangers
        )
        raise OperatorError(f"These settings are wrong:{lines}")
    return [_priced(model, own.get(model.slug), unknown) for model in found]


def _priced(model: Model, own: Price | None, unknown: Price) -> Model:
    if own is not None:
        return model.model_copy(update={"price": own, "price_rules": (), "price_fact": SET_BY_OPERATOR})
    if "price" not in model.model_fields_set:
        return model.model_copy(update={"price": unknown, "price_fact": NOT_PUBLISHED})
    return model
