"""A real server process around the instant engine. Prints its URL and live key.

python instant_server.py DATA_FOLDER [POSTGRES_URL]
"""

from __future__ import annotations

import json
import sys

from gesso.server.logs import configure_logs
from gesso.server.run import serve
from gesso.settings import Settings
from gesso.wiring import build
from instant_engine import InstantEngine


def main() -> None:
    """Serve until a signal."""
    where = {"data_dir": sys.argv[1]} | ({"database_url": sys.argv[2]} if len(sys.argv) > 2 else {})
    settings = Settings(**where, port=0, log_level="warning")
    configure_logs(settings.log_level, settings.log_format)
    parts = build(settings, engines=[InstantEngine()])
    keys = parts.first_keys
    assert keys is not None, "the data folder must be new"
    secret = keys.live_secret
    serve(
        parts,
        host=settings.host,
        port=settings.port,
        on_ready=lambda url: print(json.dumps({"url": url, "key": secret}), flush=True),
    )


if __name__ == "__main__":
    main()
