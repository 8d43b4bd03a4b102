"""`/healthz`, `/readyz`, `/metrics`."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials
from sqlalchemy import Connection, text

from gesso import __version__
from gesso.accounts.keys import find_caller
from gesso.domain.errors import GessoError, StorageFailed, StorageFull, Unauthenticated
from gesso.server.auth import bearer
from gesso.server.bodies import HealthBody, ReadyBody
from gesso.server.errors import problem_responses
from gesso.server.fleet_values import FleetValues
from gesso.server.parts import PartsOf
from gesso.wiring import Parts

router = APIRouter(tags=["health"])
DATABASE_SECONDS = 5.0  # to answer both of two questions


@router.get("/healthz", response_model=HealthBody)
async def healthz() -> HealthBody:
    """Say that the process answers."""
    return HealthBody(status="ok", version=__version__)


@router.get(
    "/readyz",
    response_model=ReadyBody,
    responses={503: {"description": "Something it needs is missing.", "model": ReadyBody}},
)
async def readyz(request: Request, parts: PartsOf, response: Response) -> ReadyBody:
    """Say whether jobs can be accepted and run: database, storage, room on the disk, engines, the queue.

    Without the first three, or when it stops, this process can do nothing: 503. An engine that cannot run, and jobs that
    wait for an engine no process alive has, make it `degraded`, 200: what is there can still be asked for. Where no engine
    can run at all, a worker answers 503.
    """
    vital, engines = await _vital(parts), _engines(parts)
    checks = vital | engines
    fleet: FleetValues = request.app.state.metrics.fleet
    known = await fleet.look() if vital["database"] == "ok" else None
    if known is not None:
        nobody = fleet.nobody_runs(known)
        checks["queue"] = f"jobs wait for engines that no worker alive has: {', '.join(nobody)}" if nobody else "ok"
    ready = all(found == "ok" for found in vital.values())
    if request.app.state.works_only and "ok" not in engines.values():
        ready = False
    if not ready:
        response.status_code = 503
        return ReadyBody(status="not_ready", checks=checks)
    return ReadyBody(status="ready" if set(checks.values()) == {"ok"} else "degraded", checks=checks)


async def _vital(parts: Parts) -> dict[str, str]:
    """Return what nothing can be done without."""
    checks = {"database": "ok", "storage": "ok", "disk": "ok"}
    try:
        async with asyncio.timeout(DATABASE_SECONDS):
            await parts.database.read(_ask)
            await parts.database.write(_ask)  # a server that may only be read from answers the first
    except (GessoError, TimeoutError):
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
    return checks | ({"process": "stopping"} if parts.stopping else {})


def _ask(connection: Connection) -> object:
    return connection.execute(text("SELECT 1")).scalar()


def _engines(parts: Parts) -> dict[str, str]:
    found = {f"engine:{name}": reason or "ok" for name, reason in parts.engine_states()}
    return found or {"engines": "no worker is alive: no job is accepted"}


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
    return Response(await request.app.state.metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _is_loopback(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
