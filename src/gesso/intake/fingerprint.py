"""The fingerprint of a request: equal for two sendings of the same ask, whatever the bytes on the wire looked like."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from gesso.domain.picture import PictureReference


def fingerprint(
    *, route: str, model: str, values: Mapping[str, Any], digests: Mapping[str, str], rest: Mapping[str, Any]
) -> str:
    """Return the SHA-256 (hex) of the canonical ask.

    `route` is method and path, `values` the typed parameters as asked for (before a seed is drawn), `digests` the
    SHA-256 of each inline picture by blob id, `rest` whatever else makes two asks differ (metadata, strictness).
    """

    def plain(value: Any) -> Any:
        if isinstance(value, PictureReference):
            return digests.get(value.blob, value.blob) if value.blob else value.url
        raise TypeError(f"{type(value).__name__} has no canonical form")

    ask = {"route": route, "model": model, "values": dict(values), "rest": dict(rest)}
    return hashlib.sha256(json.dumps(ask, sort_keys=True, default=plain).encode()).hexdigest()
