"""Traces of a process that serves or works: begun when it starts, sent to the end when it stops."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

import structlog

from gesso import __version__
from gesso.telemetry import tracing

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig

log = structlog.get_logger(__name__)
# FastAPI's own would tell whole addresses, with the signatures of links.
SILENT: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


def start_traces(role: Literal["server", "worker"]) -> None:
    """Begin, where the environment names a collector; without the extra it is said that there will be none."""
    try:
        tracing.start(__version__, role)
    except ImportError:
        log.warning("no_traces", reason="A collector is named, but the extra is missing: pip install 'gesso[otel]'")


async def stop_traces() -> None:
    """Send what is left, without holding up the event loop."""
    await asyncio.to_thread(tracing.stop)
