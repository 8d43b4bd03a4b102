"""Read a request's body: JSON of bounded depth, or multipart, into the native form."""

from __future__ import annotations

import asyncio
import math
import re
from codecs import BOM_UTF8
from io import BytesIO
from typing import Any, Literal

from fastapi import Request
from pydantic_core import from_json
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect

from gesso.domain.errors import InvalidInput, MalformedBody, PayloadTooLarge, UnsupportedMedia
from gesso.server.envelope import ENVELOPE, MAX_FIELDS, WORDS, RawAsk, envelope_of

MAX_DEPTH = 32
MAX_VALUES = 50_000
LARGE_BYTES = 64 * 1024
BROKEN_OFF = "The body broke off before its end."
MAX_KEY_LENGTH = 255
_NOT_TEXT = re.compile("[\0\ud800-\udfff]")


def media_type(request: Request) -> str:
    """Return the media type of the body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_ask(request: Request, max_picture_bytes: int) -> RawAsk:
    """Read the envelope from JSON or from multipart."""
    kind = media_type(request)
    if kind == "multipart/form-data":
        return await _from_multipart(request, max_picture_bytes)
    if kind not in ("application/json", ""):
        raise UnsupportedMedia(f"Send application/json or multipart/form-data, not {kind}.")
    return envelope_of(await read_json_object(request))


async def read_json_object(request: Request) -> dict[str, Any]:
    """Return the JSON object of the body; raise `MalformedBody` or, for another JSON value, `InvalidInput`."""
    body = await read_body(request)
    # Parsing beside the event loop costs more than it saves where there is little to parse.
    value = (
        await asyncio.to_thread(parse_json, body, "The body")
        if len(body) > LARGE_BYTES
        else parse_json(body, "The body")
    )
    if not isinstance(value, dict):
        raise InvalidInput.of("body", "type", f"The body must be a JSON object, not {type(value).__name__}.")
    return value


async def read_body(request: Request) -> bytes:
    """Return the body; raise `MalformedBody` when the client breaks off.

    It is in memory once: collecting pieces and joining them takes twice that. Unlike `request.body()` it leaves no copy
    with the request, which lives as long as its answer is waited for.
    """
    collected = BytesIO()
    try:
        async for chunk in request.stream():
            collected.write(chunk)
    except ClientDisconnect as error:
        raise MalformedBody(BROKEN_OFF) from error
    return collected.getvalue()


def parse_json(text: bytes | str, what: str) -> Any:
    """Parse JSON, refusing what is too deep or has too many values, is not Unicode, or has numbers that are none.

    NaN and Infinity are not JSON (RFC 8259); what is beyond a float would become infinite. Takes the memory of the text
    and of its values: the standard library's parser would decode all of the text first, to four bytes a letter if there
    is one emoji in it.
    """
    # Counted before they become objects, each of which takes many times its place in the text.
    commas = text.count(",") if isinstance(text, str) else text.count(b",")
    if commas > MAX_VALUES:
        raise MalformedBody(f"{what} has more than {MAX_VALUES} values.")
    if isinstance(text, bytes) and text.startswith(BOM_UTF8):
        text = text[len(BOM_UTF8) :]
    try:
        value = from_json(text, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        if "recursion limit" in str(error):
            raise MalformedBody(f"{what} is nested deeper than {MAX_DEPTH} levels.") from error
        if "hex escape" in str(error):
            message = f"{what} has text with a broken escape or a lone surrogate: {error}."
            raise InvalidInput.of("body", "not_text", message, allowed="Unicode text") from error
        raise MalformedBody(f"{what} is not valid JSON: {error}.") from error
    _walk(value, what)
    return value


def _walk(value: Any, what: str) -> None:
    """Refuse depth over the limit, infinite numbers and text that holds NUL, wherever they are."""
    level = [value]
    for _ in range(MAX_DEPTH):
        if not level:
            return
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                for key in item:
                    check_text(key, what)
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
            elif isinstance(item, str):
                check_text(item, what)
            elif isinstance(item, float) and math.isinf(item):
                raise MalformedBody(f"{what} has a number that is too large.")
        level = below
    if level:
        raise MalformedBody(f"{what} is nested deeper than {MAX_DEPTH} levels.")


def check_text(text: str, what: str) -> None:
    """Refuse text that holds a NUL or a lone surrogate."""
    if ("\0" not in text) if text.isascii() else (_NOT_TEXT.search(text) is None):
        return
    shown = text[:40].encode("ascii", "backslashreplace").decode()
    raise InvalidInput.of(
        "body", "not_text", f"{what} has text with a NUL or a lone surrogate: {shown!r}.", allowed="Unicode text"
    )


async def read_form(request: Request, max_picture_bytes: int) -> FormData:
    """Parse multipart; its files are spooled to disk past a megabyte."""
    try:
        return await request.form(max_files=32, max_fields=MAX_FIELDS, max_part_size=max_picture_bytes)
    except ClientDisconnect as error:
        raise MalformedBody(BROKEN_OFF) from error
    except UnicodeError as error:  # text in the charset the header names, which may be any that Python knows
        raise MalformedBody("The multipart body is not text in the charset it names.") from error
    except (MultiPartException, HTTPException) as error:
        reason = error.message if isinstance(error, MultiPartException) else error.detail
        raise MalformedBody(f"The multipart body could not be read: {reason}") from error


async def _from_multipart(request: Request, max_picture_bytes: int) -> RawAsk:
    """Read the envelope from parts: words as they are, the rest as JSON.

    Any other part is a parameter of the model.
    """
    form = await read_form(request, max_picture_bytes)
    body: dict[str, Any] = {}
    given: dict[str, Any] = {}
    try:
        for name, part in form.multi_items():
            value = await _part(name, part, max_picture_bytes)
            if name in ENVELOPE:
                body[name] = value if name in ("model", *WORDS) or _is_link(name, value) else parse_json(value, name)
            elif name in given:
                given[name] = [*(given[name] if isinstance(given[name], list) else [given[name]]), value]
            else:
                given[name] = value
    finally:
        await form.close()
    if not isinstance(body.get("input", {}), dict):
        raise InvalidInput.of("input", "type", "input must be a JSON object with the model's parameters.")
    body["input"] = body.get("input", {}) | given
    return envelope_of(body)


def _is_link(name: str, value: bytes | str) -> bool:
    return name == "webhook" and isinstance(value, str) and not value.lstrip().startswith("{")


async def _part(name: str, part: UploadFile | str, max_bytes: int) -> bytes | str:
    if isinstance(part, str):
        check_text(part, name)
        return part
    if (part.size or 0) > max_bytes:
        raise PayloadTooLarge(f"{name} is over the limit of {max_bytes} bytes.", limit_bytes=max_bytes)
    return await part.read()


def idempotency_key(request: Request) -> str | None:
    """Return the `Idempotency-Key` header, checked: 1 … 255 printable ASCII characters."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not (key.isascii() and key.isprintable()):
        raise InvalidInput.of(
            "Idempotency-Key",
            "idempotency_key",
            f"Idempotency-Key must be 1 to {MAX_KEY_LENGTH} printable ASCII characters.",
        )
    return key


def repeat_of(request: Request) -> Literal["first", "again"] | None:
    """Return what `X-Stainless-Retry-Count` says: clients that send it repeat a request whose answer was lost.

    What is no number says nothing.
    """
    count = request.headers.get("x-stainless-retry-count", "")
    if not (count.isascii() and count.isdigit()):
        return None
    return "again" if count.strip("0") else "first"
