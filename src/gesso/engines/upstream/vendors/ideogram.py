"""Ideogram 3.0: a form to one of three addresses, the links in its answer.

Sources: Ideogram's OpenAPI document and reference pages (verified as text): `generate` without a picture, `inpaint` (which
took over from `edit` in 2026) with a picture and a mask, whose black is repainted. A picture without a mask goes to `remix`
(our reading of "the picture to start from"). That a prompt that is refused is not charged is not said (taken as so).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gesso.domain.picture import MaskPolarity
from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.read import body_of, by_status, failed, is_refusal, text_at
from gesso.engines.upstream.steps import Call, Done, Failed, Link, Part, Reply, Send, State, Step
from gesso.engines.upstream.vendor import Base, Limits, PicturesAs


class Ideogram(Base):
    """Targets are the model's part of the path, such as "ideogram-v3"."""

    name = "ideogram"
    base = "https://api.ideogram.ai"
    pictures: PicturesAs = "form"
    mask: MaskPolarity = "black"
    limits = Limits(at_once=10, create_seconds=180)  # ten calls may be open

    def authorise(self, key: str) -> Mapping[str, str]:
        """Return the key's header."""
        return {"Api-Key": key}

    def start(self, ask: Ask) -> Send:
        """Return the only call."""
        roles = {file.role for file in ask.pictures}
        verb = "inpaint" if "mask" in roles else "remix" if roles else "generate"
        fields = [Part(name, _text(name, value)) for name, value in ask.arguments.items()]
        files = [Part(file.argument, file.data, file.filename, file.media_type) for file in ask.pictures]
        return Send(Call("POST", f"v1/{ask.target}/{verb}", parts=(*fields, *files), pays=True), {})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read the answer; a picture found unsafe has no link."""
        body = body_of(reply)
        if not reply.ok:
            return _refusal(reply, body)
        pictures = [_picture(one) for one in body["data"]]
        shown = tuple(one for one in pictures if one is not None)
        if pictures and not shown:
            return failed("refused", "The picture was found unsafe.", billed=None)
        return Done(shown, refused=len(pictures) - len(shown))


def _picture(one: Mapping[str, Any]) -> Link | None:
    if one.get("is_image_safe") is False or one["url"] is None:
        return None
    seed = one.get("seed")
    return Link(one["url"], seed if isinstance(seed, int) else None)


def _text(name: str, value: object) -> str:
    return str(value).replace(":", "x") if name == "aspect_ratio" else str(value)  # it writes 16:9 as 16x9


def _refusal(reply: Reply, body: Mapping[str, Any]) -> Failed:
    words = text_at(body, "error") or text_at(body, "message") or text_at(body, "detail")
    if reply.status == 422 or (reply.status == 400 and is_refusal(words)):  # 422 is the check of prompts, nothing else
        return failed("refused", words)
    if "credit" in words.lower() or "balance" in words.lower():
        return failed("no_credit", words)
    return by_status(reply, words)
