"""LoRAs as the engine asks for them: whether they may be had, and the checked files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from gesso.engines.diffusers.lora import LoraAsked, LoraReady, LoraUse
from gesso.engines.diffusers.loras.settings import LoraSettings
from gesso.outgoing.fetch import Outgoing


class LoraLibrary:
    """All LoRAs of an installation. Used on one event loop."""

    def __init__(self, settings: LoraSettings, outgoing: Outgoing) -> None:
        self._settings, self._outgoing = settings, outgoing

    def why_not(self, asked: LoraAsked) -> str | None:
        """Return why this LoRA cannot be had here, as a sentence for the asker, or None. Asks no network."""
        raise NotImplementedError

    async def ready(self, asked: LoraAsked) -> LoraReady:
        """Return the checked file, fetching it where it is not here. Raises `EngineFailed`.

        It may be removed from the cache at any time unless it is in `used`.
        """
        raise NotImplementedError

    async def local(self, path: Path) -> LoraReady:
        """Return a file of the operator's (or the only one of a folder), checked: a route's own adapter."""
        raise NotImplementedError

    @asynccontextmanager
    async def used(self, asked: Sequence[LoraAsked]) -> AsyncIterator[tuple[LoraUse, ...]]:
        """Give the LoRAs of a job, in order; none of them is removed from the cache before this ends."""
        raise NotImplementedError
        yield ()
