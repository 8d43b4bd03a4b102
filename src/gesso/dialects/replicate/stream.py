"""The event stream of a prediction: logs, outputs, an error, done; each with an id."""

from __future__ import annotations

from gesso.dialects.replicate.prediction import logs, outputs, progress_line
from gesso.dialects.view import View
from gesso.dialects.wanted import ServerEvent

_REASONS = {"cancelled": "canceled", "failed": "error"}


def events(view: View) -> list[ServerEvent]:
    """Return what there is to tell by now."""
    job, progress = view.job, progress_line(view)
    lines = [line for line in logs(view) if line != progress]
    told = [ServerEvent("logs", line, f"logs:{number}") for number, line in enumerate(lines)]
    if progress is not None:
        told.append(ServerEvent("logs", progress, f"progress:{progress.strip()}"))
    if not job.is_terminal:
        return told
    if job.state == "succeeded":
        told += [ServerEvent("output", text, f"output:{number}") for number, text in enumerate(outputs(view))]
    if job.failure is not None:
        told.append(ServerEvent("error", job.failure.message, "error:0"))
    reason = _REASONS.get(job.state)
    return [*told, ServerEvent("done", {"reason": reason} if reason else {}, "done:0")]
