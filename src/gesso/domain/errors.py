"""Everything that can go wrong, one class per thing a caller can do about it.

    GessoError
    ├── MalformedBody           send well-formed JSON or multipart
    ├── RequestTimeout          send the body without long pauses
    ├── InvalidInput            correct the named fields and ask again
    ├── Unauthenticated         send a valid key
    ├── Forbidden               use a key that may do this
    ├── NotFound                nothing there (or not yours)
    ├── Conflict                the thing's state does not allow it
    │   └── IdempotencyMismatch the same idempotency key came with another request
    ├── PayloadTooLarge         send fewer bytes
    ├── UnsupportedMedia        send another kind of bytes
    ├── InsufficientCredits     top up
    ├── TooManyRequests         wait `retry_after_seconds`
    │   ├── RateLimited         … until this key may ask again
    │   ├── TooManyJobs         … until one of this key's jobs has ended
    │   └── DailyCreditsSpent   … until the next day (UTC)
    ├── ModelNotReady           the model has no route this key may use now
    ├── JobFailed               the job ended without a picture
    │   ├── ImageNotRetrievable a linked picture could not be fetched
    │   ├── EngineFailed        the engine could not run it
    │   └── ContentRefused      moderation refused what was asked for or what was made
    ├── StorageFailed           bytes could not be written or read
    │   └── StorageFull         there is no room for more: free some, or wait
    └── OperatorError           the installation is wrong; the message says what to do

The class docstring is the default message. `code` is stable and public; HTTP statuses live in the server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from gesso.domain.frozen import Frozen
from gesso.domain.rate import Rate


class Problem(Frozen):
    """One mistake in the input: which field, what came, what is allowed, in one sentence."""

    field: str
    code: str
    message: str
    value: Any = None
    allowed: Any = None


class GessoError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        super().__init__(self.message)


class MalformedBody(GessoError):
    """The body could not be read."""

    code = "malformed_body"


class RequestTimeout(GessoError):
    """The body did not arrive in time."""

    code = "request_timeout"


class InvalidInput(GessoError):
    """The input has mistakes."""

    code = "invalid_input"

    def __init__(self, problems: list[Problem] | tuple[Problem, ...]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(problem.message for problem in self.problems))

    @classmethod
    def of(cls, field: str, code: str, message: str, value: Any = None, allowed: Any = None) -> InvalidInput:
        """Return the error for one field."""
        return cls([Problem(field=field, code=code, message=message, value=value, allowed=allowed)])

    def renamed(self, fields: Mapping[str, str]) -> InvalidInput:
        """Return the error in other names of fields; what is behind a name ("[0]", ".width") stays behind it.

        A name with its item ("images[1]") may be renamed as a whole.
        """
        return type(self)([_renamed(problem, fields) for problem in self.problems])


def _renamed(problem: Problem, fields: Mapping[str, str]) -> Problem:
    name = problem.field if problem.field in fields else re.split(r"[\[.]", problem.field, maxsplit=1)[0]
    theirs = fields.get(name, name)
    message = problem.message
    if message.startswith(name):
        message = theirs + message.removeprefix(name)
    return problem.model_copy(update={"field": theirs + problem.field.removeprefix(name), "message": message})


class Unauthenticated(GessoError):
    """A valid API key is needed: send it as "Authorization: Bearer gesso_…"."""

    code = "unauthenticated"


class Forbidden(GessoError):
    """This key may not do that."""

    code = "forbidden"


class NotFound(GessoError):
    """There is nothing here."""

    code = "not_found"


class Conflict(GessoError):
    """The state of this thing does not allow that."""

    code = "conflict"


class IdempotencyMismatch(Conflict):
    """This idempotency key was already used for another request."""

    code = "idempotency_mismatch"


class PayloadTooLarge(GessoError):
    """The body is too large."""

    code = "payload_too_large"

    def __init__(self, message: str | None = None, *, limit_bytes: int | None = None) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(message)


class UnsupportedMedia(GessoError):
    """This kind of content is not accepted here."""

    code = "unsupported_media_type"


class InsufficientCredits(GessoError):
    """The account has not enough credits."""

    code = "insufficient_credits"

    def __init__(self, needed_micro: int, balance_micro: int, remark: str = "") -> None:
        from gesso.domain.credits import render_credits

        self.needed_micro, self.balance_micro = needed_micro, balance_micro
        needed, balance = render_credits(needed_micro), render_credits(balance_micro)
        more = f" ({remark})" if remark else ""
        super().__init__(f"This job costs {needed} credits and the account has {balance}{more}.")


class TooManyRequests(GessoError):
    """Too many jobs are waiting.

    `ends_needed` is how many jobs must end before there is a place for the asker; who knows how fast they end makes
    `retry_after_seconds` of it. With 0 it is not jobs that are waited for, and the seconds are known already.
    """

    code = "too_many_requests"

    def __init__(
        self, message: str = "Too many jobs are waiting.", *, ends_needed: int = 1, retry_after_seconds: int = 1
    ) -> None:
        self.ends_needed, self.retry_after_seconds = ends_needed, retry_after_seconds
        super().__init__(message)


class RateLimited(TooManyRequests):
    """This key may not make so many requests a minute."""

    code = "rate_limited"

    def __init__(self, message: str | None = None, *, retry_after_seconds: int = 1, rate: Rate | None = None) -> None:
        message = message or str(type(self).__doc__)
        super().__init__(message, ends_needed=0, retry_after_seconds=retry_after_seconds)
        self.rate = rate


class TooManyJobs(TooManyRequests):
    """This key may not have so many jobs waiting or running at once."""

    code = "too_many_jobs"

    def __init__(self, message: str | None = None, *, ends_needed: int = 1) -> None:
        super().__init__(message or str(type(self).__doc__), ends_needed=ends_needed)


class DailyCreditsSpent(TooManyRequests):
    """This key has spent the credits it may spend in a day (UTC)."""

    code = "daily_credits_spent"

    def __init__(
        self, needed_micro: int = 0, left_micro: int = 0, limit_micro: int = 0, *, retry_after_seconds: int = 1
    ) -> None:
        from gesso.domain.credits import render_credits

        self.needed_micro, self.left_micro, self.limit_micro = needed_micro, left_micro, limit_micro
        needed, left, limit = (render_credits(micro) for micro in (needed_micro, left_micro, limit_micro))
        message = (
            f"This job costs {needed} credits; of the {limit} that this key may spend a day (UTC), {left} are left."
        )
        super().__init__(message, ends_needed=0, retry_after_seconds=retry_after_seconds)


class ModelNotReady(GessoError):
    """This model cannot run here now."""

    code = "model_not_ready"


class JobFailed(GessoError):
    """The job failed."""

    code = "job_failed"

    def __init__(self, message: str | None = None, *, again: bool = False, billed: bool = False) -> None:
        """`again`: another route may succeed. `billed`: a vendor took its price all the same."""
        super().__init__(message)
        self.again, self.billed = again, billed


class ImageNotRetrievable(JobFailed):
    """A linked picture could not be fetched."""

    code = "image_not_retrievable"


class EngineFailed(JobFailed):
    """The engine could not run this job."""

    code = "engine_failed"


class UpstreamFailed(EngineFailed):
    """The vendor that runs this model could not make the picture."""

    code = "upstream_failed"


class UpstreamRejected(EngineFailed):
    """The vendor that runs this model does not take this request."""

    code = "upstream_rejected"


class UpstreamUnavailable(EngineFailed):
    """The vendor that runs this model is not available."""

    code = "upstream_unavailable"


class UpstreamTimedOut(EngineFailed):
    """The vendor that runs this model did not finish in time."""

    code = "upstream_timed_out"


class UpstreamUnknown(EngineFailed):
    """What became of the request at the vendor that runs this model cannot be known."""

    code = "upstream_unknown"


class ContentRefused(JobFailed):
    """The content was refused by moderation."""

    code = "content_refused"


class StorageFailed(GessoError):
    """The storage could not be written or read."""

    code = "storage_failed"


class StorageFull(StorageFailed):
    """There is no room left on the disk."""

    code = "storage_full"


class OperatorError(GessoError):
    """This installation needs a change."""

    code = "operator_error"


ERROR_CODES: dict[str, type[GessoError]] = {
    kind.code: kind
    for kind in (
        MalformedBody,
        RequestTimeout,
        InvalidInput,
        Unauthenticated,
        Forbidden,
        NotFound,
        Conflict,
        IdempotencyMismatch,
        PayloadTooLarge,
        UnsupportedMedia,
        InsufficientCredits,
        TooManyRequests,
        RateLimited,
        TooManyJobs,
        DailyCreditsSpent,
        ModelNotReady,
        JobFailed,
        ImageNotRetrievable,
        EngineFailed,
        UpstreamFailed,
        UpstreamRejected,
        UpstreamUnavailable,
        UpstreamTimedOut,
        UpstreamUnknown,
        ContentRefused,
        StorageFailed,
        StorageFull,
        OperatorError,
    )
}
