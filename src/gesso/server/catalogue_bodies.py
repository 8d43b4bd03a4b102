"""The JSON of `/v1/models`, as types."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gesso.catalogue.model import Confidence, ParameterType
from gesso.domain.tier import Tier
from gesso.server.bodies import Operation
from gesso.server.job_bodies import RouteBody


class RouteStateBody(RouteBody):
    """A route and whether it can be used now."""

    vendor: str | None = Field(description="Who runs the model, where that is not this server.")
    target: str | None = Field(description="What the vendor calls the model, or where its weights are.")
    ready: bool = Field(description="It can be used now.")
    reason: str | None = Field(description="Why it cannot, and what it needs.")


class LifecycleBody(BaseModel):
    """Whether a model's owner still offers it."""

    state: Literal["live", "experimental", "legacy", "retiring", "retired", "unknown"]
    date: str | None = Field(description="Since when, or from when on.")
    successor: str | None = Field(description="What to use instead.")
    note: str | None


class ModelPriceBody(BaseModel):
    """What a picture of a model costs unless its parameters make another price."""

    amount: str = Field(description="In its unit, as a decimal number.")
    unit: str = Field(examples=["usd"])
    credits: str = Field(description="The same in credits.")
    per: Literal["image"]
    source: str | None = Field(description="Where the price is from.")
    confidence: Confidence | None = Field(description="How sure it is.")


class RightBody(BaseModel):
    """What accounts of one tier may do with a model."""

    tier: Tier
    allowed: bool = Field(description="They may use it; otherwise a job is answered 403.")
    resolutions: list[str] = Field(description="What they may ask for, small to large; empty where none is ruled out.")
    auto: str | None = Field(description="What a resolution left to the server is for them; null: the route decides.")


class FactBody(BaseModel):
    """Where something is known from."""

    source: str
    confidence: Confidence


class TiersBody(BaseModel):
    """Which accounts may use a model, and how large."""

    rights: list[RightBody] = Field(description="For each tier, the lowest first.")
    facts: list[FactBody]


class ParameterBody(BaseModel):
    """A parameter of a model. Facts of its own besides, such as `max_length` or `unset`, are there where it has them."""

    model_config = ConfigDict(extra="allow")

    name: str = Field(description="The owner's own word.")
    type: ParameterType
    role: str | None = Field(description="What it means, whatever it is called.")
    required: bool = Field(description="The owner's word; with a default it may still be left out.")
    default: Any = Field(description="What counts when it is left out; null: nothing.")
    enum: list[Any] | None = Field(description="The choices of the owner's reference; null where any value is taken.")
    accepts: list[Any] = Field(description="Choices taken besides.")
    minimum: int | float | None
    maximum: int | float | None
    description: str


class ModelBody(BaseModel):
    """A model of the catalogue."""

    slug: str = Field(description="What `model` of a job names.", examples=["gesso-sketch"])
    name: str = Field(description="For people.")
    owner: str = Field(description="Who made it.")
    licence: str = Field(description="An SPDX identifier, or `proprietary`.")
    family: str = Field(description="What it is built on, as far as that is shared.")
    description: str = Field(description="What it is good for.")
    operations: list[Operation] = Field(description="What it can do.")
    names: dict[str, list[str]] = Field(description="Its names in other APIs, by API.")
    lifecycle: LifecycleBody
    price: ModelPriceBody
    tiers: TiersBody | None = Field(description="Null where every account may use all of it.")
    adapters: dict[str, str] = Field(description="Weights that may be put on it (`model` is then `slug:adapter`).")
    routes: list[RouteStateBody] = Field(description="The ways to run it, in the order they are tried.")
    parameters: list[ParameterBody] = Field(description="What it takes, in the owner's order.")


class ModelDetailBody(ModelBody):
    """A model with what it takes."""

    input_schema: dict[str, Any] = Field(description="JSON Schema (2020-12) of a job's `input` for this model.")


class ModelsBody(BaseModel):
    """The catalogue."""

    models: list[ModelBody]
