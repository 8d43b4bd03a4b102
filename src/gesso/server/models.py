"""`/v1/models`: the catalogue with parameters, lifecycles, prices and the readiness of each route."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path

from gesso.catalogue.describe import bare_choice, describe, describe_route
from gesso.catalogue.model import Model, Route
from gesso.catalogue.plan import routes_of
from gesso.catalogue.schema import json_schema
from gesso.server.auth import CallerOf
from gesso.server.catalogue_bodies import ModelBody, ModelDetailBody, ModelsBody
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
    routes = [_route(parts, model, route) for route in routes_of(model)]
    return ModelBody.model_validate(describe(model) | {"routes": routes})


def _route(parts: Parts, model: Model, route: Route) -> dict[str, Any]:
    choice = bare_choice(model, route)
    reason = parts.engines.why_not(choice)
    return describe_route(route) | {"runs": choice.runs, "ready": reason is None, "reason": reason}
