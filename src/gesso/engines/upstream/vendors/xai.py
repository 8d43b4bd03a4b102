"""xAI's image generations: one call in OpenAI's shape with fields of its own.

Sources: xAI's OpenAPI document; OpenAI's SDK, which xAI's guide uses, writes the same body and reads the same answer
(verified). The ratios are those of its own client xai-sdk, which speaks gRPC. That a picture moderation held back is charged, and told with its price in an answer of status
400, is from an answer somebody recorded (documented). A refusal without a price is taken as one whose price is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from gesso.domain.upstream import Cost
from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.read import amount, body_of, by_status, failed, from_base64, is_refusal, text_at
from gesso.engines.upstream.steps import Call, Done, Failed, Inline, Link, Reply, Send, State, Step
from gesso.engines.upstream.vendor import Base, Limits

_TICKS = Decimal(10) ** 10  # of a dollar


class XAI(Base):
    """Targets are model ids."""

    name = "xai"
    base = "https://api.x.ai/v1"
    limits = Limits(at_once=16, per_minute=300, create_seconds=180)
    checked: Literal["documented", "sdk", "live"] = "sdk"

    def start(self, ask: Ask) -> Send:
        """Return the only call."""
        return Send(Call("POST", "images/generations", json={"model": ask.target, **ask.nested()}, pays=True), {})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read the answer; a picture that moderation held back has neither link nor file."""
        body = body_of(reply)
        if not reply.ok:
            return _refusal(reply, body)
        pictures = [_picture(one) for one in body["data"]]
        shown = tuple(one for one in pictures if one is not None)
        cost = _cost(body)
        if pictures and not shown:
            return Failed("refused", "The pictures were held back.", billed=True, cost=cost)
        return Done(shown, cost, refused=len(pictures) - len(shown))


def _picture(one: Mapping[str, Any]) -> Inline | Link | None:
    if one.get("respect_moderation") is False:
        return None
    if one.get("b64_json"):
        return Inline(from_base64(one["b64_json"].rpartition(",")[2]))  # some answers had it as a data URI
    return Link(one["url"]) if one.get("url") else None


def _cost(body: Mapping[str, Any]) -> Cost | None:
    usage = body.get("usage")
    ticks = amount(usage.get("cost_in_usd_ticks")) if isinstance(usage, Mapping) else None
    return None if ticks is None else Cost(ticks / _TICKS, "usd")


def _refusal(reply: Reply, body: Mapping[str, Any]) -> Failed:
    words = text_at(body, "error") or text_at(body, "error", "message")
    if is_refusal(words):
        cost = _cost(body)
        return Failed("refused", words, billed=None if cost is None else cost.amount > 0, cost=cost)
    if "api key" in words.lower():  # a key that is none comes with 400
        return failed("no_access", words)
    if "credits" in words.lower() or "spending limit" in words.lower():
        return failed("no_credit", words)
    return by_status(reply, words)
