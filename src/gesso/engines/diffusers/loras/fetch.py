"""From a reference to a file: which link it stands for, asked of its site where it does not say, and the download."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gesso.domain.errors import ImageNotRetrievable
from gesso.engines.diffusers.loras.check import NoLora, check_lora
from gesso.engines.diffusers.loras.references import Civitai, Hub, Link, NoReference, Reference, read_reference
from gesso.engines.diffusers.loras.registry import chosen
from gesso.engines.diffusers.loras.settings import LoraSettings
from gesso.outgoing.fetch import Downloaded, Outgoing

_ANSWER_BYTES = 8 << 20  # of a site's description of a model
_NAMED = 10  # of a repository's files, in a message
_LORAS = frozenset({"lora", "locon", "dora"})
NO_ROOM = "there is no room for it here now"
_log = logging.getLogger(__name__)


class CannotHave(Exception):
    """The weights cannot be had; the message says why, for the asker."""


def canonical(reference: Reference, settings: LoraSettings) -> str:
    """Return one text for all spellings of a reference."""
    match reference:
        case Link(url):
            return url
        case Hub(repository, file, revision):
            return f"{settings.hub} {repository} {file or ''} {revision}"
        case Civitai(model, version):
            return f"{settings.civitai} {model if version is None else ''} {version or ''}"
        case _:
            raise ValueError(reference)


async def link_of(reference: Reference, settings: LoraSettings, outgoing: Outgoing) -> str:
    """Return the link under which a reference's file lies. Raises `CannotHave` and `ImageNotRetrievable`."""
    match reference:
        case Link(url):
            return url
        case Hub():
            return await _hub_link(reference, settings.hub.rstrip("/"), outgoing)
        case Civitai():
            return await _civitai_link(reference, settings.civitai.rstrip("/"), outgoing)
        case _:
            raise ValueError(reference)


async def download(reference: Reference, file: Path, settings: LoraSettings, outgoing: Outgoing) -> Downloaded:
    """Write a reference's weights into a new file and check them. Raises `CannotHave`."""
    try:
        link = await link_of(reference, settings, outgoing)
        got = await outgoing.download(link, file, settings.file_bytes, seconds=settings.seconds)
    except ImageNotRetrievable as error:
        raise CannotHave(error.message) from error
    except OSError as error:
        _log.warning("a LoRA could not be written: %s", error)
        raise CannotHave(NO_ROOM) from error
    await asyncio.to_thread(_check, file)
    return got


def _check(file: Path) -> None:
    try:
        check_lora(file)
    except NoLora as error:
        raise CannotHave(f"what is there {error}") from error


async def _hub_link(reference: Hub, site: str, outgoing: Outgoing) -> str:
    file, revision = reference.file, quote(reference.revision, safe="")
    if file is None:
        about = await _asked(f"{site}/api/models/{reference.repository}/revision/{revision}", outgoing)
        files = about.get("siblings")
        names = [str(one.get("rfilename")) for one in files if isinstance(one, dict)] if isinstance(files, list) else []
        weights = chosen(sorted(name for name in names if _is_weights(reference, name)))
        if not weights:
            raise CannotHave(f"{reference.repository} holds no .safetensors file")
        if len(weights) > 1:
            some = ", ".join(weights[:_NAMED]) + (", …" if len(weights) > _NAMED else "")
            raise CannotHave(f"{reference.repository} holds several files; name one of them: {some}")
        file = weights[0]
        if isinstance(commit := about.get("sha"), str) and commit.isalnum():
            revision = commit  # what was just looked at
    return f"{site}/{reference.repository}/resolve/{revision}/{quote(file)}"


def _is_weights(reference: Hub, name: str) -> bool:
    """Tell whether what the hub calls a file could be asked for by that name, and is of the right form."""
    try:
        found = read_reference(f"{reference.repository}/{name}")
    except NoReference:
        return False
    return found == Hub(reference.repository, name)


async def _civitai_link(reference: Civitai, site: str, outgoing: Outgoing) -> str:
    version: Any = reference.version
    if version is None:
        about = await _asked(f"{site}/api/v1/models/{reference.model}", outgoing)
        kind = about.get("type")
        if isinstance(kind, str) and kind.lower() not in _LORAS:
            raise CannotHave(f"model {reference.model} at CivitAI is no LoRA ({kind[:40]!r})")
        versions = about.get("modelVersions")
        version = versions[0].get("id") if isinstance(versions, list) and versions and _is_table(versions[0]) else None
        if type(version) is not int:
            raise CannotHave(f"model {reference.model} at CivitAI has no version")
    return f"{site}/api/download/models/{version}?type=Model&format=SafeTensor"


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


async def _asked(url: str, outgoing: Outgoing) -> dict[str, Any]:
    got = await outgoing.fetch(url, max_bytes=_ANSWER_BYTES)
    try:
        about = json.loads(got.data)
    except (ValueError, RecursionError) as error:
        raise CannotHave("the site's description of it cannot be read") from error
    if not isinstance(about, dict):
        raise CannotHave("the site's description of it cannot be read")
    return about
