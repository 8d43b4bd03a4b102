"""A whole server as `gesso serve --json` runs it, but with points at which the jobs of vendors stop.

Its order is that of `crash_server`, of which only the point ("hold": jobs stop where their prompts say) and the settings
count here. All is imported before the order is read.
"""

from __future__ import annotations

import json
import os
import sys

from holding_points import HoldingBlobs, HoldingDatabase, HoldingEngine, HoldingPoints

from gesso.engines.upstream.engine import UpstreamEngine
from gesso.installation import engines_of
from gesso.server.logs import configure_logs
from gesso.server.run import serve
from gesso.settings import load_settings
from gesso.wiring import Around, build


def main() -> None:
    """Serve until a signal."""
    order = json.load(sys.stdin)
    os.environ.update(order["environment"])
    points = HoldingPoints(holding=order["crash_at"] == "hold")
    settings = load_settings(port=0)
    configure_logs(settings.log_level, settings.log_format)
    parts = build(
        settings,
        engines=[
            HoldingEngine(engine, points) if isinstance(engine, UpstreamEngine) else engine
            for engine in engines_of(settings)
        ],
        around=Around(
            database=lambda database: HoldingDatabase(database, points),  # type: ignore[arg-type,return-value]
            blobs=lambda blobs: HoldingBlobs(blobs, points),  # type: ignore[arg-type,return-value]
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
