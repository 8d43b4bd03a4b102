"""Pruna's predictions: create, ask until it has ended, fetch the file.

Pruna's client pruna-client 0.0.9 was run against a server of ours: paths, headers, states and the key with the file's
download are the same; docs.api.pruna.ai says so too. Our reading: a file's link on another host is open to all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.read import body_of, by_status, failed, is_refusal, lost, text_at
from gesso.engines.upstream.steps import Call, Done, Inline, Link, Reply, Send, State, Step, Wait
from gesso.engines.upstream.vendor import Base, Limits

_FILES = "/v1/predictions/delivery/"


class Pruna(Base):
    """Targets are Pruna's model names, which go into a header."""

    name = "pruna"
    base = "https://api.pruna.ai"
    checked: Literal["documented", "sdk", "live"] = "sdk"
    limits = Limits(at_once=10, per_minute=250, first_poll=0.5, longest_poll=5)

    def authorise(self, key: str) -> Mapping[str, str]:
        """Return the key's header."""
        return {"apikey": key}

    def start(self, ask: Ask) -> Send:
        """Return the call that creates a prediction."""
        given = ask.nested()
        if "width" in given:  # which counts only beside this word
            given = {"aspect_ratio": "custom", **given}
        call = Call("POST", "v1/predictions", json={"input": given}, headers={"Model": ask.target}, pays=True)
        return Send(call, {})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read the answer to a creation, a look, or the fetching of the file."""
        if "file" in state:
            return _file(reply)
        body = body_of(reply)
        if not reply.ok:
            words = text_at(body, "error") or text_at(body, "message") or text_at(body, "detail")
            if "id" in state:
                return lost(words)
            return failed("refused", words) if is_refusal(words) and reply.status < 500 else by_status(reply, words)
        if "id" not in state:
            return Wait({"id": _text(body["id"])})
        match body["status"]:
            case "succeeded":
                return _delivered(state, _text(body["generation_url"]))
            case "failed":
                words = text_at(body, "error") or text_at(body, "message")
                return failed("refused" if is_refusal(words) else "failed", words, billed=None)
            case "canceled":
                return failed("failed", "The prediction was cancelled.", billed=None)
            case _:
                return Wait(state)

    def poll(self, state: State) -> Call:
        """Return the look at a prediction, or the fetching of its file if that is where it was."""
        return Call("GET", state["file"] if "file" in state else f"v1/predictions/status/{state['id']}")


def _delivered(state: State, link: str) -> Step:
    """Fetch the file with the key where Pruna delivers it itself; its link may come without a host."""
    path = urlsplit(link).path
    if not path.startswith(_FILES):
        return Done((Link(link),))
    return Send(Call("GET", path), {**state, "file": path})


def _file(reply: Reply) -> Step:
    if reply.ok and reply.body:
        return Done((Inline(reply.body),))
    if reply.status in (301, 302, 303, 307, 308):
        return Done((Link(reply.headers["location"]),))
    return failed("failed", "The file could not be fetched.", billed=True)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text that is none")
    return value
