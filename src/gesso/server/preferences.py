"""The `Prefer: wait=N` header (RFC 7240): how long a submit may be answered later, with the finished job."""

from __future__ import annotations

import re

DEFAULT_SECONDS = 60.0
MAX_SECONDS = 300.0
_WAIT = re.compile(r"(?:^|[,;\s])wait(?:\s*=\s*\"?(\d{1,9})\"?)?(?=$|[,;\s])", re.IGNORECASE)


def wait_seconds(prefer: str | None) -> float | None:
    """Return the seconds asked for, at most 300; None when the header does not ask to wait.

    A bare `wait` means 60. What is not understood is ignored, as the RFC says.
    """
    if prefer is None or (found := _WAIT.search(prefer)) is None:
        return None
    return DEFAULT_SECONDS if found[1] is None else min(float(found[1]), MAX_SECONDS)
