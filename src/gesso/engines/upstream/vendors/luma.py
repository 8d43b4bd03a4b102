"""Luma's Dream Machine: create a generation, then ask until it has ended.

Source: Luma's client lumaai 1.21.0, whose wire this was compared with (verified). Luma fetches pictures under links, the
only way its guide names (docs.lumalabs.ai/docs/image-generation, seen 2026-11). It has a call that deletes a generation,
but not one that stops it. Errors are a sentence in `detail`; what its sentences on money and moderation look like is our
reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.read import body_of, by_status, failed, is_refusal, lost, text_at
from gesso.engines.upstream.steps import Call, Done, Failed, Link, Reply, Send, State, Step, Wait
from gesso.engines.upstream.vendor import Base, Limits, PicturesAs

_REFUSALS = ("blacklist", "not allowed", "prohibited")


class Luma(Base):
    """Targets are model ids."""

    name = "luma"
    base = "https://api.lumalabs.ai/dream-machine/v1"
    pictures: PicturesAs = "link"
    limits = Limits(at_once=10, first_poll=2.0)
    checked: Literal["documented", "sdk", "live"] = "sdk"

    def start(self, ask: Ask) -> Send:
        """Return the call that creates a generation."""
        body = {"model": ask.target, **ask.nested()}
        for name in ("image_ref", "style_ref"):  # a weight alone weighs nothing
            if name in body and not (kept := [one for one in body[name] if "url" in one]):
                del body[name]
            elif name in body:
                body[name] = kept
        return Send(Call("POST", "generations/image", json=body, pays=True), {})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read a generation, new or looked at; only a look has an id."""
        body = body_of(reply)
        if not reply.ok:
            words = text_at(body, "detail") or text_at(body, "detail", 0, "msg")
            return lost(words) if "id" in state else _refusal(reply, words)
        match body["state"]:
            case "completed":
                return Done((Link(body["assets"]["image"]),))
            case "failed":
                words = text_at(body, "failure_reason")
                return failed("refused" if _refuses(words) else "failed", words, billed=None)
            case _:
                return Wait({"id": _id(body)})

    def poll(self, state: State) -> Call:
        """Return the look at a generation."""
        return Call("GET", f"generations/{state['id']}")


def _id(body: Mapping[str, Any]) -> str:
    found = body["id"]
    if not isinstance(found, str) or not found:
        raise ValueError("a generation without an id")
    return found


def _refuses(words: str) -> bool:
    return is_refusal(words) or any(word in words.lower() for word in _REFUSALS)


def _refusal(reply: Reply, words: str) -> Failed:
    if reply.status < 500 and "credits" in words.lower():
        return failed("no_credit", words)
    return failed("refused", words) if reply.status in (400, 422) and _refuses(words) else by_status(reply, words)
