"""Turn a raw ask into a checked request and its plan. Nothing is stored or fetched here; the CLI uses it too."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from gesso.catalogue.adapters import split_adapter
from gesso.catalogue.canonical import to_request
from gesso.catalogue.check import Checked, check
from gesso.catalogue.load import NATIVE, Asked, Catalogue
from gesso.catalogue.model import Model
from gesso.catalogue.plan import able_to_nothing, plan
from gesso.catalogue.roles import Role
from gesso.catalogue.tiers import within_tier
from gesso.catalogue.wording import safe_text
from gesso.domain.errors import GessoError, InvalidInput, NotFound, Problem
from gesso.domain.ids import new_id
from gesso.domain.picture import MaskPolarity, PictureReference
from gesso.domain.request import SEED_LIMIT, Fidelity, Operation, Plan, Request, RouteChoice
from gesso.domain.tier import EVERYTHING
from gesso.imaging.decode import DecodeLimits, Header, inspect
from gesso.intake.sources import Inline, KeptFile, Link, Source, own_blob, parse_source
from gesso.outgoing.address import check_url
from gesso.outgoing.policy import Policy

UnknownFields = Literal["refuse", "ignore"]
PICTURE_TYPES = frozenset({"image", "image_list"})
MOST_PICTURES = 64  # in one list: more is refused before any of them is looked at


@dataclass(frozen=True)
class Rules:
    """What this installation allows: everything `prepare` needs besides the ask itself."""

    catalogue: Catalogue
    why_not: Callable[[RouteChoice], str | None]
    decode_limits: DecodeLimits
    outgoing: Policy
    able: Callable[[RouteChoice], frozenset[str]] = able_to_nothing

    def for_tests(self) -> Rules:
        """Return the rules of test keys: they spend nobody's money, so nothing goes to a vendor."""

        def why_not(route: RouteChoice) -> str | None:
            return "a test key sends nothing to vendors" if route.vendor else self.why_not(route)

        return replace(self, why_not=why_not)


@dataclass(frozen=True)
class InlinePicture:
    """Bytes that came with the request, to be kept under `blob`; the header was checked."""

    blob: str
    field: str
    data: bytes
    header: Header
    sha256: str


@dataclass(frozen=True)
class Prepared:
    """A request that may be submitted (or run on the spot)."""

    model: Model
    checked: Checked  # as it was asked, before the account's tier settled anything
    request: Request
    plan: Plan
    inline: tuple[InlinePicture, ...]
    files: tuple[tuple[str, str], ...]  # (field, blob id) of uploaded files it points at
    said: Mapping[str, Any] = field(default_factory=dict)  # an ask in a form's words, as it was before it was recast


def draw_seed() -> int:
    """Return a random seed, 0 … 2^32 − 1."""
    return secrets.randbelow(SEED_LIMIT)


def find_asked(catalogue: Catalogue, slug: object, dialect: str = NATIVE, operation: Operation | None = None) -> Asked:
    """Return what "slug" or "slug:adapter" names and what is run for it; a dialect's own names go before the slugs.

    Raises `InvalidInput` naming the field `model` when there is none, and when it does not offer the operation.
    """
    if not isinstance(slug, str) or not slug:
        raise InvalidInput.of("model", "required", "model is missing: name one of the catalogue's slugs.")
    try:
        asked = catalogue.asked(dialect, split_adapter(slug)[0], operation)
    except NotFound as error:
        raise InvalidInput.of("model", "unknown_model", error.message, slug[:100]) from error
    model = asked.model
    if operation is not None and operation not in model.operations:
        message = f"model {model.slug} does not {operation}: it can {' and '.join(model.operations)}."
        raise InvalidInput.of("model", "wrong_operation", message, slug[:100])
    return asked


def find_model(catalogue: Catalogue, slug: object) -> Model:
    """Return the model that is run for "slug" or "slug:adapter"; raise as `find_asked` does."""
    return find_asked(catalogue, slug).model


def with_alias(plan: Plan, asked: Asked) -> Plan:
    """Return the plan with a note of the alias that led to its model."""
    if asked.alias is None:
        return plan
    note = f"{safe_text(asked.alias)} is run as {asked.model.slug} here: the operator says so (aliases)."
    return plan.model_copy(update={"notes": (note, *plan.notes)})


def prepare(
    rules: Rules,
    model: Model,
    raw: Mapping[str, Any],
    *,
    fidelities: Collection[Fidelity],
    unknown: UnknownFields = "refuse",
    strict: bool = False,
    tier: str = EVERYTHING,
    adapter: str | None = None,
    served: Collection[Role] = (),
    host: str = "",
    mask_polarity: MaskPolarity | None = None,
) -> Prepared:
    """Check the ask and plan it for an account of that tier.

    `served` are roles the asker's API fulfils itself; links to stored bytes below `host` are our own, never fetched.
    `mask_polarity` is how the mask reads, where that is not as the model's masks do.

    Raises `InvalidInput` with every mistake at once, `Forbidden` for what the tier may not use, or `ModelNotReady`.
    """
    pictures = _Pictures(rules, host)
    typed = pictures.take(model, raw)
    try:
        checked = check(model, typed, unknown=unknown)
    except InvalidInput as error:
        raise InvalidInput([*pictures.problems, *error.problems]) from error
    if pictures.problems:
        raise InvalidInput(pictures.problems)
    settled = within_tier(model, checked, tier, rules.catalogue.models)
    request = to_request(model, settled, draw_seed=draw_seed, adapter=adapter)
    if mask_polarity is not None:
        request = request.model_copy(update={"mask_polarity": mask_polarity})
    _compare_mask(request, pictures.inline, model)
    made = plan(
        rules.catalogue,
        model,
        request,
        settled,
        fidelities=fidelities,
        why_not=rules.why_not,
        strict=strict,
        served=served,
        able=rules.able,
    )
    return Prepared(model, checked, request, made, tuple(pictures.inline), tuple(pictures.files))


class _Pictures:
    """Replaces each picture of an ask by a reference, collecting bytes, file ids and mistakes on the way."""

    def __init__(self, rules: Rules, host: str) -> None:
        self._rules, self._host = rules, host
        self.problems: list[Problem] = []
        self.inline: list[InlinePicture] = []
        self.files: list[tuple[str, str]] = []

    def take(self, model: Model, raw: Mapping[str, Any]) -> dict[str, Any]:
        typed = dict(raw)
        for parameter in model.parameters:
            if parameter.type not in PICTURE_TYPES:
                continue
            for name in (parameter.name, *parameter.aliases):
                value = typed.get(name)
                if value is None or value == "":
                    continue
                if parameter.type == "image_list" and isinstance(value, list | tuple):
                    typed[name] = self._list(name, value)
                else:
                    typed[name] = self._one(name, value)
        return typed

    def _list(self, field: str, values: Sequence[object]) -> list[PictureReference | str]:
        if len(values) > MOST_PICTURES:
            message = f"{field} has {len(values)} pictures: it may have at most {MOST_PICTURES}."
            self.problems.append(Problem(field=field, code="too_many", message=message, allowed=MOST_PICTURES))
        return [self._one(f"{field}[{i}]", item) for i, item in enumerate(values[:MOST_PICTURES])]

    def _one(self, field: str, value: object) -> PictureReference | str:
        try:
            return self._reference(field, parse_source(field, value, self._rules.decode_limits.max_bytes))
        except InvalidInput as error:
            self.problems.extend(error.problems)
        except GessoError as error:  # a link's address is refused
            shown = value[:200] if isinstance(value, str) else None
            self.problems.append(
                Problem(field=field, code=error.code, message=f"{field}: {error.message}", value=shown)
            )
        return "unusable"

    def _reference(self, field: str, source: Source) -> PictureReference:
        match source:
            case Link(url):
                if (own := own_blob(url, self._host)) is not None:
                    self.files.append((field, own))
                    return PictureReference(blob=own)
                check_url(url, self._rules.outgoing)
                return PictureReference(url=url)
            case KeptFile(identifier):
                self.files.append((field, identifier))
                return PictureReference(blob=identifier)
            case Inline(data):
                header = inspect(data, field, self._rules.decode_limits)
                picture = InlinePicture(new_id(), field, data, header, hashlib.sha256(data).hexdigest())
                self.inline.append(picture)
                return PictureReference(blob=picture.blob)


def _compare_mask(request: Request, inline: list[InlinePicture], model: Model) -> None:
    """Refuse a mask of another size at once when both came inline (turning may still swap the sides)."""
    if request.image is None or request.mask is None:
        return
    headers = {picture.blob: (picture.field, picture.header) for picture in inline}
    if request.image.blob not in headers or request.mask.blob not in headers:
        return
    _, image = headers[request.image.blob]
    field, mask = headers[request.mask.blob]
    if sorted((image.width, image.height)) != sorted((mask.width, mask.height)):
        raise InvalidInput.of(
            field,
            "mask_size",
            f"{field} is {mask.width}x{mask.height} and the image is {image.width}x{image.height}; "
            "a mask must have the image's size.",
            f"{mask.width}x{mask.height}",
            f"{image.width}x{image.height}",
        )
