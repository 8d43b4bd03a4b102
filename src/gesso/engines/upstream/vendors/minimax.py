"""MiniMax's image generation: one call, links in its answer.

Sources: MiniMax's own client MiniMax-MCP (endpoint, key, `base_resp`), its reference of the endpoint and its list of
error codes (platform.minimax.io, seen 2026-11): documented. That `failed_count` counts pictures kept back by
moderation, and that a refusal by `base_resp` costs nothing, is our reading.
"""

from __future__ import annotations

from typing import Any

from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.read import body_of, by_status, failed, from_base64, text_at
from gesso.engines.upstream.steps import Call, Done, Failed, Inline, Link, Reply, Send, State, Step, Why
from gesso.engines.upstream.vendor import Base, Limits

# They come with status 200. Other codes mean that it tried, and could not.
_WHY: dict[int, Why] = {
    1001: "timed_out",
    1002: "rate_limited",
    1004: "no_access",
    1008: "no_credit",
    1026: "refused",  # the prompt
    1027: "refused",  # the picture
    1039: "rate_limited",
    1042: "bad_input",
    2013: "bad_input",
    2038: "no_access",  # the account is not verified
    2049: "no_access",
    2056: "no_credit",
    2061: "no_model",  # not within the account's plan
}
_AFTERWARDS = frozenset({1001, 1027})  # it had begun


class MiniMax(Base):
    """Targets are MiniMax's model names. Links last a day."""

    name = "minimax"
    base = "https://api.minimax.io"
    limits = Limits(at_once=10, create_seconds=300)

    def start(self, ask: Ask) -> Send:
        """Return the only call."""
        body = {"model": ask.target, **ask.nested(), "response_format": "url"}
        return Send(Call("POST", "v1/image_generation", json=body, pays=True), {})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read the answer, whose `base_resp` tells what became of it whatever the status."""
        body = body_of(reply)
        if not reply.ok:
            return by_status(reply, text_at(body, "base_resp", "status_msg"))
        code = body["base_resp"]["status_code"]
        if code != 0:
            return _refusal(code, text_at(body, "base_resp", "status_msg"))
        data = body["data"]
        links = [Link(_text(link)) for link in data.get("image_urls") or ()]
        inline = [Inline(from_base64(_text(one))) for one in data.get("image_base64") or ()]
        refused = int((body.get("metadata") or {}).get("failed_count") or 0)
        if not links and not inline:
            return failed("refused" if refused else "failed", billed=None)
        return Done((*links, *inline), refused=refused)


def _refusal(code: int, words: str) -> Failed:
    known = _WHY.get(code)
    return failed(known or "failed", words, billed=None if known is None or code in _AFTERWARDS else False)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a picture that is none")
    return value
