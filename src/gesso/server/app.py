"""The FastAPI application over the assembled parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from gesso import __version__
from gesso.dialects.registry import BY_NAME, DIALECTS
from gesso.jobs.outbox import NATIVE
from gesso.server import account, blobs, errors, files, health, home, jobs, models, spending, webhooks
from gesso.server.arrival import Arrivals
from gesso.server.bodies import ProblemBody, ProblemItem
from gesso.server.dialects.app import AtRoot, DialectApp
from gesso.server.metrics import Metrics
from gesso.server.middleware import Surroundings
from gesso.server.model_bodies import describe_bodies
from gesso.server.native_webhooks import WEBHOOKS
from gesso.server.traces import SILENT, start_traces, stop_traces
from gesso.wiring import Parts

DESCRIPTION = """
One self-hosted server under every image model.

1. Send a key with every request: `Authorization: Bearer gesso_test_…`. A test key runs every model, on the built-in one.
2. Find a model and the JSON Schema of what it takes: `GET /v1/models`, `GET /v1/models/{slug}`.
3. Submit a job: `POST /v1/jobs`, with the header `Prefer: wait=60` to get it finished. Otherwise ask for it again with
   `GET /v1/jobs/{id}` until its `state` is succeeded, failed or cancelled.
   Or be told: with `webhook`, a link sent along with the job, or once for all jobs with `POST /v1/webhooks`.
4. Fetch the pictures from their `url`; that takes no key.

A picture that goes in is an http(s) link, a data URI, bare base64, a part of a form, or the `reference` of an uploaded file.
Errors are problem documents (RFC 9457) with a stable `code`.
"""
TAGS = [
    {"name": "jobs", "description": "Submit, watch, list, cancel and delete."},
    {"name": "models", "description": "What can be asked for."},
    {"name": "files", "description": "Pictures uploaded once and named in many jobs."},
    {"name": "account", "description": "Credits of this key's mode, and what became of them."},
    {"name": "webhooks", "description": "Who is told of jobs, and what came of it."},
    {"name": "health", "description": "For whoever operates the server."},
]


def create_app(parts: Parts) -> FastAPI:
    """Return the application; its lifespan starts and stops the parts."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        start_traces("server")
        await parts.start()
        try:
            yield
        finally:
            await parts.stop()
            await stop_traces()

    app = FastAPI(
        title="Gesso",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        lifespan=lifespan,
        redoc_url=None,
        telemetry=SILENT,
        generate_unique_id_function=_operation_id,
    )
    app.state.parts, app.state.works_only, app.state.one_report = parts, False, asyncio.Lock()
    parts.webhooks[NATIVE] = WEBHOOKS
    app.state.arrivals = Arrivals(bytes_in_flight=parts.body_bytes_in_flight, idle_seconds=parts.body_idle_seconds)
    app.state.metrics = Metrics(parts, app.state.arrivals.budget)
    for module in (jobs, models, files, account, spending, webhooks, blobs, health, home):
        app.include_router(module.router)
    _mount_dialects(app, parts)
    errors.install(app)
    app.add_middleware(
        Surroundings,
        metrics=app.state.metrics,
        max_body_bytes=parts.max_body_bytes,
        key_limits=parts.key_limits,
        clock=parts.clock,
    )
    _complete_openapi(app, parts)
    return app


def _mount_dialects(app: FastAPI, parts: Parts) -> None:
    """Serve each dialect at its mount, and the one the operator chose at the root as well, before the native routes."""
    for dialect in DIALECTS:
        app.mount(dialect.mount, DialectApp(dialect, dialect.mount, parts, app.state.arrivals))
    if parts.root_dialect is not None:
        root = DialectApp(BY_NAME[parts.root_dialect], "", parts, app.state.arrivals)
        app.router.routes.insert(0, AtRoot(root, tuple(app.router.routes)))


def _operation_id(route: APIRoute) -> str:
    return route.name


def _complete_openapi(app: FastAPI, parts: Parts) -> None:
    """Add the problem document and each model's body; drop FastAPI's own validation error, which is never sent."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = original()
            schemas = schema.setdefault("components", {}).setdefault("schemas", {})
            for kind in (ProblemItem, ProblemBody):
                schemas[kind.__name__] = kind.model_json_schema(ref_template="#/components/schemas/{model}")
                schemas[kind.__name__].pop("$defs", None)
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            describe_bodies(schema, parts.catalogue.models)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
