"""The forms a picture may come in: link, data URI, bare base64, `gesso://` reference, uploaded part."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from io import BytesIO
from urllib.parse import unquote_to_bytes

from gesso.domain.errors import InvalidInput
from gesso.domain.ids import is_id

FILE_SCHEME = "gesso://files/"
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_BLANKS = b" \t\n\r\v\f"
_STANDARD = bytes.maketrans(b"-_", b"+/")
PIECE = 1 << 20  # characters decoded in one step: no step is long enough to hold up other threads noticeably
FORMS = "an http(s) link, a data URI, base64, an uploaded part, or gesso://files/<id>"


@dataclass(frozen=True)
class Inline:
    """The picture's own bytes, sent along."""

    data: bytes


@dataclass(frozen=True)
class Link:
    """An http(s) link the job will fetch."""

    url: str


@dataclass(frozen=True)
class KeptFile:
    """A file uploaded before, by its id."""

    id: str


Source = Inline | Link | KeptFile


def parse_source(field: str, value: object, max_bytes: int) -> Source:
    """Tell which form a picture came in; raise `InvalidInput` naming the field when it is none of them."""
    if isinstance(value, bytes):
        return Inline(value)
    if not isinstance(value, str):
        raise _bad(field, f"{field} must be {FORMS}, not {type(value).__name__}.")
    text = value.strip()
    if not text:
        raise _bad(field, f"{field} is empty; it must be {FORMS}.")
    if len(text) > max_bytes * 4 // 3 + 1024:
        raise InvalidInput.of(field, "image_too_large", f"{field} is over {max_bytes} bytes.", allowed=max_bytes)
    lowered = text[:16].lower()
    if lowered.startswith(("http://", "https://")):
        return Link(text)
    if lowered.startswith(FILE_SCHEME):
        return _kept_file(field, text)
    if lowered.startswith("data:"):
        return Inline(_data_uri(field, text))
    if (scheme := _SCHEME.match(text)) is not None:
        raise _bad(field, f"{field} has the scheme {scheme[1][:20]!r}; it must be {FORMS}.")
    return Inline(_base64(field, text))


def own_blob(url: str, host: str) -> str | None:
    """Return the id in one of our own links to stored bytes, below `host`; None for any other link.

    Who names it has to own it, as with a file: the link's signature and its end do not matter, nor does an ending
    after the id (".png").
    """
    path = url.removeprefix(f"{host}/blobs/")
    if not host or path == url:
        return None
    identifier = path.partition("?")[0].partition(".")[0]
    return identifier if is_id(identifier) else None


def _kept_file(field: str, text: str) -> KeptFile:
    identifier = text[len(FILE_SCHEME) :]
    if not is_id(identifier):
        raise _bad(field, f"{field} is not a file reference; one looks like gesso://files/<id>.")
    return KeptFile(identifier)


def _data_uri(field: str, text: str) -> bytes:
    """Decode a data URI (RFC 2397); its declared media type is not believed, the bytes are sniffed later."""
    comma = text.find(",")
    if comma < 0:
        raise _bad(field, f"{field} is a data URI without a comma before its data.")
    if not text[max(0, comma - len(";base64")) : comma].lower().endswith(";base64"):
        return _unquoted(text, comma + 1)
    if text.find("%", comma) < 0:
        return _base64(field, text, comma + 1)
    return _base64(field, _unquoted(text, comma + 1).decode("latin-1"))


def _unquoted(text: str, at: int) -> bytes:
    """Decode percent-escapes in pieces: a step on all of the text takes many times its memory."""
    decoded = BytesIO()
    while at < len(text):
        end = at + PIECE
        cut = text.rfind("%", max(end - 2, at + 1), end)  # the end must not cut an escape
        end = cut if cut >= 0 and end < len(text) else end
        decoded.write(unquote_to_bytes(text[at:end]))
        at = end
    return decoded.getvalue()


def _base64(field: str, text: str, start: int = 0) -> bytes:
    """Decode standard or URL-safe base64, with or without padding and line breaks.

    In pieces and into one place: beside the text there is never more than what it decodes to.
    """
    end = _end_of_digits(text, start)
    decoded, rest = BytesIO(), b""
    try:
        if text.find("=", start, end) >= 0:
            raise ValueError("padding in the middle")
        for at in range(start, end, PIECE):
            piece = rest + text[at : min(at + PIECE, end)].encode("ascii").translate(_STANDARD, _BLANKS)
            whole = len(piece) - len(piece) % 4
            rest = piece[whole:]
            decoded.write(base64.b64decode(piece[:whole], validate=True))
        decoded.write(base64.b64decode(rest + b"=" * (-len(rest) % 4), validate=True))
        return decoded.getvalue()
    except (binascii.Error, ValueError) as error:
        raise _bad(field, f"{field} is neither a link nor valid base64; it must be {FORMS}.") from error


def _end_of_digits(text: str, start: int) -> int:
    """Return where padding and blanks begin that end the text."""
    end = len(text)
    while end > start:
        piece = text[max(start, end - PIECE) : end]
        kept = len(piece.rstrip("=" + _BLANKS.decode()))
        end -= len(piece) - kept
        if kept:
            break
    return end


def _bad(field: str, message: str) -> InvalidInput:
    return InvalidInput.of(field, "unreadable_image", message)
