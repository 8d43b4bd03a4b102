"""Serve the application with uvicorn until a signal ends it."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable
from errno import EADDRNOTAVAIL
from types import FrameType

import uvicorn

from gesso.domain.errors import OperatorError
from gesso.server.app import create_app
from gesso.server.http import BoundedHeads
from gesso.wiring import Parts


class _Server(uvicorn.Server):
    """Tells when it listens; stops its work while it waits for its clients, not after."""

    def __init__(self, config: uvicorn.Config, parts: Parts, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._parts, self._on_ready = parts, on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and not self.should_exit:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Clients that wait for jobs would otherwise be waited for, and cut off at the end.
        stopping = asyncio.create_task(self._parts.stop_work())
        await super().shutdown(sockets)
        await stopping


def serve(parts: Parts, *, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Listen until SIGINT or SIGTERM. Calls `on_ready` with the URL once requests are answered."""
    listener = listen_on(host, port)
    shown = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host  # noqa: S104 - only compared
    shown = f"[{shown}]" if ":" in shown else shown
    url = parts.public_url or f"http://{shown}:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        create_app(parts),
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(parts.trusted_proxies),
        forwarded_allow_ips=list(parts.trusted_proxies),
        timeout_graceful_shutdown=max(1, int(parts.grace_seconds) + 5),
        http=BoundedHeads,
    )
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _end_well)  # uvicorn raises the signal again when it has stopped
    server = _Server(config, parts, lambda: on_ready(url))
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(server.serve(sockets=[listener]))


def _end_well(number: int, frame: FrameType | None) -> None:
    """End with exit code 0: whoever sent SIGTERM got what was asked for."""
    raise SystemExit(0)


def listen_on(host: str, port: int) -> socket.socket:
    """Return a socket that listens; raise `OperatorError` when the address cannot be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        reason = error.strerror or "it cannot be used"
        wrong = "GESSO_HOST" if isinstance(error, socket.gaierror) or error.errno == EADDRNOTAVAIL else "GESSO_PORT"
        raise OperatorError(f"Cannot listen on {host}:{port}: {reason}. Choose another with {wrong}.") from error
    listener.listen(2048)
    listener.setblocking(False)
    return listener
