"""Friendli's dedicated endpoints: one call, the picture in its answer.

Source: the Python client friendli 0.16.5 (verified against it) and its OpenAPI document. The catalogue's targets `edit`
and `generate` stand for endpoints that the operator has deployed and names (`upstream_targets`). Error bodies other than
that of 422 are not documented: `detail` and `message` are our reading.
"""

from __future__ import annotations

from typing import Any, Literal

from gesso.engines.upstream.ask import Ask, put
from gesso.engines.upstream.read import body_of, by_status, failed, from_base64, is_refusal, text_at
from gesso.engines.upstream.steps import Call, Done, Failed, Inline, Link, Reply, Send, State, Step
from gesso.engines.upstream.vendor import Base, Limits


class Friendli(Base):
    """Targets are ids of endpoints, with an adapter after a colon or without; pictures go as data URIs."""

    name = "friendli"
    base = "https://api.friendli.ai"
    checked: Literal["documented", "sdk", "live"] = "sdk"
    unnamed = frozenset({"edit", "generate"})
    limits = Limits(at_once=8, create_seconds=300)

    def start(self, ask: Ask) -> Send:
        """Return the only call."""
        body = {"model": ask.target, **ask.nested(pictures=False)}
        for name, given in ask.picture_arguments().items():
            put(body, name, {"image": given} if isinstance(given, str) else [{"image": one} for one in given])
        path = "edits" if ask.operation == "edit" else "generations"
        return Send(Call("POST", f"dedicated/v1/images/{path}", json=body, pays=True), {})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read the answer."""
        if not reply.ok:
            return _refusal(reply, body_of(reply))
        return Done(tuple(_picture(one) for one in reply.json()["data"]))


def _picture(one: dict[str, Any]) -> Inline | Link:
    seed = one.get("seed")
    seed = seed if isinstance(seed, int) and seed >= 0 else None
    return Link(one["url"], seed) if one.get("url") else Inline(from_base64(one["b64_json"]), seed)


def _refusal(reply: Reply, body: dict[str, Any]) -> Failed:
    words = text_at(body, "detail") or text_at(body, "detail", 0, "msg") or text_at(body, "message")
    return failed("refused", words) if is_refusal(words) and reply.status in (400, 422) else by_status(reply, words)
