"""A dialect as an ASGI application: finds the route, reads the call, performs the action, says no as the vendor does."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import Request, Response
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Mount, compile_path
from starlette.types import Receive, Scope, Send

from gesso.accounts.keys import Caller, find_caller
from gesso.dialects.actions import Submit
from gesso.dialects.call import Call, Reply
from gesso.dialects.dialect import Dialect, Route
from gesso.domain.errors import GessoError, MalformedBody, NotFound, PayloadTooLarge, StorageFailed, Unauthenticated
from gesso.server.arrival import Arrivals
from gesso.server.dialects import jobs
from gesso.server.dialects.act import act
from gesso.server.dialects.desk import Desk
from gesso.server.dialects.read import call_of, read_body_of
from gesso.server.dialects.respond import respond
from gesso.server.errors import headers_of, status_of
from gesso.server.rate_headers import note_refusal
from gesso.wiring import Parts

log = structlog.get_logger(__name__)
_HTTP_ERRORS: dict[int, type[GessoError]] = {400: MalformedBody, 404: NotFound, 413: PayloadTooLarge}


class MethodNotAllowed(GessoError):
    """This address does not take this method."""

    code = "method_not_allowed"

    def __init__(self, method: str, allowed: Collection[str]) -> None:
        super().__init__(f"{method} is not possible here.")
        self.allowed = tuple(sorted(allowed))


class Internal(GessoError):
    """The server made a mistake; its log has the request id."""

    code = "internal"


@dataclass(frozen=True)
class _Labelled:
    """What the metrics call a route."""

    path: str


class DialectApp:
    """Serves one dialect below `mount`: "/<name>", or "" for the root."""

    def __init__(self, dialect: Dialect, mount: str, parts: Parts, arrivals: Arrivals) -> None:
        self.dialect, self.mount = dialect, mount
        self._parts, self._arrivals = parts, arrivals
        self._routes = [(compile_path(route.path), route) for route in dialect.routes]

    def find(self, method: str, path: str) -> tuple[Route, dict[str, Any]] | None:
        """Return the route that takes a path; raise `MethodNotAllowed` when only another method is taken there."""
        for (regex, _, convertors), route in self._routes:
            matched = regex.match(path)
            if matched is None:
                continue
            if route.method == method:
                return route, {name: convertors[name].convert(text) for name, text in matched.groupdict().items()}
        if others := self.methods(path):
            raise MethodNotAllowed(method, others)
        return None

    def methods(self, path: str) -> frozenset[str]:
        """Return the methods that are taken at a path."""
        return frozenset(route.method for (regex, _, _), route in self._routes if regex.match(path))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        assert scope["type"] == "http"
        request = Request(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = _path_below(request)
        scope = request.scope
        scope["route"] = _Labelled(f"/{self.dialect.name}/…")
        scope["rate_written_as"] = self.dialect.rate_headers
        call = call_of(request, self._parts, self.mount, {})
        try:
            found = self.find(request.method, path)
            if found is None:
                raise NotFound(f"There is no {path} here.")
            route, values = found
            scope["route"] = _Labelled(f"/{self.dialect.name}{route.path}")
            call = call_of(request, self._parts, self.mount, values)
            caller = await self._caller(request, call, public=route.public)
            return await self._perform(request, route, call, caller)
        except GessoError as error:
            return self._refuse(error, call, scope)
        except HTTPException as error:
            kind = _HTTP_ERRORS.get(error.status_code, MalformedBody)
            return self._refuse(kind(str(error.detail)), call, scope)
        except Exception as error:
            log.exception("request_failed", request_id=call.request_id, exc_info=error)
            return self._refuse(Internal(), call, scope)

    async def _caller(self, request: Request, call: Call, *, public: bool) -> Caller | None:
        secret = self.dialect.secret(call.headers)
        if secret is None:
            if public:
                return None
            raise Unauthenticated
        caller = await self._parts.database.read(lambda connection: find_caller(connection, secret))
        if caller is None and not public:
            raise Unauthenticated("This API key is not valid: it is unknown or was revoked.")
        request.scope["caller"] = caller
        return caller

    async def _perform(self, request: Request, route: Route, call: Call, caller: Caller | None) -> Response:
        desk = Desk(self.dialect, route, self._parts, request, caller)
        if route.reads == "nothing":
            return await act(desk, route.action, call)
        async with self._arrivals.arriving(request, self._parts.max_body_bytes) as arriving:
            call = await read_body_of(arriving, route, call, self._parts.max_picture_bytes)
            if not isinstance(route.action, Submit):
                return await act(desk, route.action, call)
            accepted = await jobs.accept(desk, route.action, call)
            del call  # a large body gives its room to the next while its job is waited for
        return await jobs.answer(desk, route.action, accepted)

    def _refuse(self, error: GessoError, call: Call, scope: Scope) -> Response:
        status = 405 if isinstance(error, MethodNotAllowed) else status_of(error)
        if isinstance(error, StorageFailed):
            log.warning(error.code, reason=error.message, request_id=call.request_id)
        note_refusal(scope, error)
        reply = self.dialect.error(error, status, call)
        ours = {"Allow": ", ".join(error.allowed)} if isinstance(error, MethodNotAllowed) else headers_of(error)
        return respond(Reply(reply.body, reply.status, {**ours, **reply.headers}, reply.media_type))


class AtRoot(Mount):
    """A dialect at the root: takes what its table has and leaves all else to the `others`, the server's own routes.

    A method that neither takes at one of the dialect's paths is refused as the dialect does.
    """

    def __init__(self, app: DialectApp, others: Sequence[BaseRoute]) -> None:
        super().__init__("", app)
        self._dialect, self._others = app, others

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell whether the request is the dialect's."""
        if scope["type"] != "http":
            return Match.NONE, {}
        methods = self._dialect.methods(scope["path"].removeprefix(scope.get("root_path", "")))
        if not methods:
            return Match.NONE, {}
        if scope["method"] not in methods and any(one.matches(scope)[0] is Match.FULL for one in self._others):
            return Match.NONE, {}
        return super().matches(scope)


def _path_below(request: Request) -> str:
    """Return the path below the mount."""
    root = request.scope.get("root_path", "")
    path: str = request.scope["path"]
    return path.removeprefix(root) or "/"
