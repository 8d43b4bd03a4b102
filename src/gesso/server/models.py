"""`/v1/models`: the catalogue with JSON Schemas, prices and the readiness of each route."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from gesso.catalogue.model import Model
from gesso.catalogue.plan import routes_of
from gesso.catalogue.schema import json_schema
from gesso.domain.request import RouteChoice
from gesso.server.auth import CallerOf
from gesso.server.bodies import ModelBody, ModelDetailBody, ModelsBody, RouteStateBody
from gesso.server.errors import problem_responses
from gesso.server.parts import PartsOf
from gesso.wiring import Parts

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.get("", response_model=ModelsBody, responses=problem_responses(401))
async def list_models(_: CallerOf, parts: PartsOf) -> ModelsBody:
    """List the catalogue."""
    return ModelsBody(models=[_model(parts, model) for model in parts.catalogue.models])


@router.get("/{slug}", response_model=ModelDetailBody, responses=problem_responses(401, 404, 422))
async def show_model(
    slug: Annotated[str, Path(description="Slug of a model.")], _: CallerOf, parts: PartsOf
) -> ModelDetailBody:
    """Show one model with the JSON Schema of its input."""
    model = parts.catalogue.get(slug)
    return ModelDetailBody(**_model(parts, model).model_dump(), input_schema=json_schema(model))


def _model(parts: Parts, model: Model) -> ModelBody:
    routes = []
    for route in routes_of(model):
        runs = route.model or model.slug
        reason = parts.engines.why_not(RouteChoice(engine=route.engine, fidelity=route.fidelity, runs=runs))
        routes.append(
            RouteStateBody(engine=route.engine, fidelity=route.fidelity, runs=runs, ready=reason is None, reason=reason)
        )
    return ModelBody(
        slug=model.slug,
        name=model.name,
        owner=model.owner,
        licence=model.licence,
        operations=list(model.operations),
        names={dialect: list(names) for dialect, names in model.names.items()},
        price={"amount": str(model.price.amount), "unit": model.price.unit, "per": "image"},
        routes=routes,
    )
