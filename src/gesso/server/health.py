"""`/healthz`, `/readyz`, `/metrics`."""

from __future__ import annotations

import ipaddress
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials
from sqlalchemy import text

from gesso import __version__
from gesso.accounts.keys import find_caller
from gesso.domain.errors import GessoError, StorageFailed, StorageFull, Unauthenticated
from gesso.jobs.deliveries import count_pending
from gesso.server.auth import bearer
from gesso.server.bodies import HealthBody, ReadyBody
from gesso.server.errors import problem_responses
from gesso.server.parts import PartsOf

router = APIRouter(tags=["health"])
log = structlog.get_logger(__name__)


@router.get("/healthz", response_model=HealthBody)
async def healthz() -> HealthBody:
    """Say that the process answers."""
    return HealthBody(status="ok", version=__version__)


@router.get(
    "/readyz",
    response_model=ReadyBody,
    responses={503: {"description": "Something it needs is missing.", "model": ReadyBody}},
)
async def readyz(parts: PartsOf, response: Response) -> ReadyBody:
    """Say whether jobs can be accepted and run: database, storage, room on the disk, engines."""
    checks = {"database": "ok", "storage": "ok", "disk": "ok"}
    try:
        await parts.database.read(lambda connection: connection.execute(text("SELECT 1")).scalar())
    except GessoError:
        checks["database"] = "failed"
    try:
        await parts.storage_health.check()
    except GessoError:
        checks["storage"] = "failed"
    try:
        parts.room.check()
    except StorageFull:
        checks["disk"] = "full"
    except StorageFailed:
        checks["disk"] = "failed"
    checks |= {f"engine:{name}": reason or "ok" for name, reason in parts.engine_states()}
    ready = all(checks[name] == "ok" for name in ("database", "storage", "disk"))
    if not ready:
        response.status_code = 503
    return ReadyBody(status="ready" if ready else "not_ready", checks=checks)


@router.get(
    "/metrics",
    response_class=Response,
    openapi_extra={"security": [{}]},  # or none at all, from this machine
    responses={200: {"description": "Prometheus text.", "content": {"text/plain": {}}}, **problem_responses(401)},
)
async def metrics(
    request: Request,
    parts: PartsOf,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Response:
    """Return the metrics, to a caller on this machine or with a key."""
    if not _is_loopback(request):
        secret = credentials.credentials if credentials else ""
        if await parts.database.read(lambda connection: find_caller(connection, secret)) is None:
            raise Unauthenticated
    try:
        request.app.state.metrics.set_pending(webhooks=await parts.database.read(count_pending))
    except GessoError:  # what is counted in this process is told all the same
        log.warning("webhooks_not_counted")
    return Response(request.app.state.metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _is_loopback(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
