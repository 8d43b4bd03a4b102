"""How requests name LoRA weights, in every spelling that is taken; a path of this machine is none of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.lora import LoraAsked, Source

MAX_LENGTH = 4096
MOST = 64  # LoRAs of one request, whatever the model allows
_WORD = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_-])?"
_NAME = re.compile(_WORD)
_REGISTERED = re.compile(r"\w(?:[\w .+-]{0,94}[\w+-])?")  # letters of any script
_OWNED = re.compile(rf"({_WORD})/({_WORD})")
_CIVITAI = re.compile(r"civitai:([0-9]{1,12})(?:@([0-9]{1,12}))?")
_AIR = re.compile(r"urn:air:[a-z0-9_-]+:lora:civitai:([0-9]{1,12})(?:@([0-9]{1,12}))?", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,12}")
_ITEM = re.compile(r"(?P<reference>[^;]*?)\s*,\s*(?P<scale>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))")
_HUBS = ("huggingface.co", "www.huggingface.co", "hf.co")
_CIVITAIS = ("civitai.com", "www.civitai.com")
_REPLICATES = ("replicate.com", "www.replicate.com")
_ENDING = ".safetensors"


class NoReference(ValueError):
    """This names no LoRA weights; the message is a sentence without a subject: "names …"."""


@dataclass(frozen=True)
class Registered:
    """A name the operator gave."""

    name: str
    source: Source = "registered"


@dataclass(frozen=True)
class Link:
    """A file out there."""

    url: str
    source: Source = "url"


@dataclass(frozen=True)
class Hub:
    """A repository of the Hugging Face hub, and which of its files where that is said."""

    repository: str
    file: str | None = None
    revision: str = "main"
    source: Source = "hub"


@dataclass(frozen=True)
class Civitai:
    """A model or a version of one at CivitAI, by their numbers; without a version, the newest."""

    model: int | None
    version: int | None = None
    source: Source = "civitai"


Reference = Registered | Link | Hub | Civitai


def loras_asked(arguments: Mapping[str, Any]) -> tuple[LoraAsked, ...]:
    """Return the LoRAs of a route's arguments, in order: `loras`, each with its own scale or the next of `lora_scales`.

    `loras` is one reference or a list of them, as text, as {path, scale}, or as "reference,scale;reference,scale". Before
    them comes the model's `adapter` that the request asks for, which the operator wrote into the model's file. Raises `EngineFailed` where something is no reference or no scale.
    """
    given = arguments.get("loras")
    listed = [] if given is None else list(given) if _is_list(given) else [given]
    items = [item for one in listed for item in _items(one)]
    if len(items) > MOST:
        raise EngineFailed(f"{len(items)} LoRAs are more than the {MOST} that one picture takes.")
    scales = iter(lora_scales(arguments))
    return _adapter(arguments) + tuple(_asked(f"loras[{i}]", *item, scales) for i, item in enumerate(items))


def lora_scales(arguments: Mapping[str, Any]) -> tuple[float | None, ...]:
    """Return the strengths that came apart from the weights, in order; None where one was not given."""
    given = arguments.get("lora_scales")
    listed = [] if given is None else list(given) if _is_list(given) else [given]
    return tuple(None if one is None else _scale("lora_scales", one) for one in listed)


def read_reference(text: str) -> Reference:
    """Return what a text refers to. Raises `NoReference`; paths, and links that are none, are no reference."""
    text = text.strip()
    if not text:
        raise NoReference("names no weights")
    if len(text) > MAX_LENGTH:
        raise NoReference(f"is longer than {MAX_LENGTH} characters")
    if any(ord(sign) < 0x20 or ord(sign) == 0x7F for sign in text):
        raise NoReference("holds control characters")
    if (numbers := _CIVITAI.fullmatch(text) or _AIR.fullmatch(text)) is not None:
        return Civitai(int(numbers[1]), int(numbers[2]) if numbers[2] else None)
    if re.match(r"https?://", text, re.IGNORECASE):
        return _link(text)
    if text.lower().startswith((*(f"{host}/" for host in (*_HUBS, *_CIVITAIS, *_REPLICATES)),)):
        return _link(f"https://{text}")
    if _REGISTERED.fullmatch(text):
        return Registered(text)
    return _hub(text)


def _adapter(arguments: Mapping[str, Any]) -> tuple[LoraAsked, ...]:
    adapter = arguments.get("adapter")
    if not isinstance(adapter, Mapping):
        return ()
    return (LoraAsked("adapter", str(adapter["path"]), "registered", float(adapter.get("scale", 1.0)), trusted=True),)


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _items(one: Any) -> list[tuple[Any, Any]]:
    """Return (reference, scale or None) of one entry; a text may hold several, one that is empty holds none."""
    if isinstance(one, Mapping):
        return [(one.get("path"), one.get("scale"))]
    if one is None or (isinstance(one, str) and not one.strip()):
        return []
    if isinstance(one, str):
        parts = [part for part in one.split(";") if part.strip()]
        found = [_ITEM.fullmatch(part.strip()) for part in parts]
        if all(found) or (len(parts) > 1 and any(found)):
            return [
                (part.strip(), None) if match is None else (match["reference"], float(match["scale"]))
                for part, match in zip(parts, found, strict=True)
            ]
    return [(one, None)]


def _asked(argument: str, reference: Any, scale: Any, scales: Any) -> LoraAsked:
    if not isinstance(reference, str):
        raise EngineFailed(f"{argument} names no weights.")
    try:
        source = read_reference(reference).source
    except NoReference as error:
        raise EngineFailed(f"{argument} {error}.") from error
    if scale is None:
        scale = next(scales, None)
    return LoraAsked(argument, reference.strip(), source, 1.0 if scale is None else _scale(argument, scale))


def _scale(argument: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or abs(value) > 1000:
        raise EngineFailed(f"{argument} has a scale that is no number between -1000 and 1000.")
    return float(value)


def _link(url: str) -> Reference:
    if "\\" in url or any(sign.isspace() for sign in url):
        raise NoReference("is a link with blanks or backslashes in it")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise NoReference("cannot be read as a link") from error
    if not host:
        raise NoReference("is a link to no host")
    pieces = [piece for piece in unquote(parts.path).split("/") if piece]
    if port in (None, 80, 443) and "@" not in parts.netloc:
        if host in _REPLICATES:
            raise NoReference("names a model of Replicate, whose weights cannot be had from there")
        if host in _HUBS:
            return _hub_link(url, pieces)
        if host in _CIVITAIS:
            return _civitai_link(url, pieces, parse_qs(parts.query))
    return Link(url)


def _hub_link(url: str, pieces: list[str]) -> Reference:
    """Read a page of the hub; a link that says which file is followed as it is."""
    repository = "/".join(pieces[:2])
    if pieces[2:3] == ["resolve"] and len(pieces) > 4:
        return Link(url)
    if pieces[2:3] in (["blob"], ["tree"]) and len(pieces) > 3:
        at = _hub("/".join((repository, *pieces[4:])) if pieces[2] == "blob" else repository)
        if not _NAME.fullmatch(pieces[3]) or not isinstance(at, Hub):
            raise NoReference("is a page of the hub that names no weights")
        return Hub(at.repository, at.file, pieces[3])
    return _hub("/".join(pieces))


def _hub(text: str) -> Reference:
    if text.startswith(("/", "~", ".")) or "\\" in text or re.match(r"[A-Za-z]:", text) or ".." in text.split("/"):
        raise NoReference("is a path; name weights by a registered name, a link or a hub id")
    owner, _, rest = text.partition("/")
    name, slash, file = rest.partition("/")
    if _OWNED.fullmatch(f"{owner}/{name}") is None or ".." in owner or ".." in name:
        raise NoReference("is neither a registered name nor a link nor a hub id such as owner/name")
    if not slash:
        return Hub(f"{owner}/{name}")
    if not file.lower().endswith(_ENDING):
        raise NoReference(f"names a file that is no {_ENDING}")
    if any(not piece or piece.startswith(".") or "?" in piece or "#" in piece for piece in file.split("/")):
        raise NoReference("names a file of the hub that cannot be one")
    return Hub(f"{owner}/{name}", file)


def _civitai_link(url: str, pieces: list[str], query: Mapping[str, list[str]]) -> Reference:
    if pieces[:3] == ["api", "download", "models"] and len(pieces) == 4:
        return Link(url)
    if pieces[:1] == ["models"] and len(pieces) > 1 and _NUMBER.fullmatch(pieces[1]):
        version = query.get("modelVersionId", [""])[0]
        if version and not _NUMBER.fullmatch(version):
            raise NoReference("names a version at CivitAI that is no number")
        return Civitai(int(pieces[1]), int(version) if version else None)
    raise NoReference("is a page of CivitAI that names no model")
