"""Black Forest Labs: create a task, then ask at the address it names until it has ended.

Sources: BFL's OpenAPI document of 2026-09 and its pages on errors (verified), its help page "Why did my request fail?" of
2026-06, which says that neither kind of moderation is charged (documented). A look at a task that BFL does not know (any
more) is taken to say nothing of what became of it (ours). There is no official Python client, and no call that stops a
task.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gesso.domain.upstream import Cost
from gesso.engines.upstream.ask import Ask, put
from gesso.engines.upstream.read import amount, body_of, by_status, failed, is_refusal, lost, text_at
from gesso.engines.upstream.steps import Call, Done, Failed, Link, Reply, Send, State, Step, Wait
from gesso.engines.upstream.vendor import Base, Limits, PicturesAs


class Bfl(Base):
    """Targets are the last part of the model's path; pictures go as plain base64."""

    name = "bfl"
    base = "https://api.bfl.ai"
    pictures: PicturesAs = "base64"
    hosts: tuple[str, ...] = ("*.bfl.ai",)  # a task is asked for where it runs, say at api.eu1.bfl.ai
    limits = Limits(at_once=24, first_poll=0.5, longest_poll=5)  # twenty-four tasks may be open

    def authorise(self, key: str) -> Mapping[str, str]:
        """Return the key's header."""
        return {"x-key": key}

    def start(self, ask: Ask) -> Send:
        """Return the call that creates a task."""
        body = ask.nested(pictures=False)
        for picture in ask.pictures:
            put(body, picture.argument, picture.base64)
        return Send(Call("POST", f"v1/{ask.target}", json=body, pays=True), {})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read the answer to a creation, which names the address to ask at, or to a look."""
        body = body_of(reply)
        if "url" not in state:
            return _created(body) if reply.ok else _refusal(reply, body)
        if not reply.ok:
            return lost(_words(body))
        match body["status"]:
            case "Ready":
                result = body["result"]
                seed = result.get("seed")
                link = Link(result["sample"], seed if isinstance(seed, int) else None)
                return Done((link,), _cost(body) or _cost(state))
            case "Request Moderated" | "Content Moderated":
                return failed("refused", _words(body) or str(body["status"]))
            case "Error":
                return failed("failed", _words(body), billed=None)
            case "Task not found":
                return lost("The task is not known there.")
            case _:
                return _waiting(state, body.get("progress"))

    def poll(self, state: State) -> Call:
        """Return the look at a task."""
        return Call("GET", state["url"])


def _created(body: Mapping[str, Any]) -> Wait:
    cost = amount(body.get("cost"))
    told = {} if cost is None else {"cost": str(cost)}
    return Wait({"id": str(body["id"]), "url": str(body["polling_url"]), **told})


def _waiting(state: State, progress: object) -> Wait:
    if isinstance(progress, int | float) and 0 <= progress <= 1:
        return Wait(state, done=round(100 * progress), total=100)
    return Wait(state)


def _cost(body: Mapping[str, Any]) -> Cost | None:
    cost = amount(body.get("cost"))
    return None if cost is None else Cost(cost, "credit")  # a hundred of them are a dollar


def _words(body: Mapping[str, Any]) -> str:
    """Return what an error says: a sentence, a list of mistakes, or the reasons of a moderation."""
    details = body.get("details")
    if isinstance(details, Mapping):
        reasons = details.get("Moderation Reasons", details.get("error"))
        return ", ".join(map(str, reasons)) if isinstance(reasons, list) else str(reasons or "")
    return text_at(body, "detail") or text_at(body, "detail", 0, "msg") or str(details or "")


def _refusal(reply: Reply, body: Mapping[str, Any]) -> Failed:
    words = _words(body)
    return failed("refused", words) if is_refusal(words) and reply.status in (400, 422) else by_status(reply, words)
