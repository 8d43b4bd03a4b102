"""`/v1/models`: the catalogue with parameters, lifecycles, prices and the readiness of each route."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Header, Path, Response

from gesso.catalogue.describe import bare_choice, describe, describe_route
from gesso.catalogue.load import Catalogue
from gesso.catalogue.model import Model
from gesso.catalogue.schema import json_schema
from gesso.catalogue.stand_in import routes_of
from gesso.server.auth import CallerOf
from gesso.server.catalogue_bodies import ModelBody, ModelDetailBody, ModelsBody
from gesso.server.errors import problem_responses
from gesso.server.parts import PartsOf
from gesso.wiring import Parts

router = APIRouter(prefix="/v1/models", tags=["models"])
Reasons = tuple[str | None, ...]  # why each route of a model cannot be used; None for one that can


@router.get(
    "",
    response_model=ModelsBody,
    responses={304: {"description": "It is as the `ETag` of `If-None-Match` says."}, **problem_responses(401, 422)},
)
async def list_models(
    _: CallerOf,
    parts: PartsOf,
    if_none_match: Annotated[
        str | None, Header(alias="If-None-Match", description="`ETag` of the answer one has: 304 while it is current.")
    ] = None,
) -> Response:
    """List the catalogue. It changes with the readiness of routes only; `ETag` saves sending it again."""
    page = _page(parts.catalogue, _reasons(parts))
    headers = {"ETag": page.etag, "Cache-Control": "private, no-cache"}
    if if_none_match is not None and is_among(page.etag, if_none_match):
        return Response(status_code=304, headers=headers)
    return Response(page.body, headers=headers, media_type="application/json")


@router.get("/{slug}", response_model=ModelDetailBody, responses=problem_responses(401, 404, 422))
async def show_model(
    slug: Annotated[str, Path(description="Slug of a model.")], _: CallerOf, parts: PartsOf
) -> ModelDetailBody:
    """Show one model with the JSON Schema of its input."""
    model = parts.catalogue.get(slug)
    return ModelDetailBody(**_model(parts, model).model_dump(), input_schema=json_schema(model))


class Page(NamedTuple):
    """The whole catalogue as JSON, and a tag that changes with it."""

    body: bytes
    etag: str


@lru_cache(maxsize=2)
def _page(catalogue: Catalogue, reasons: tuple[Reasons, ...]) -> Page:
    """Build the list once for each state of the routes: most of it never changes and all of it is large."""
    described = zip(_described(catalogue), catalogue.models, reasons, strict=True)
    bodies = [ModelBody.model_validate(fixed | {"routes": _routes(model, why)}) for fixed, model, why in described]
    body = ModelsBody(models=bodies).model_dump_json().encode()
    return Page(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


@lru_cache(maxsize=2)
def _described(catalogue: Catalogue) -> tuple[dict[str, Any], ...]:
    return tuple(describe(model) for model in catalogue.models)


def _reasons(parts: Parts) -> tuple[Reasons, ...]:
    """Return why each route of each model cannot be used now."""
    return tuple(_why_not(parts, model) for model in parts.catalogue.models)


def _why_not(parts: Parts, model: Model) -> Reasons:
    return tuple(parts.engines.why_not(bare_choice(model, route)) for route in routes_of(model))


def _model(parts: Parts, model: Model) -> ModelBody:
    return ModelBody.model_validate(describe(model) | {"routes": _routes(model, _why_not(parts, model))})


def _routes(model: Model, reasons: Reasons) -> list[dict[str, Any]]:
    return [
        describe_route(route) | {"runs": bare_choice(model, route).runs, "ready": reason is None, "reason": reason}
        for route, reason in zip(routes_of(model), reasons, strict=True)
    ]


def is_among(etag: str, listed: str) -> bool:
    """Tell whether an `If-None-Match` header names this tag, weakly or not, or any (`*`)."""
    tags = [one.strip().removeprefix("W/") for one in listed.split(",")]
    return etag in tags or "*" in tags
