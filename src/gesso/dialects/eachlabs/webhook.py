"""The webhook as Eachlabs sends it: a third vocabulary, and the asker's secret as a header instead of a signature."""

from __future__ import annotations

import json
from typing import Any

from gesso.dialects.dialect import Posting, Sending, Webhooks
from gesso.dialects.eachlabs import wire
from gesso.dialects.eachlabs.prediction import is_inline, output
from gesso.dialects.view import View


def posting(view: View, sending: Sending) -> Posting | None:
    """Return what is posted when a prediction succeeded or failed; None when it was cancelled or has not ended."""
    job = view.job
    if job.state not in ("succeeded", "failed"):
        return None
    error = "" if job.failure is None else job.failure.message
    said: dict[str, Any] = {
        "exec_id": job.id,
        "flow_id": None,
        "status": job.state,
        "output": output(view),
        "error": error,
    }
    if job.state == "failed":
        said["output"] = [{"id": job.id, "status": "failed", "output": None, "error": f"Error: {error}"}]
    headers = {"Content-Type": "application/json"}
    if sending.secret:
        headers[wire.SECRET_HEADER] = sending.secret
    return Posting(json.dumps(said, separators=(",", ":")).encode(), headers)


WEBHOOKS = Webhooks(events=frozenset({"succeeded", "failed"}), render=posting, files=is_inline)
