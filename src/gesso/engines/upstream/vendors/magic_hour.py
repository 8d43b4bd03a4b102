"""Magic Hour's image editor and generator: pictures uploaded by signed links, a project, asked until it has ended.

Source: the Python client magic-hour 0.90.0 (verified against it) and Magic Hour's OpenAPI document. That a stopped
project may have cost something is our reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from gesso.domain.upstream import Cost
from gesso.engines.upstream.ask import Ask, put
from gesso.engines.upstream.read import amount, body_of, by_status, failed, is_refusal, lost, text_at
from gesso.engines.upstream.steps import Call, Done, Failed, Link, Reply, Send, State, Step, Wait, Why
from gesso.engines.upstream.vendor import Base, Limits, PicturesAs

_WHY: dict[str, Why] = {
    "content_policy_violation": "refused",
    "no_source_face": "bad_input",
    "invalid_file_format": "bad_input",
    "file_too_large": "bad_input",
    "invalid_parameters": "bad_input",
    "insufficient_credits": "no_credit",
}


class MagicHour(Base):
    """Targets are Magic Hour's model names; which of the two tools it is, the operation says."""

    name = "magic_hour"
    base = "https://api.magichour.ai"
    pictures: PicturesAs = "upload"
    checked: Literal["documented", "sdk", "live"] = "sdk"
    limits = Limits(at_once=10)  # its own numbers are not published

    def start(self, ask: Ask) -> Send:
        """Return the call that asks for places to upload to; without pictures, the one that begins."""
        if not ask.pictures:
            return _create(ask, ())
        items = [{"type": "image", "extension": picture.media_type.removeprefix("image/")} for picture in ask.pictures]
        return Send(Call("POST", "v1/files/upload-urls", json={"items": items}), {"at": "places"})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read what came of a place, an upload, a creation, or a look."""
        body = body_of(reply)
        if not reply.ok:
            if state["at"] == "look":
                return lost(text_at(body, "message"))
            return _refusal(reply, body) if state["at"] != "upload" else failed("unavailable", "An upload failed.")
        match state["at"]:
            case "places":
                places = [(str(one["upload_url"]), str(one["file_path"])) for one in body["items"]]
                if len(places) != len(ask.pictures):
                    raise ValueError("not a place for each picture")
                return _upload(ask, {"places": places, "number": 0})
            case "upload":
                if state["number"] + 1 < len(ask.pictures):
                    return _upload(ask, {**state, "number": state["number"] + 1})
                return _create(ask, tuple(path for _, path in state["places"]))
            case "create":
                return Wait({"at": "look", "id": str(body["id"])})
        return _looked(state, body)

    def poll(self, state: State) -> Call:
        """Return the look at a project."""
        return Call("GET", f"v1/image-projects/{state['id']}")


def _upload(ask: Ask, state: State) -> Send:
    url, number = state["places"][state["number"]][0], state["number"]
    return Send(Call("PUT", url, body=ask.pictures[number].data, open=True), {**state, "at": "upload"})


def _create(ask: Ask, paths: tuple[str, ...]) -> Send:
    body: dict[str, Any] = {"model": ask.target, **ask.nested(pictures=False)}
    found: dict[str, list[str]] = {}
    for picture, path in zip(ask.pictures, paths, strict=True):
        found.setdefault(picture.argument, []).append(path)
    for name, given in found.items():
        put(body, name, given)
    tool = "ai-image-editor" if ask.operation == "edit" else "ai-image-generator"
    return Send(Call("POST", f"v1/{tool}", json=body, pays=True), {"at": "create"})


def _looked(state: State, body: Mapping[str, Any]) -> Step:
    match body["status"]:
        case "complete":
            return Done(tuple(Link(str(one["url"])) for one in body["downloads"]), _cost(body))
        case "error":  # which is paid back
            words = text_at(body, "error", "message")
            why = _WHY.get(text_at(body, "error", "code"), "refused" if is_refusal(words) else "failed")
            return failed(why, words)
        case "canceled":
            return failed("failed", "The project was stopped there.", billed=None)
        case _:
            return Wait(state)


def _refusal(reply: Reply, body: Mapping[str, Any]) -> Failed:
    words = text_at(body, "message")
    return failed("refused", words) if is_refusal(words) and reply.status in (400, 422) else by_status(reply, words)


def _cost(body: Mapping[str, Any]) -> Cost | None:
    charged = amount(body.get("credits_charged"))
    return None if charged is None else Cost(charged, "magic_hour_credit")
