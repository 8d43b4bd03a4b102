"""A whole server as `gesso serve --json` runs it, whose open weights paint small pictures and on a thread of its own process.

python weights_server.py      its settings come from the environment, as always
"""

from __future__ import annotations

import json
from functools import partial

from few_pixels import look_in_few_pixels, shrink_presets, small_catalogue

from gesso import installation
from gesso.engines.diffusers.engine import DiffusersEngine
from gesso.server.logs import configure_logs
from gesso.server.run import serve
from gesso.settings import load_settings
from gesso.wiring import build


def main() -> None:
    """Serve until a signal."""
    shrink_presets()
    look_in_few_pixels()
    installation.load_catalogue = small_catalogue
    installation.DiffusersEngine = partial(DiffusersEngine, isolation="thread")  # type: ignore[assignment,misc]
    settings = load_settings(port=0)
    configure_logs(settings.log_level, settings.log_format)
    serve(
        build(settings),
        host=settings.host,
        port=settings.port,
        on_ready=lambda url: print(json.dumps({"url": url}), flush=True),  # noqa: T201 - as `gesso serve --json` says it
    )


if __name__ == "__main__":
    main()
