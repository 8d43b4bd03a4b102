"""Reading replies: what vendors have in common in how they say no, and where they put links and files."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from gesso.engines.upstream.steps import Failed, Inline, Link, Reply, Why

# What a status means where a vendor's body says nothing better.
_WHY: dict[int, Why] = {
    400: "bad_input",
    401: "no_access",
    402: "no_credit",
    403: "no_access",
    404: "no_model",
    405: "garbled",
    408: "unavailable",
    409: "failed",
    410: "no_model",
    413: "bad_input",
    415: "bad_input",
    422: "bad_input",
    425: "unavailable",
    429: "rate_limited",
    451: "refused",
}
MOST_AMOUNT = 10**15  # of the smallest units there are, ten-billionths of a dollar, in one call
MOST_DIGITS = 40
_REFUSALS = ("moderat", "nsfw", "content policy", "content_policy", "safety", "sensitive", "flagged")
_AGAIN: frozenset[Why] = frozenset({"no_credit", "no_access", "no_model", "rate_limited", "unavailable"})


def by_status(reply: Reply, message: str = "") -> Failed:
    """Return what an error's status means. A refusal in the 400s costs nothing; a failure in the 500s may have."""
    why: Why = _WHY.get(reply.status, "unavailable" if reply.status in (502, 503, 504) else "failed")
    if reply.status < 500:
        return Failed(why, message, again=why in _AGAIN, billed=False)
    return Failed(why, message, again=reply.status == 503, billed=False if reply.status == 503 else None)


def failed(why: Why, message: str = "", *, billed: bool | None = False) -> Failed:
    """Return a failure of that meaning; another route may do better where it is about this vendor, not the request."""
    return Failed(why, message, again=why in _AGAIN, billed=billed)


def lost(message: str = "") -> Failed:
    """Return what a refused look means: what was begun may go on there and be charged, and nobody here knows."""
    return Failed("unknown", message, billed=None)


def is_refusal(words: str) -> bool:
    """Tell whether a vendor's sentence speaks of moderation: some give no code for it."""
    return any(word in words.lower() for word in _REFUSALS)


def body_of(reply: Reply) -> dict[str, Any]:
    """Return the reply's JSON object, or an empty one for anything else."""
    try:
        found = reply.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def text_at(body: Any, *path: str | int) -> str:
    """Return the text at a place within JSON, or an empty one."""
    for step in path:
        if isinstance(step, str) and isinstance(body, Mapping):
            body = body.get(step)
        elif isinstance(step, int) and isinstance(body, list) and step < len(body):
            body = body[step]
        else:
            return ""
    return body if isinstance(body, str) else ""


def pictures_in(output: Any) -> tuple[Link | Inline, ...]:
    """Return the pictures of an output that is a link, a data URI, an object with one, or a list of such."""
    return tuple(_pictures(output))


def _pictures(output: Any) -> Iterator[Link | Inline]:
    if isinstance(output, str):
        if output.startswith("data:"):
            yield Inline(from_base64(output.partition(",")[2]))
        elif output.startswith(("http://", "https://")):
            yield Link(output)
        elif output:
            raise ValueError("an output that is no link")
    elif isinstance(output, list):
        for one in output:
            yield from _pictures(one)
    elif isinstance(output, Mapping):
        for name in ("images", "image", "url", "image_url", "result", "output"):
            if output.get(name):
                yield from _pictures(output[name])
                return
        raise ValueError("an output without a picture")
    elif output is not None:
        raise TypeError("an output that is none")


def from_base64(text: str) -> bytes:
    """Return the bytes of base64; raise `ValueError` for anything else."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def amount(value: Any) -> Decimal | None:
    """Return an amount of money a vendor tells, None where it is none, or beyond all reason."""
    written = str(value)
    if isinstance(value, bool) or len(written) > MOST_DIGITS:
        return None
    try:
        found = Decimal(written)
    except InvalidOperation:
        return None
    return found if found.is_finite() and 0 <= found <= MOST_AMOUNT else None
