"""A model of the catalogue as typed data: names, parameters, size rules, price and the routes it can be run by."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from gesso.catalogue.roles import Role
from gesso.domain.credits import MOST, Price
from gesso.domain.frozen import Frozen
from gesso.domain.picture import MaskPolarity, OutputFormat
from gesso.domain.request import Fidelity, Operation, VerdictWord
from gesso.domain.tier import Tier

ParameterType = Literal["string", "integer", "number", "boolean", "image", "image_list", "array", "object"]
Confidence = Literal["verified", "documented", "inferred"]
Scalar = bool | int | float | str

UNKNOWN_PRICE = Price(amount=Decimal(10))  # what a picture costs when its owner publishes no price
PICTURE_TYPES: frozenset[ParameterType] = frozenset({"image", "image_list"})


class Fact(Frozen):
    """Where a statement comes from and how sure it is.

    `verified` was read in code or a schema, `documented` is said by the owner or a careful third party, `inferred` is
    computed, by analogy or ours.
    """

    source: str
    confidence: Confidence


class SizeLimits(Frozen):
    """What a width and height must satisfy together; sides in pixels, areas in pixels², ratios as width ÷ height."""

    side_min: int = Field(1, ge=1)
    side_max: int = Field(16384, ge=1)
    area_min: int | None = Field(None, ge=1)
    area_max: int | None = Field(None, ge=1)
    ratio_min: float | None = Field(None, gt=0)
    ratio_max: float | None = Field(None, gt=0)
    multiple_of: int = Field(1, ge=1)
    sides_or_area: bool = False  # either the sides or the area being within limits is enough


class Parameter(Frozen):
    """One field a model takes. `name` is the owner's own word; `role` says what it means."""

    name: str = Field(min_length=1, max_length=80)
    type: ParameterType
    role: Role | None = None
    description: str = ""
    required: bool = False  # the owner's word; with a default it may still be left out
    default: Any = None
    enum: tuple[Scalar, ...] | None = None
    accepts: tuple[Scalar, ...] = ()  # values beyond the enum that the owner documents elsewhere
    unset: tuple[Scalar, ...] = ()  # values that mean "not chosen": "None", "auto", -1
    minimum: float | int | None = None
    maximum: float | int | None = None
    multiple_of: float | int | None = None
    min_length: int | None = Field(None, ge=0)
    max_length: int | None = Field(None, ge=1)
    pattern: str | None = None  # a regular expression that means the same in Python and in JSON Schema
    min_items: int | None = Field(None, ge=0)
    max_items: int | None = Field(None, ge=1)
    item: ParameterType | None = None  # what a list holds; objects are described by `fields`
    fields: tuple[Parameter, ...] = ()  # the fields of an object, or of each object in a list
    also_size: SizeLimits | None = None  # a {"width": …, "height": …} object is taken as well
    only_when: Mapping[str, tuple[Scalar, ...]] = {}  # another parameter → the values under which this one counts
    aliases: tuple[str, ...] = ()  # other spellings taken for the same field
    inverted: bool = False  # it counts its role from the other end: what it means is one minus its value
    # An inline result may mean more: the pictures are kept for an hour at most, or the answer waits for them.
    inline: Literal["forget", "wait"] | None = None
    idle: str = ""  # taken, checked, and without effect in this model: why
    fact: Fact | None = None  # for limits the owner's reference does not state itself

    @field_validator("fields", mode="before")
    @classmethod
    def _fields_by_name(cls, value: object) -> object:
        return named(value)

    @model_validator(mode="before")
    @classmethod
    def _whole_default_of_number(cls, data: Any) -> Any:
        """Type a number's default as one, so that a value left out equals the same value sent."""
        if isinstance(data, Mapping) and data.get("type") == "number" and type(data.get("default")) is int:
            return {**data, "default": float(data["default"])}
        return data

    @property
    def is_picture(self) -> bool:
        return self.type in PICTURE_TYPES

    @property
    def must_be_given(self) -> bool:
        """Required, and no default steps in."""
        return self.required and self.default is None

    @property
    def allowed(self) -> tuple[Scalar, ...] | None:
        """Every value taken, or None when any of the type is."""
        return None if self.enum is None else (*self.enum, *self.accepts)

    @property
    def is_free_text(self) -> bool:
        """The asker's own words rather than a choice or a number."""
        return self.type in ("array", "object") or (self.type == "string" and self.enum is None and self.role != "seed")


class Resolution(Frozen):
    """What one value of a resolution parameter means: exactly one of the three ways."""

    area_pixels: int | None = None
    long_side: int | None = None
    scale: float | None = None  # times the size of the ratio table
    at_most: bool = False  # an upper bound: a smaller source keeps its size


class Sizing(Frozen):
    """How a model's size parameters become pixels."""

    table: str = "one_megapixel"  # named ratio table (size_tables.py) …
    ratios: Mapping[str, tuple[int, int]] = {}  # … or the model's own, which goes first
    default_width: int | None = None  # when nothing was said; None: the table's 1:1
    default_height: int | None = None
    resolutions: Mapping[str, Resolution] = {}
    area_pixels: int | None = None  # what a free ratio is drawn at; None: the table's
    # An edit without a size comes out as its source, at about edit_area_pixels, or like a generated picture.
    edit: Literal["source", "area", "generate"] = "source"
    edit_reads_size: bool = True  # False: an edit follows its image whatever the size parameters say
    edit_area_pixels: int | None = None
    edit_long_side_max: int | None = None
    edit_long_side: int | None = None  # an edit's longer side, whatever its source's
    multiple_of: int = Field(1, ge=1)  # sides of sizes computed here are cut to this
    rounded_to: int = Field(1, ge=1)  # a width and height asked for become the nearest multiples of this
    limits: SizeLimits = SizeLimits()
    preset_area_min: int | None = None  # presets below it are scaled up, keeping their ratio
    fact: Fact | None = None


# What a route does with a parameter that is more than handing a value over.
How = Literal[
    "repeat",  # one call for each picture
    "merge_prompt",  # said within the prompt
    "expand_prompt",  # a language model would have to write the prompt out
    "check_pictures",  # a classifier would have to look at finished pictures
    "load_loras",  # weights are put on the model and taken off again
    "runtime",  # a choice of how to run, that may change speed more than pictures
]


class Argument(Frozen):
    """Where one parameter goes on a route.

    On a route to another catalogue model roles say that, and this only what they do not: `values` are the choices that
    become the argument `to` of the driven model (a quality that is so many steps) or, without `to`, those that
    `verdict` and `reason` are about.

    With `send: size` the size all size parameters decided on is handed over: as width and height to two arguments, as
    "WIDTHxHEIGHT" to one; with `send: ratio`, the one of `ratios` that is nearest to it. `send: list` makes a list of
    words with commas between. A value that `values` makes null is not handed over. With `how: merge_prompt` its words
    become a paragraph of its own below what `to` holds; with `how: load_loras` it joins the list that `to` is. A list of
    pictures that goes to two arguments gives its first to the one and the rest to the other.
    """

    to: str | tuple[str, ...] | None = None  # the engine's argument; None: not passed on, for `how` or `reason`
    send: Literal["value", "size", "ratio", "list"] = "value"
    how: How | None = None
    values: Mapping[str, Any] = {}  # asked value (as text) → the engine's
    invert: bool = False  # a switch of opposite sense, or a share counted from the other end
    minimum: float | None = None  # the route's own range, inside the model's; `send: size`: of the area in pixels
    maximum: float | None = None
    verdict: VerdictWord | None = None
    reason: str = ""
    multiple_of: int = Field(1, ge=1)  # `send: size`: this route's sides are multiples of it
    ratios: tuple[str, ...] = ()  # `send: ratio`: the shapes this route takes
    words: str = "{}"  # `how: merge_prompt`: what is said in the prompt, with the value for {}
    # Where this one has an effect on this route: beside these values of others (those of `only_above` bigger than
    # that), with a value for at least one of `only_with`, and not with values for all of `not_with`.
    only_when: Mapping[str, tuple[Scalar, ...]] = {}
    only_above: Mapping[str, float] = {}
    only_with: tuple[str, ...] = ()
    not_with: tuple[str, ...] = ()


class Route(Frozen):
    """One way to run a model: on another catalogue model by role (`model`), or by the engine's own argument names.

    `vendor` is a word of `vendors.py`; `target` is what the vendor calls the model, or where its weights are.
    """

    engine: str
    fidelity: Fidelity
    model: str | None = None
    vendor: str = ""
    target: str = ""
    pipeline: str = ""  # the class that runs the weights
    beside: Mapping[str, str] = {}  # further weights it needs: what for (a base, an adapter, a ControlNet) → whose
    gated: bool = False  # the weights' owner has to let one in first
    arguments: Mapping[str, Argument] = {}
    constants: Mapping[str, Any] = {}
    adapters: bool = False  # it puts the model's adapters on, as the argument `adapter`
    only_when: Mapping[str, tuple[Scalar, ...]] = {}  # a parameter → the values under which this route is one at all
    note: str = ""
    fact: Fact | None = None


class PriceRule(Frozen):
    """Another price when parameters have these values; the first rule that fits counts."""

    when: Mapping[str, tuple[Scalar, ...]]
    amount: Decimal = Field(ge=0, le=MOST)


class Lifecycle(Frozen):
    """Whether the owner still offers the model."""

    state: Literal["live", "experimental", "legacy", "retiring", "retired", "unknown"] = "live"
    date: str | None = None
    successor: str | None = None
    note: str = ""
    fact: Fact | None = None


class Adapter(Frozen):
    """Weights put on the model an endpoint serves, asked for as `slug:adapter` (Friendli: `endpoint:adapter`)."""

    path: str = Field(min_length=1)  # a repository's name or a folder, as the endpoint's owner knows it
    scale: float = Field(1.0, ge=-4, le=4)
    description: str = ""


class TierRules(Frozen):
    """Which accounts a model is for; those of the tier business may always use all of it."""

    lowest: Tier = "free"  # this tier and those above it
    table: str | None = None  # of TIER_TABLES: the resolutions each tier may have; None: any
    fact: Fact | None = None


class Model(Frozen):
    """An entry of the catalogue."""

    slug: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$", max_length=100)
    name: str = Field(min_length=1)
    owner: str = Field(min_length=1)
    family: str = ""
    licence: str = ""
    description: str = ""
    operations: tuple[Operation, ...] = Field(min_length=1)
    names: Mapping[str, tuple[str, ...]] = {}  # dialect → what it calls this model
    lifecycle: Lifecycle = Lifecycle()
    parameters: tuple[Parameter, ...] = Field(min_length=1)
    mask_polarity: MaskPolarity = "white"
    sizing: Sizing = Sizing()
    default_format: OutputFormat = "png"  # when the model has no parameter for it
    output: Literal["one", "list"] = "list"
    price: Price = UNKNOWN_PRICE  # not in the file: the installation sets it (price.py)
    price_rules: tuple[PriceRule, ...] = ()
    price_fact: Fact | None = None
    tiers: TierRules | None = None  # None: every account may use all of it
    routes: tuple[Route, ...] = ()
    adapters: Mapping[str, Adapter] = {}  # adapter route of a Friendli endpoint → its weights
    without: Mapping[Role, str] = {}  # a role this model lacks → the reason told to whoever asks for it
    notes: tuple[str, ...] = ()
    fact: Fact | None = None  # where parameters, defaults and enums come from unless a parameter says otherwise

    @field_validator("parameters", mode="before")
    @classmethod
    def _parameters_by_name(cls, value: object) -> object:
        return named(value)

    @property
    def roles(self) -> dict[Role, tuple[Parameter, ...]]:
        """The parameters of each role, in the model's order."""
        found: dict[Role, tuple[Parameter, ...]] = {}
        for parameter in self.parameters:
            if parameter.role is not None:
                found[parameter.role] = (*found.get(parameter.role, ()), parameter)
        return found

    @property
    def max_count(self) -> int:
        """How many pictures one request may ask for."""
        parameter = self.with_role("count")
        if parameter is None:
            return 1
        if parameter.enum:
            return max(int(value) for value in parameter.enum)
        return int(parameter.maximum) if parameter.maximum is not None else 1

    def parameter(self, name: str) -> Parameter | None:
        """Return the parameter of that name or alias, or None."""
        return next((one for one in self.parameters if name == one.name or name in one.aliases), None)

    def with_role(self, role: Role) -> Parameter | None:
        """Return the first parameter of that role, or None."""
        return next((one for one in self.parameters if one.role == role), None)


def named(value: object) -> object:
    """Turn `{name: {facts}}`, as model files write it, into a list of facts with their names."""
    if not isinstance(value, Mapping):
        return value
    return [{**facts, "name": name} if isinstance(facts, Mapping) else facts for name, facts in value.items()]
