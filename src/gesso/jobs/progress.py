"""What processes tell each other of running jobs: which are watched, and how far they are. Lossy; no rows."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection

from gesso.database.dialect import notify
from gesso.domain.events import Snapshot


def tell_progress(connection: Connection, watched: Sequence[str], news: Sequence[Snapshot]) -> None:
    """Say which jobs are watched here, and how far those are that run here; previews stay where they are."""
    for job_id in watched:
        notify(connection, "gesso_watched", job_id)
    for snapshot in news:
        told = {"id": snapshot.job_id, "stage": snapshot.stage, "done": snapshot.done, "total": snapshot.total}
        notify(connection, "gesso_progress", json.dumps(told, separators=(",", ":")))
