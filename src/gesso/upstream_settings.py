"""Settings of the vendors that run models: which, where, under which names, and how much is sent there."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, field_validator
from pydantic_settings import NoDecode

from gesso.catalogue.vendors import VENDORS
from gesso.catalogue.wording import shown
from gesso.setting_words import listed, pairs

Dollars = Annotated[Decimal, Field(ge=0, le=1_000_000, max_digits=16, decimal_places=9)]


class UpstreamSettings(BaseModel):
    """They are part of `Settings`."""

    secrets_file: Path | None = Field(
        None,
        description="A file of lines NAME=value with the vendors' keys, for those that are not in the environment. Only "
        "its owner may read it.",
    )
    upstream_off: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Vendors nothing is sent to although there is a key, comma-separated."
    )
    upstream_urls: Annotated[Mapping[str, str], NoDecode] = Field(
        {},
        description="Base URLs instead of the vendors' own: a table `[upstream_urls]`, or "
        "openai=http://127.0.0.1:30000/v1 comma-separated.",
    )
    upstream_targets: Annotated[Mapping[str, str], NoDecode] = Field(
        {},
        description="What a vendor calls something, instead of the catalogue's name there, such as the id of an endpoint "
        "of your own: a table `[upstream_targets]`, or friendli/edit=ENDPOINT comma-separated.",
    )
    upstream_at_once: Annotated[Mapping[str, int], NoDecode] = Field(
        {}, description="How many requests are open at a vendor at once: a table, or fal=20 comma-separated."
    )
    upstream_failover: bool = Field(
        False, description="Whether a job goes to the next vendor of its model where the first gave nothing."
    )
    upstream_credentials: bool = Field(
        True,
        description="Whether a vendor's picture with content credentials (C2PA) is handed out as it came, where it holds "
        "nothing else; if not, all are without.",
    )

    upstream_prices: Annotated[Mapping[str, Dollars], NoDecode] = Field(
        {},
        description="US dollars a vendor takes for one picture of a target, or for one of its own units, where it does "
        "not tell its price in dollars: a table `[upstream_prices]`, or fal/fal-ai/flux-2-pro=0.05, "
        "magic_hour/credit=0.001 comma-separated.",
    )

    upstream_spend: Annotated[Mapping[str, Dollars], NoDecode] = Field(
        {},
        description="US dollars that may be spent at a vendor in a day (UTC); then nothing is sent there until the next "
        "one: a table `[upstream_spend]`, or fal=50, openai=20 comma-separated. Calls whose price nobody knows do not "
        "count.",
    )
    routes: Annotated[Mapping[str, tuple[str, ...]], NoDecode] = Field(
        {},
        description="The order of models' routes, by names of vendors or engines: a table `[routes]` of "
        '`flux-2-pro = ["fal", "replicate"]`, or flux-2-pro=fal replicate comma-separated. Routes that are not named are '
        "left out, but for the built-in stand-in. `*` is for all other models: those named go first, the rest follows.",
    )
    aliases: Annotated[Mapping[str, str], NoDecode] = Field(
        {},
        description="Models run in the place of others, of retired ones say: a table `[aliases]`, or old-slug=new-slug "
        "comma-separated. The old name may be one that no model has.",
    )

    @field_validator("upstream_off", mode="before")
    @classmethod
    def _vendors_off(cls, value: object) -> object:
        return listed(value)

    @field_validator(
        "upstream_urls",
        "upstream_targets",
        "upstream_at_once",
        "upstream_prices",
        "upstream_spend",
        "aliases",
        mode="before",
    )
    @classmethod
    def _by_vendor(cls, value: object) -> object:
        """Take "fal=20, openai=8" from the environment as well as a table from the file."""
        return pairs(value) if isinstance(value, str) else value

    @field_validator("routes", mode="before")
    @classmethod
    def _orders(cls, value: object) -> object:
        """Take "flux-2-pro=fal replicate, *=fal" from the environment as well as a table from the file."""
        value = pairs(value, "not of the form model=vendor vendor") if isinstance(value, str) else value
        if not isinstance(value, Mapping):
            return value
        return {name: tuple(order.split()) if isinstance(order, str) else order for name, order in value.items()}

    @field_validator("routes")
    @classmethod
    def _named_once(cls, value: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        for name, order in value.items():
            if not order:
                raise ValueError(f"{shown(name)} has no route left: name a vendor or an engine")
            if repeated := [one for one in order if order.count(one) > 1]:
                raise ValueError(f"{shown(name)} names {shown(repeated[0])} twice")
        return value

    @field_validator("upstream_off", "upstream_urls", "upstream_at_once", "upstream_spend")
    @classmethod
    def _known_vendors(cls, value: Any) -> Any:
        if strangers := sorted(set(value) - set(VENDORS)):
            raise ValueError(f"no vendor is called {strangers[0]!r}; there are {', '.join(VENDORS)}")
        return value

    @field_validator("upstream_targets")
    @classmethod
    def _known_targets(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name, target in value.items():
            vendor, slash, known = name.partition("/")
            if vendor not in VENDORS or not slash or not known or not target:
                raise ValueError(f"{name!r} is not VENDOR/TARGET=NAME; vendors are {', '.join(VENDORS)}")
        return value

    @field_validator("upstream_prices")
    @classmethod
    def _known_units(cls, value: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
        for name in value:
            vendor, slash, known = name.partition("/")
            if vendor not in VENDORS or not slash or not known:
                raise ValueError(
                    f"{shown(name)} is neither VENDOR/TARGET nor VENDOR/UNIT; vendors are {', '.join(VENDORS)}"
                )
            unit = VENDORS[vendor].unit
            if known == "usd":
                raise ValueError(f"{shown(name)}: what is told in US dollars needs no price")
            if known == "credit" and "credit" not in unit:
                told = f"in {unit}s" if unit else "in no unit"
                raise ValueError(f"{shown(name)}: {VENDORS[vendor].name} tells what it takes {told}")
        return value

    @field_validator("upstream_at_once")
    @classmethod
    def _one_or_more(cls, value: Mapping[str, int]) -> Mapping[str, int]:
        if small := [name for name, count in value.items() if count < 1]:
            raise ValueError(f"{small[0]}: at least 1")
        return value

    @field_validator("upstream_spend")
    @classmethod
    def _some(cls, value: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
        if none := [name for name, dollars in value.items() if not dollars]:
            raise ValueError(f"{none[0]}: more than 0; to send nothing there, name it in GESSO_UPSTREAM_OFF")
        return value

    def limits_without_effect(self) -> list[str]:
        """Return the limits of vendors whose prices nobody knows: they would never be reached."""
        priced = {name.partition("/")[0] for name in self.upstream_prices}
        return [
            f"GESSO_UPSTREAM_SPEND limits {name}, whose answers do not say what it takes in dollars, and has no effect "
            f"without its prices in GESSO_UPSTREAM_PRICES"
            for name in self.upstream_spend
            if name not in priced and VENDORS[name].unit != "usd"
        ]
