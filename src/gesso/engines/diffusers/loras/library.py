"""LoRAs as the engine asks for them: whether they may be had, and the checked files."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gesso.catalogue.wording import shown
from gesso.domain.errors import EngineFailed, ImageNotRetrievable, OperatorError
from gesso.engines.diffusers.lora import LoraAsked, LoraReady, LoraUse, Source
from gesso.engines.diffusers.loras.check import NoLora, check_lora, named
from gesso.engines.diffusers.loras.fetch import NO_ROOM, CannotHave, canonical, download
from gesso.engines.diffusers.loras.references import Link, NoReference, Reference, Registered, read_reference
from gesso.engines.diffusers.loras.registry import Kept, kept, lora_file, registry
from gesso.engines.diffusers.loras.settings import LoraSettings
from gesso.engines.diffusers.loras.store import LoraStore
from gesso.outgoing.address import check_url
from gesso.outgoing.fetch import Outgoing

_SITES: dict[Source, str] = {"url": "links", "hub": "Hugging Face ids", "civitai": "CivitAI numbers"}
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Going:
    """A download that one or more jobs wait for."""

    task: asyncio.Task[LoraReady]
    waiting: int = 0


class LoraLibrary:
    """All LoRAs of an installation. Used on one event loop; `outgoing` stays its owner's to close.

    Raises `OperatorError` for a registered LoRA that is neither a path nor a reference.
    """

    def __init__(self, settings: LoraSettings, outgoing: Outgoing) -> None:
        self._settings, self._outgoing = settings, outgoing
        self._registry = registry(settings.registered)
        self._store = LoraStore(settings.folder, settings.cache_bytes)
        self._going: dict[str, _Going] = {}
        self._local: dict[tuple[Path, int, int], LoraReady] = {}

    def why_not(self, asked: LoraAsked) -> str | None:
        """Return why this LoRA cannot be had here, as a sentence for the asker, or None. Asks no network."""
        try:
            own = self._own(asked)
            reference = own or read_reference(asked.reference)
        except NoReference as error:
            return f"{asked.argument} {error}."
        except OperatorError:
            return f"{asked.argument}: what the model's file says of it stands for nothing."
        if isinstance(reference, Path):
            return (
                None
                if lora_file(reference) is not None
                else f"{asked.argument}: the file of {_name(asked)} is not there."
            )
        if isinstance(reference, Registered):
            return f"{asked.argument}: no LoRA is registered here as {shown(reference.name)}."
        if own is None and reference.source not in self._settings.sources:
            taken = [_SITES[source] for source in ("url", "hub", "civitai") if source in self._settings.sources]
            others = " and ".join(["registered names", *taken])
            return f"{asked.argument}: LoRAs by {_SITES[reference.source]} are not taken here, only by {others}."
        if isinstance(reference, Link):
            try:
                check_url(reference.url, self._outgoing.policy)
            except ImageNotRetrievable as error:
                return f"{asked.argument}: {error.message}"
        return None

    async def ready(self, asked: LoraAsked) -> LoraReady:
        """Return the checked file, fetching it where it is not here. Raises `EngineFailed`.

        It may be removed from the cache at any time; within `used` it is not.
        """
        async with self.used([asked]) as (use,):
            return use.ready

    @asynccontextmanager
    async def used(self, asked: Sequence[LoraAsked]) -> AsyncIterator[tuple[LoraUse, ...]]:
        """Give the LoRAs of a job, in order; none of them is removed from the cache before this ends.

        Raises `EngineFailed` where one cannot be had.
        """
        held = contextlib.ExitStack()
        try:
            with held:
                yield tuple([LoraUse(await self._had(one, held), one.scale) for one in asked])
        finally:
            if asked:
                await asyncio.to_thread(self._store.tidy)

    async def local(self, path: Path) -> LoraReady:
        """Return a file of the operator's, or the one of a folder, checked: a route's own adapter.

        Raises `EngineFailed`, whose message holds no path.
        """
        try:
            return await asyncio.to_thread(self._checked, path)
        except NoLora as error:
            raise EngineFailed(f"The adapter of this model {error}.") from error

    async def close(self) -> None:
        """Stop what is being fetched."""
        tasks = [going.task for going in self._going.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _own(self, asked: LoraAsked) -> Kept | None:
        """Return what the operator made of a reference, if anything."""
        if (registered := self._registry.get(asked.reference)) is not None or not asked.trusted:
            return registered
        return kept(asked.argument, asked.reference)

    async def _had(self, asked: LoraAsked, held: contextlib.ExitStack) -> LoraReady:
        if (reason := self.why_not(asked)) is not None:
            raise EngineFailed(reason)
        found = self._own(asked) or read_reference(asked.reference)
        try:
            if isinstance(found, Path):
                return await asyncio.to_thread(self._checked, found)
            ready = await self._fetched(found)
        except CannotHave as error:
            raise EngineFailed(f"{asked.argument} could not be had: {error}.".replace("..", ".")) from error
        except NoLora as error:
            raise EngineFailed(f"{asked.argument}: the file of {_name(asked)} {error}.") from error
        held.callback(self._store.let_go, ready)
        return ready

    async def _fetched(self, reference: Reference) -> LoraReady:
        """Return a reference's file, held. Who asks for the same meanwhile waits for the same download."""
        key = canonical(reference, self._settings)
        found = self._store.find(key, self._settings.fresh_seconds)
        if found is not None and self._store.hold(found):
            return found
        going = self._going.get(key)
        if going is None:
            going = self._going[key] = _Going(asyncio.create_task(self._fetch(key, reference)))
            going.task.add_done_callback(lambda _: self._going.pop(key, None))
        going.waiting += 1
        try:
            ready = await asyncio.shield(going.task)
            self._store.hold(ready)
        finally:
            going.waiting -= 1
            if going.waiting == 0 and not going.task.cancel() and _came(going.task):
                self._store.let_go(going.task.result())
        return ready

    async def _fetch(self, key: str, reference: Reference) -> LoraReady:
        """Download a file and take it in. It is held once, for all who wait."""
        try:
            partial = self._store.partial()
            try:
                got = await download(reference, partial, self._settings, self._outgoing)
                ready = self._store.add(partial, got.sha256, key)
            finally:
                self._store.drop(partial)
        except OSError as error:
            _log.warning("a LoRA could not be kept: %s", error)
            raise CannotHave(NO_ROOM) from error
        try:
            await asyncio.to_thread(self._store.tidy)
        except BaseException:
            self._store.let_go(ready)
            raise
        return ready

    def _checked(self, path: Path) -> LoraReady:
        file = lora_file(path)
        if file is None:
            raise NoLora("is not there")
        try:
            about = file.stat()
            key = (file, about.st_mtime_ns, about.st_size)
            if key not in self._local:
                check_lora(file)
                self._local[key] = LoraReady(named(file), file, about.st_size)
        except OSError as error:
            raise NoLora("cannot be read") from error
        return self._local[key]


def _name(asked: LoraAsked) -> str:
    """Name a LoRA for the asker, who did not write what the operator did."""
    return "the adapter" if asked.trusted else shown(asked.reference)


def _came(task: asyncio.Task[LoraReady]) -> bool:
    return not task.cancelled() and task.exception() is None
