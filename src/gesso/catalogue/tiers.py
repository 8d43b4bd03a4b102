"""What an account's tier may use of a model: whether at all, at which resolutions, and which of them `auto` is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from gesso.catalogue.active import is_set, why_idle
from gesso.catalogue.check import Checked, Instead
from gesso.catalogue.model import Fact, Model
from gesso.catalogue.wording import choices, shown
from gesso.domain.errors import Forbidden
from gesso.domain.tier import EVERYTHING, TIERS, Tier


class TierTable(NamedTuple):
    """How a vendor parts resolutions among tiers: its words from small to large, and the largest each tier may have.

    A tier that is not in `largest` may have all of them, and its `auto` is left to the route.
    """

    words: tuple[str, ...]
    largest: Mapping[Tier, str]
    fact: Fact


# The one place to correct when a vendor says more; model files name their table and the lowest tier they are for.
TIER_TABLES: dict[str, TierTable] = {
    "magic_hour": TierTable(
        words=("640px", "1k", "2k", "4k"),
        largest={"free": "640px", "creator": "1k", "pro": "2k"},
        fact=Fact(
            source=(
                "the editor's reference says only that resolutions hang on the tier; these follow the generator's (2k from "
                "pro on, 4k from business on) and the owner's page of limits (free 576, creator 1024, pro 1472, business "
                "4096 pixels a side), which has no word for 576 and 1472: the next one up is taken"
            ),
            confidence="inferred",
        ),
    ),
}


class Right(NamedTuple):
    """What one tier may do with a model. `auto` is None where it is left to the route."""

    tier: Tier
    allowed: bool
    resolutions: tuple[str, ...] = ()  # small to large; () also where the model has no rules on them
    auto: str | None = None


def rights(model: Model) -> tuple[Right, ...]:
    """Return what each tier may do with a model; () when the model has no rules."""
    return tuple(right(model, tier) for tier in TIERS) if model.tiers is not None else ()


def right(model: Model, tier: str) -> Right:
    """Return what a tier may do with a model that has rules; a tier nobody knows is the lowest."""
    assert model.tiers is not None
    known = next((one for one in TIERS if one == tier), TIERS[0])
    if TIERS.index(known) < TIERS.index(model.tiers.lowest):
        return Right(known, allowed=False)
    if model.tiers.table is None:
        return Right(known, allowed=True)
    table = TIER_TABLES[model.tiers.table]
    largest = table.largest.get(known)
    up_to = len(table.words) if largest is None else table.words.index(largest) + 1
    offered = resolutions_of(model)
    found = tuple(word for word in table.words[:up_to] if word in offered)
    auto = found[-1] if found and largest is not None else None
    return Right(known, allowed=True, resolutions=found, auto=auto)


def resolutions_of(model: Model) -> tuple[str, ...]:
    """Return the resolutions a model offers, as text; words for "not chosen" are none."""
    parameter = model.with_role("resolution")
    if parameter is None:
        return ()
    return tuple(str(value) for value in parameter.allowed or () if value not in parameter.unset)


def within_tier(model: Model, checked: Checked, tier: str, others: Iterable[Model] = ()) -> Checked:
    """Return the input with `auto` settled for a tier; raise `Forbidden` for what the tier may not use.

    Business accounts and models without rules get their input back as it is. `others` are the models to name instead.
    """
    if model.tiers is None or tier == EVERYTHING:
        return checked
    may = right(model, tier)
    if not may.allowed:
        raise Forbidden(_no_model(model, may.tier, others))
    parameter = model.with_role("resolution")
    if parameter is None or may.auto is None or why_idle(parameter, checked.values) is not None:
        return checked
    asked = checked.values[parameter.name]
    if is_set(parameter, asked):
        if asked not in may.resolutions:
            raise Forbidden(
                f"{parameter.name} {shown(asked)} of {model.slug} is not for accounts of the tier {may.tier}: "
                f"they may have {choices(may.resolutions)}."
            )
        return checked
    instead = Instead(asked, f"for accounts of the tier {may.tier} it is {may.auto}")
    return replace(
        checked,
        values=checked.values | {parameter.name: may.auto},
        instead={**checked.instead, parameter.name: instead},
    )


def _no_model(model: Model, tier: Tier, others: Iterable[Model]) -> str:
    assert model.tiers is not None
    above = choices(TIERS[TIERS.index(model.tiers.lowest) :])
    alike = [
        one
        for one in others
        if one.tiers is not None
        and one.tiers.table == model.tiers.table
        and not set(one.operations).isdisjoint(model.operations)
    ]
    usable = [one.slug for one in alike if right(one, tier).allowed]
    instead = f" This one may use {choices(usable)}." if usable else ""
    return f"{model.slug} is not for accounts of the tier {tier}: it takes {above}.{instead}"
