"""Recraft's image generations: one call in OpenAI's shape, the links in its answer.

Sources: Recraft's API reference and its page for agents of 2026 (documented): a thousand API units are a dollar, `credits`
in an answer are units, links live about a day, a hundred pictures a minute. The words of its errors are not listed: those
that speak of credits, units or a balance are taken to mean an empty account. Its guide uses OpenAI's SDK
with these fields in `extra_body`, which writes the same body and reads the same answer (verified).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from gesso.domain.upstream import Cost
from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.read import amount, body_of, by_status, failed, is_refusal, pictures_in, text_at
from gesso.engines.upstream.steps import Call, Done, Failed, Reply, Send, State, Step
from gesso.engines.upstream.vendor import Base, Limits

_EMPTY = ("credits", "api units", "balance")


class Recraft(Base):
    """Targets are model ids. A style "a/b" goes as the style a with the substyle b."""

    name = "recraft"
    base = "https://external.api.recraft.ai/v1"
    limits = Limits(at_once=10, per_minute=100, create_seconds=180)
    checked: Literal["documented", "sdk", "live"] = "sdk"

    def start(self, ask: Ask) -> Send:
        """Return the only call."""
        body = {"model": ask.target, **ask.nested()}
        style, _, substyle = body.get("style", "").partition("/")
        if substyle:
            body |= {"style": style, "substyle": substyle}
        return Send(Call("POST", "images/generations", json=body, pays=True), {})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read the answer."""
        body = body_of(reply)
        return Done(pictures_in(body["data"]), _cost(body)) if reply.ok else _refusal(reply, body)


def _cost(body: Mapping[str, Any]) -> Cost | None:
    units = amount(body.get("credits"))
    return None if units is None else Cost(units / 1000, "usd")


def _refusal(reply: Reply, body: Mapping[str, Any]) -> Failed:
    words = text_at(body, "message") or text_at(body, "error", "message") or text_at(body, "error")
    said = f"{text_at(body, 'code')} {words}".lower().replace("_", " ")
    if reply.status in (400, 403, 422) and is_refusal(said):
        return failed("refused", words)
    if reply.status < 500 and any(word in said for word in _EMPTY):
        return failed("no_credit", words)
    return by_status(reply, words)
