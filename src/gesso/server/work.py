"""Run jobs until a signal, without an API; with a port, tell of health and metrics on the loopback address."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI
from uvicorn.loops.auto import auto_loop_factory

from gesso.server import health
from gesso.server.metrics import Metrics
from gesso.server.run import listen_on
from gesso.server.traces import SILENT, start_traces, stop_traces
from gesso.wiring import Parts

LOOPBACK = "127.0.0.1"
HEALTH_STOP_SECONDS = 1


class _Health(uvicorn.Server):
    """Leaves the signals to the worker."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def work(parts: Parts, *, port: int | None, on_ready: Callable[[str | None], None]) -> None:
    """Run jobs until SIGINT or SIGTERM, then finish or give back what runs.

    Calls `on_ready` once jobs are taken, with the address of health and metrics if there is a port (0: a free one).
    """
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:  # the fast one, as `serve` has
        runner.run(_work(parts, port, on_ready))


async def _work(parts: Parts, port: int | None, on_ready: Callable[[str | None], None]) -> None:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ending.set)
    url, serving, server = None, None, None
    try:
        listener = None if port is None else listen_on(LOOPBACK, port)
        start_traces("worker")
        await parts.start()
    except BaseException:
        parts.close()
        raise
    try:
        if listener is not None:
            url = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
            config = uvicorn.Config(
                _health_app(parts),
                access_log=False,
                log_config=None,
                server_header=False,
                lifespan="off",
                timeout_graceful_shutdown=HEALTH_STOP_SECONDS,
            )
            server = _Health(config)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
        on_ready(url)
        await ending.wait()
    finally:
        await parts.stop()
        if server is not None and serving is not None:
            server.should_exit = True
            await serving
        await stop_traces()


def _health_app(parts: Parts) -> FastAPI:
    app = FastAPI(title="Gesso worker", docs_url=None, redoc_url=None, openapi_url=None, telemetry=SILENT)
    app.state.parts = parts
    app.state.metrics = Metrics(parts)
    app.state.works_only = True
    app.include_router(health.router)
    return app
