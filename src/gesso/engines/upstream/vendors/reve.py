"""Reve's create: one call, the picture's own bytes as its answer, the rest in its headers.

Reve's client reve 0.1.9 was run against a server of ours: path, body, `Accept` and headers are the same; its errors
were read in its source. api.reve.com/llms.txt says the same. Our reading: a picture that violates the content policy is billed where credits were used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from gesso.domain.upstream import Cost
from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.read import amount, body_of, by_status, failed, is_refusal, text_at
from gesso.engines.upstream.steps import Call, Done, Failed, Inline, Reply, Send, State, Step
from gesso.engines.upstream.vendor import Base, Limits

_YES = frozenset({"true", "1", "yes"})


class Reve(Base):
    """Targets are paths. Nothing is kept there to be fetched later."""

    name = "reve"
    base = "https://api.reve.com"
    checked: Literal["documented", "sdk", "live"] = "sdk"
    limits = Limits(at_once=10, create_seconds=300)

    def start(self, ask: Ask) -> Send:
        """Return the only call."""
        return Send(Call("POST", ask.target, json=ask.nested(), headers={"Accept": "image/png"}, pays=True), {})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read the answer."""
        if not reply.ok:
            return _refusal(reply)
        cost = _cost(reply.headers)
        if reply.headers.get("x-reve-content-violation", "").lower() in _YES:
            billed = cost is not None and cost.amount > 0
            return Failed("refused", "The picture violates the content policy.", billed=billed, cost=cost)
        if not reply.headers.get("content-type", "").startswith("image/") or not reply.body:
            raise ValueError("an answer that is no picture")
        return Done((Inline(reply.body),), cost)


def _cost(headers: Mapping[str, str]) -> Cost | None:
    used = amount(headers.get("x-reve-credits-used"))
    return None if used is None else Cost(used, "reve_credit")


def _refusal(reply: Reply) -> Failed:
    body = body_of(reply)
    words = text_at(body, "message") or text_at(body, "error")
    told = f"{text_at(body, 'error_code')} {words}".replace("_", " ")
    if reply.status in (400, 403, 422) and (is_refusal(told) or "content violation" in told.lower()):
        return failed("refused", words)
    return by_status(reply, words)
