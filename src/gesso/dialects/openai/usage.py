"""Token counts the way OpenAI makes them, so that a client's cost display has numbers. Nothing is charged by them."""

from __future__ import annotations

from typing import Any

from gesso.dialects.openai.wire import (
    FAITHFUL_TOKENS,
    INPUT_TOKENS,
    LANDSCAPE_TOKENS,
    LETTERS_PER_TOKEN,
    OUTPUT_TOKENS,
)
from gesso.dialects.view import View
from gesso.domain.picture import StoredPicture

_AS = {"standard": "medium", "hd": "high", "auto": "medium"}


def quality_of(view: View) -> str:
    """Return the quality asked for in today's words; left open, or where whoever painted took no notice, medium."""
    asked = "auto" if took_no_notice(view, "quality") else view.echo.get("quality") or "auto"
    return _AS.get(asked, asked)


def took_no_notice(view: View, parameter: str) -> bool:
    """Tell whether a parameter was ignored by the route that was run."""
    return any(one.parameter == parameter and one.verdict == "ignored" for one in view.job.plan.routes[0].verdicts)


def usage(view: View, pictures: tuple[StoredPicture, ...], *, first: bool = True) -> dict[str, Any]:
    """Return the count of these pictures; what went in counts with the `first`."""
    text, image = _input_tokens(view) if first else (0, 0)
    output = sum(_output_tokens(picture, quality_of(view)) for picture in pictures)
    return {
        "input_tokens": text + image,
        "input_tokens_details": {"text_tokens": text, "image_tokens": image},
        "output_tokens": output,
        "output_tokens_details": {"text_tokens": 0, "image_tokens": output},
        "total_tokens": text + image + output,
    }


def _input_tokens(view: View) -> tuple[int, int]:
    request = view.job.request
    if request is None:
        return 0, 0
    pictures = len(request.references) + (request.image is not None)
    each = INPUT_TOKENS + (FAITHFUL_TOKENS if view.echo.get("faithful") else 0)
    return -(-len(request.prompt) // LETTERS_PER_TOKEN), pictures * each


def _output_tokens(picture: StoredPicture, quality: str) -> int:
    word = quality if quality in OUTPUT_TOKENS else "high"
    if (picture.width, picture.height) == (1536, 1024):
        return LANDSCAPE_TOKENS[word]
    return round(OUTPUT_TOKENS[word] * picture.width * picture.height / 1024**2)
