"""A whole server as `gesso serve --json` runs it, but with the engine of noise and with points at which it dies.

Its order is a JSON object on standard input: the file that releases jobs that hold, the point at which to die ("POINT:N",
at its n-th passing) or null, the signal to die of, and settings beside those of its environment. All is imported before the order is read.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from crash_points import CrashingBlobs, CrashingDatabase, CrashingEngine, CrashPoints
from noise_engine import NoiseEngine

from gesso.server.logs import configure_logs
from gesso.server.run import serve
from gesso.settings import load_settings
from gesso.wiring import Around, build

SLOTS = 4


def main() -> None:
    """Serve until a signal, or until the point is reached."""
    order = json.load(sys.stdin)
    os.environ.update(order["environment"])
    point, _, passing = (order["crash_at"] or "").partition(":")
    points = CrashPoints(point or None, int(passing or 0), signal.Signals[order["signal"]])
    settings = load_settings(port=0)
    configure_logs(settings.log_level, settings.log_format)
    parts = build(
        settings,
        engines=[CrashingEngine(NoiseEngine(SLOTS, Path(order["release"])), points)],
        around=Around(
            database=lambda database: CrashingDatabase(database, points),  # type: ignore[arg-type,return-value]
            blobs=lambda blobs: CrashingBlobs(blobs, points),  # type: ignore[arg-type,return-value]
        ),
    )
    serve(
        parts,
        host=settings.host,
        port=settings.port,
        on_ready=lambda url: print(json.dumps({"url": url}), flush=True),  # noqa: T201 - as `gesso serve --json` says it
    )


if __name__ == "__main__":
    main()
