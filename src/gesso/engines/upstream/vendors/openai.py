"""OpenAI's Images API, and whatever speaks it under another base URL: one call, the pictures in its answer.

Source: OpenAI's OpenAPI document (verified), Image API reference.
"""

from __future__ import annotations

from typing import Literal

from gesso.domain.picture import MaskPolarity
from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.read import body_of, by_status, failed, from_base64, text_at
from gesso.engines.upstream.steps import Call, Done, Failed, Inline, Link, Part, Reply, Send, State, Step
from gesso.engines.upstream.vendor import Base, Limits, PicturesAs

_REFUSED = frozenset({"moderation_blocked", "content_policy_violation"})
_EMPTY = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})


class OpenAI(Base):
    """Generations as JSON, edits and variations as forms."""

    name = "openai"
    base = "https://api.openai.com/v1"
    pictures: PicturesAs = "form"
    checked: Literal["documented", "sdk", "live"] = "sdk"
    mask: MaskPolarity = "transparent"
    limits = Limits(at_once=16, create_seconds=300)

    def start(self, ask: Ask) -> Send:
        """Return the only call."""
        if not ask.pictures:
            body = {"model": ask.target, **ask.nested()}
            return Send(Call("POST", "images/generations", json=body, pays=True), {})
        fields = [Part(name, _text(value)) for name, value in {"model": ask.target, **ask.arguments}.items()]
        files = [
            Part(f"{file.argument}[]" if file.many else file.argument, file.data, file.filename, file.media_type)
            for file in ask.pictures
        ]
        path = "images/edits" if ask.prompt else "images/variations"
        return Send(Call("POST", path, parts=(*fields, *files), pays=True), {})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read the answer."""
        body = body_of(reply)
        if not reply.ok:
            return _refusal(reply, body)
        return Done(tuple(_picture(one) for one in body["data"]))


def _picture(one: dict[str, str]) -> Inline | Link:
    return Inline(from_base64(one["b64_json"])) if one.get("b64_json") else Link(one["url"])


def _refusal(reply: Reply, body: dict[str, object]) -> Failed:
    words, code = text_at(body, "error", "message"), text_at(body, "error", "code")
    if code in _REFUSED:
        return failed("refused", words)
    if code in _EMPTY:
        return failed("no_credit", words)
    return by_status(reply, words)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
