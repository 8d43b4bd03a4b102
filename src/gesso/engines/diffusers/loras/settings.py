"""What an installation says of LoRAs, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Allowed = Literal["url", "hub", "civitai"]
ALLOWED: tuple[Allowed, ...] = ("url", "hub", "civitai")
HUB = "https://huggingface.co"
CIVITAI = "https://civitai.com"


@dataclass(frozen=True)
class LoraSettings:
    """`folder` holds what was fetched. `registered` are the operator's own names: a path, a link, a hub id or a CivitAI
    number each. `sources` are what requests may name besides.

    `file_bytes` is the most one fetched file may have, `cache_bytes` all of them together, those in use not counted as
    removable. A link is fetched again when it was fetched `fresh_seconds` ago. `hub` and `civitai` are the addresses
    under which hub ids and CivitAI numbers are looked up.
    """

    folder: Path
    registered: Mapping[str, str] = field(default_factory=dict)
    sources: frozenset[Allowed] = frozenset({"url"})
    file_bytes: int = 2 << 30
    cache_bytes: int = 20 << 30
    seconds: float = 600
    fresh_seconds: float = 86_400
    hub: str = HUB
    civitai: str = CIVITAI
