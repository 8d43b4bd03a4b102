"""The routes of Friendli: dedicated endpoints, and a container's own."""

from __future__ import annotations

from functools import partial

from gesso.catalogue.load import Catalogue
from gesso.dialects.actions import ShowCatalogue, Submit
from gesso.dialects.call import Call, Reply
from gesso.dialects.dialect import Dialect, Route
from gesso.dialects.friendli.translate import needs_files, to_answer, to_wanted
from gesso.dialects.friendli.wire import CONTAINER, DEDICATED, Product
from gesso.dialects.view import View
from gesso.domain.errors import DailyCreditsSpent, GessoError, InvalidInput, Problem
from gesso.domain.request import Operation

# A job that failed is no 5xx: the client would post it again for an hour.
_FAILED = {"image_not_retrievable": 400, "unreadable_image": 400}
_NOT_FOUND = frozenset({"unknown_model", "unknown_adapter"})
RETRY_SECONDS = 1


def render(view: View, call: Call) -> Reply:
    """Return the pictures of a job that succeeded, else why there are none."""
    job = view.job
    if job.state == "succeeded" and job.pictures and (view.files is None or None not in view.files):
        return Reply(to_answer(view))
    if job.state == "succeeded":
        return Reply({"detail": "The pictures of this job were deleted."}, 410)
    if job.state == "failed" and job.failure is not None:
        return Reply({"detail": job.failure.message}, _FAILED.get(job.failure.code, 422))
    if job.state == "cancelled":
        return Reply({"detail": "The job was cancelled."}, 409)
    detail = "The server is stopping or the job takes too long: send the same request again to go on waiting."
    return Reply({"detail": detail}, 503, {"Retry-After": str(RETRY_SECONDS)})


def error(error: GessoError, status: int, call: Call) -> Reply:
    """Return an error as FastAPI words it, which the vendor's 422 is."""
    if isinstance(error, DailyCreditsSpent):  # with 429 the client would post it again for an hour
        return Reply({"detail": error.message}, 402)
    if not isinstance(error, InvalidInput):
        return Reply({"detail": error.message}, status)
    if any(problem.field == "model" and problem.code in _NOT_FOUND for problem in error.problems):
        return Reply({"detail": error.message}, 404)
    return Reply({"detail": [_detail(problem) for problem in error.problems]}, 422)


def _detail(problem: Problem) -> dict[str, object]:
    name, _, index = problem.field.partition("[")
    where = ["body", name, *([int(index[:-1])] if index[:-1].isdecimal() else [])]
    return {"loc": where, "msg": problem.message, "type": f"value_error.{problem.code}"}


def models(catalogue: Catalogue, call: Call) -> Reply:
    """Return the models as the serverless list shows them."""
    listed = [{"id": model.slug, "object": "model", "name": model.name} for model in catalogue.models]
    return Reply({"object": "list", "data": listed})


def _submit(path: str, product: Product, operation: Operation) -> Route:
    parse = partial(to_wanted, product=product, operation=operation)
    return Route("POST", path, Submit(parse, render, needs_files), reads="json")


DIALECT = Dialect(
    name="friendli",
    title="Friendli",
    routes=(
        _submit("/dedicated/v1/images/edits", DEDICATED, "edit"),
        _submit("/dedicated/v1/images/generations", DEDICATED, "generate"),
        _submit("/v1/images/edits", CONTAINER, "edit"),
        _submit("/v1/images/generations", CONTAINER, "generate"),
        Route("GET", "/serverless/v1/models", ShowCatalogue(models)),
    ),
    error=error,
)
