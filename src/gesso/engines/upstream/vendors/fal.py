"""fal's queue: submit, ask for the status, then for the result.

Source: fal's OpenAPI documents of 2026-06 and the client fal-client 1.0.3 (verified against it). Arguments are as the
types of @fal-ai/client 1.10.1 have them.
"""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Mapping
from typing import Any

from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.read import body_of, by_status, failed, is_refusal, lost, pictures_in, text_at
from gesso.engines.upstream.steps import Call, Done, Failed, Reply, Send, State, Step, Wait
from gesso.engines.upstream.vendor import Base, Limits


class Fal(Base):
    """Targets are fal's model ids; pictures go as data URIs."""

    name = "fal"
    base = "https://queue.fal.run"
    hosts: tuple[str, ...] = ("*.fal.run",)
    limits = Limits(at_once=10, first_poll=0.5, longest_poll=5)  # ten at once for a new account

    def authorise(self, key: str) -> Mapping[str, str]:
        """Return the key's header."""
        return {"Authorization": f"Key {key}"}

    def start(self, ask: Ask) -> Send:
        """Return the call that puts a request into the queue."""
        body = {**ask.nested(), **_archives(ask)}
        if isinstance(loras := body.get("loras"), list):
            body["loras"] = [lora for lora in loras if lora.get("path")]  # a scale alone is none
        return Send(Call("POST", ask.target, json=body, pays=True), {"at": "submit"})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read the answer to a submit, a look, or the fetching of the result."""
        body = body_of(reply)
        if state["at"] == "result":
            return _result(reply, body)
        if not reply.ok:
            return _refusal(reply, body) if state["at"] == "submit" else lost(text_at(body, "detail"))
        if state["at"] == "submit":
            links = {name: str(body[name]) for name in ("status_url", "response_url", "cancel_url")}
            return Wait({"at": "status", **links})
        if body["status"] == "COMPLETED":
            return Send(Call("GET", state["response_url"]), {**state, "at": "result"})
        return Wait(state)

    def poll(self, state: State) -> Call:
        """Return the look at a request, or the fetching of its result if that is where it was."""
        return Call("GET", state["response_url" if state["at"] == "result" else "status_url"])

    def cancel(self, state: State) -> Call:
        """Return the call that takes a request out of the queue."""
        return Call("PUT", state["cancel_url"])


def _archives(ask: Ask) -> dict[str, str]:
    """Return the arguments that take pictures in a ZIP file; its dates are all the same, so that it is, too."""
    found: dict[str, str] = {}
    for argument in {picture.argument for picture in ask.pictures if picture.argument.endswith("archive_url")}:
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            for number, picture in enumerate(one for one in ask.pictures if one.argument == argument):
                archive.writestr(zipfile.ZipInfo(f"{number}-{picture.filename}"), picture.data)
        found[argument] = f"data:application/zip;base64,{base64.b64encode(data.getvalue()).decode()}"
    return found


def _result(reply: Reply, body: Mapping[str, Any]) -> Step:
    if not reply.ok:
        refusal = _refusal(reply, body)
        if refusal.again:  # it is about the key, or the queue: not about what was made
            return lost(refusal.message)
        return Failed(refusal.why, refusal.message, billed=False if reply.status == 422 else None)
    pictures = pictures_in(body)
    flagged = body.get("has_nsfw_concepts")
    flags = flagged if isinstance(flagged, list) and len(flagged) == len(pictures) else [False] * len(pictures)
    shown = tuple(picture for picture, refused in zip(pictures, flags, strict=True) if not refused)
    if pictures and not shown:
        return failed("refused", "The pictures were flagged.", billed=True)
    return Done(shown, refused=len(pictures) - len(shown))


def _refusal(reply: Reply, body: Mapping[str, Any]) -> Failed:
    """Read an error: `detail` is a sentence, or a list of mistakes with `loc`, `msg` and `type`."""
    words = text_at(body, "detail") or text_at(body, "detail", 0, "msg") or text_at(body, "error")
    kind = text_at(body, "detail", 0, "type")
    if kind == "content_policy_violation" or is_refusal(words):
        return failed("refused", words)
    if "balance" in words.lower() or "locked" in words.lower():  # 403 "User is locked. Reason: Exhausted balance"
        return failed("no_credit", words)
    return by_status(reply, words)
