"""Replicate predictions: create, then ask until it has ended.

Source: Replicate's HTTP API and its Python client 1.0.7. A model is named by `version`, as owner/name or with the id of
one of its versions, which the current API takes for official and other models alike (documented, not tried). Pictures
of a megabyte and more are uploaded first, as Replicate's page on input files advises (seen 2026-11) and its client does
(verified); when they are removed there, Replicate decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.read import body_of, by_status, failed, is_refusal, lost, pictures_in, text_at
from gesso.engines.upstream.steps import Call, Done, Failed, Part, Reply, Send, State, Step, Wait
from gesso.engines.upstream.vendor import Base, Limits

MOST_INLINE_BYTES = 1_000_000  # of a picture


class Replicate(Base):
    """Inputs under the model's own names, pictures as data URIs, or as files that were uploaded."""

    name = "replicate"
    base = "https://api.replicate.com"
    checked: Literal["documented", "sdk", "live"] = "sdk"
    limits = Limits(at_once=32, per_minute=600)  # six hundred predictions a minute may be created

    def start(self, ask: Ask) -> Send:
        """Return the call that creates a prediction, or the upload of its first large picture."""
        return _next(ask, {})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read an upload, or a prediction, new or looked at; only a look has an id."""
        body = body_of(reply)
        if not reply.ok:
            words = text_at(body, "detail") or text_at(body, "title")
            return lost(words) if "id" in state else by_status(reply, words)
        if "upload" in state:
            return _next(ask, {**state["links"], state["upload"]: _text(body["urls"]["get"])})
        waiting = Wait({"id": str(body["id"])})
        match body["status"]:
            case "succeeded":
                return Done(pictures_in(body["output"]))
            case "failed":
                return _failure(body)
            case "canceled" | "aborted":
                return failed("failed", "The prediction was cancelled.", billed=None)
            case _:
                return waiting

    def poll(self, state: State) -> Call:
        """Return the look at a prediction."""
        return Call("GET", f"v1/predictions/{state['id']}")

    def cancel(self, state: State) -> Call:
        """Return the call that stops a prediction."""
        return Call("POST", f"v1/predictions/{state['id']}/cancel")


def _next(ask: Ask, links: Mapping[str, str]) -> Send:
    """Return the upload of the next large picture, else the creation; `links` are by a picture's number."""
    for number, picture in enumerate(ask.pictures):
        if len(picture.data) > MOST_INLINE_BYTES and str(number) not in links:
            part = Part("content", picture.data, picture.filename, picture.media_type)
            return Send(Call("POST", "v1/files", parts=(part,)), {"upload": str(number), "links": dict(links)})
    pictures = tuple(replace(one, link=links.get(str(number))) for number, one in enumerate(ask.pictures))
    body = {"version": ask.target, "input": replace(ask, pictures=pictures).nested()}
    return Send(Call("POST", "v1/predictions", json=body, pays=True), {})


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a link that is none")
    return value


def _failure(body: Mapping[str, object]) -> Failed:
    words = text_at(body, "error")
    return failed("refused" if is_refusal(words) or "(E005)" in words else "failed", words, billed=None)
