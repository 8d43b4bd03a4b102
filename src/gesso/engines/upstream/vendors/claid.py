"""Claid's AI edit and its generator: the picture uploaded through an empty classic edit, then an edit that is looked at.

Source: Claid's OpenAPI document. There is no official client: that an upload goes through `image/edit/upload` with no
operations is what an independent client does, and may count there as a call. Which credits an edit took is not told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gesso.engines.upstream.ask import Ask, put
from gesso.engines.upstream.read import body_of, by_status, failed, is_refusal, lost, text_at
from gesso.engines.upstream.steps import Call, Done, Failed, Link, Part, Reply, Send, State, Step, Wait
from gesso.engines.upstream.vendor import Base, Limits, PicturesAs

GENERATE = "generate"  # the target that is no version of the editor


class Claid(Base):
    """Targets are `v1` and `v2` of the editor, and `generate`."""

    name = "claid"
    base = "https://api.claid.ai"
    pictures: PicturesAs = "upload"
    limits = Limits(at_once=10, per_minute=60, create_seconds=120, first_poll=2.0)  # AI edits: sixty a minute

    def start(self, ask: Ask) -> Send:
        """Return the upload of the picture, or the only call of the generator."""
        if ask.target == GENERATE:
            return Send(Call("POST", "v1/image/generate", json=ask.nested(), pays=True), {"at": "generate"})
        (picture,) = ask.pictures
        parts = (
            Part("file", picture.data, picture.filename, picture.media_type),
            Part("data", json.dumps({"operations": {}}), "", "application/json"),
        )
        return Send(Call("POST", "v1/image/edit/upload", parts=parts), {"at": "upload"})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read what came of an upload, a submit, a look, or a generation."""
        if not reply.ok:
            refusal = _refusal(reply)
            return lost(refusal.message) if state["at"] == "look" else refusal
        data = body_of(reply)["data"]
        match state["at"]:
            case "upload":
                return _edit(ask, str(data["output"]["tmp_url"]))
            case "generate":
                return Done(_pictures(data["output"]))
            case "edit":
                return Wait({"at": "look", "id": int(data["id"])})
        return _looked(state, data)

    def poll(self, state: State) -> Call:
        """Return the look at an edit. Not by its `result_url`, which was seen with the wrong scheme."""
        return Call("GET", f"v1/image/ai-edit/{state['id']}")


def _edit(ask: Ask, url: str) -> Send:
    body = ask.nested(pictures=False)
    put(body, ask.pictures[0].argument, url)
    put(body, "options.model", ask.target)
    return Send(Call("POST", "v1/image/ai-edit", json=body, pays=True), {"at": "edit"})


def _looked(state: State, data: Mapping[str, Any]) -> Step:
    match data["status"]:
        case "DONE":
            return Done(_pictures(data["result"]["output_objects"]))
        case "ERROR":
            words = text_at(data, "errors", 0, "error")
            return failed("refused" if is_refusal(words) else "failed", words, billed=None)
        case "CANCELLED":
            return failed("failed", "The edit was stopped there.", billed=None)
        case _:
            return Wait(state)


def _pictures(found: list[dict[str, Any]]) -> tuple[Link, ...]:
    return tuple(Link(str(one["tmp_url"])) for one in found)


def _refusal(reply: Reply) -> Failed:
    body = body_of(reply)
    words = text_at(body, "error_message") or text_at(body, "detail", "error_message")
    return failed("refused", words) if is_refusal(words) and reply.status in (400, 422) else by_status(reply, words)
