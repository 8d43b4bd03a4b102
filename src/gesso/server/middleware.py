"""What surrounds every request: its id, the body limit, how its key stands, the access log line and its metrics. Plain ASGI, no copies."""

from __future__ import annotations

import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gesso.accounts.limits import KeyLimits
from gesso.domain.clock import Clock
from gesso.domain.errors import PayloadTooLarge
from gesso.domain.ids import new_id
from gesso.server.metrics import Metrics
from gesso.server.rate_headers import rate_headers
from gesso.server.stopping import answered_at_the_end
from gesso.telemetry.span import NOTHING, Span
from gesso.telemetry.tracing import begin, code_of, on

log = structlog.get_logger("gesso.access")
MAX_LOGGED_PATH = 200
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})


class Surroundings:
    """Outermost layer of the app."""

    def __init__(
        self, app: ASGIApp, *, metrics: Metrics, max_body_bytes: int, key_limits: KeyLimits, clock: Clock
    ) -> None:
        self._app, self._metrics, self._max_body = app, metrics, max_body_bytes
        self._key_limits, self._clock = key_limits, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["request_id"] = new_id()
        if on() and scope["path"] not in _QUIET:
            await self._traced(scope, receive, send)
        else:
            await self._answer(scope, receive, send, NOTHING)

    async def _traced(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer within a span, in the trace of the caller if it names one."""
        said = {"gesso.request.id": scope["request_id"], "http.request.method": scope["method"]}
        span = begin(scope["method"], said, parent=_traceparent(scope), kind="server")
        failed: str | None = None
        try:
            with span.current():
                status = await self._answer(scope, receive, send, span)
            failed = str(status) if status >= 500 else None
        except Exception as error:
            failed = code_of(error)
            raise
        finally:
            span.end(failed)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, span: Span) -> int:
        """Return the status that was answered."""
        began = time.perf_counter()
        request_id, status = scope["request_id"], 500

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", []),
                    (b"x-request-id", request_id.encode()),
                    *rate_headers(scope, self._key_limits, self._clock),
                ]
            await send(message)

        try:
            await answered_at_the_end(self._app, scope, limited(receive, self._max_body), marked)
        finally:
            seconds = time.perf_counter() - began
            route = getattr(scope.get("route"), "path", "unknown")
            self._metrics.requests.labels(scope["method"] if route != "unknown" else "-", route, str(status)).inc()
            self._metrics.request_seconds.labels(route).observe(seconds)
            span.rename(f"{scope['method']} {route}")
            span.note({"http.route": route, "http.response.status_code": status})
            if scope["path"] not in _QUIET:
                line = log.info if status < 500 else log.warning if status == 503 else log.error
                line(
                    "request",
                    request_id=request_id,
                    method=scope["method"],
                    path=_shown(scope),
                    status=status,
                    milliseconds=round(seconds * 1000, 1),
                )
        return status


def _traceparent(scope: Scope) -> str | None:
    found = [value for name, value in scope["headers"] if name == b"traceparent"]
    return found[0].decode("latin-1") if len(found) == 1 else None


def _shown(scope: Scope) -> str:
    """Return the path as it was sent, escapes and all: decoded it could write anything into the log."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode("ascii", "backslashreplace")
    return raw[:MAX_LOGGED_PATH].decode("ascii", "backslashreplace")


def limited(receive: Receive, limit: int) -> Receive:
    """Return a receive that raises `PayloadTooLarge` once the body passes the limit."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > limit:
                raise PayloadTooLarge(f"The body is over the limit of {limit} bytes.", limit_bytes=limit)
        return message

    return counted
