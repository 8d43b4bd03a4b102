"""The routes of Claid."""

from __future__ import annotations

from functools import partial

from gesso.dialects.actions import Answer, Show, Submit
from gesso.dialects.call import Call, Reply
from gesso.dialects.claid import classic, render
from gesso.dialects.claid.limits import rate_headers
from gesso.dialects.claid.refuse import error
from gesso.dialects.claid.translate import ai_edit, generate, job_number
from gesso.dialects.claid.wire import STORAGE_TYPES
from gesso.dialects.dialect import Dialect, Route, Webhooks
from gesso.domain.errors import Forbidden


def storage_types(call: Call) -> Reply:
    """Tell the kinds of storages that Claid connects."""
    return Reply({"data": STORAGE_TYPES})


def no_storages(call: Call) -> Reply:
    """Refuse to connect a storage."""
    raise Forbidden(
        "This server connects no storages: send links or upload pictures, and fetch results from their tmp_url."
    )


def _submits(version: str) -> tuple[Route, ...]:
    """Return the routes older clients know under the beta's name as well."""
    at = f"/{version}/image"
    return (
        Route("POST", f"{at}/edit", Submit(classic.edit, render.edited), reads="json"),
        Route("POST", f"{at}/edit/upload", Submit(classic.upload, render.edited), reads="form"),
        Route(
            "POST",
            f"{at}/edit/async",
            Submit(classic.edit_async, partial(render.accepted, path="edit/async")),
            reads="json",
        ),
        Route("GET", f"{at}/edit/async/{{task_id}}", Show(job_number, render.status, is_here=render.is_async_edit)),
        Route("POST", f"{at}/generate", Submit(generate, render.generated), reads="json"),
    )


STORAGES = "/v1/storage/storages"
ROUTES = (
    Route("POST", "/v1/image/ai-edit", Submit(ai_edit, partial(render.accepted, path="ai-edit")), reads="json"),
    Route("GET", "/v1/image/ai-edit/{ai_edit_id}", Show(job_number, render.status, is_here=render.is_ai_edit)),
    *_submits("v1"),
    *_submits("v1-beta1"),
    Route("GET", "/v1/storage/storage-types", Answer(storage_types)),
    Route("GET", STORAGES, Answer(no_storages)),
    Route("POST", STORAGES, Answer(no_storages)),
    *(Route(method, f"{STORAGES}/{{id}}", Answer(no_storages)) for method in ("GET", "PATCH", "DELETE")),
)

DIALECT = Dialect(
    name="claid",
    title="Claid",
    routes=ROUTES,
    error=error,
    rate_headers=rate_headers,
    webhooks=Webhooks(frozenset({"succeeded", "failed", "cancelled"}), render.posting),
)
