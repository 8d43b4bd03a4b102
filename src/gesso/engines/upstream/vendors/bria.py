"""Bria's first generation of endpoints: the model's version in the path, one call for each picture.

Sources: Bria's own ComfyUI-BRIA-API (paths, key, body, where the links are) and docs.bria.ai (fields, moderation):
documented. `sync: true` is documented for one picture a call only, hence one call each. Our reading, of low
confidence: one guiding picture goes as base64 in `image_prompt_file`, several as data URIs in `image_prompt_urls`,
and a picture kept back stands in the result as `blocked`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gesso.engines.upstream.ask import Ask, put
from gesso.engines.upstream.read import body_of, by_status, failed, is_refusal, text_at
from gesso.engines.upstream.steps import Call, Done, Failed, Link, Reply, Send, State, Step
from gesso.engines.upstream.vendor import Base, Limits, PicturesAs

_PLACE = re.compile(r"\{(\w+)\}")
_GUIDES = "image_prompt_"  # arguments that are about guiding pictures
_NO_FILE = 460  # a link or file of ours that Bria cannot read


class Bria(Base):
    """Targets are paths; an argument named in braces goes into the path instead of the body."""

    name = "bria"
    base = "https://engine.prod.bria-api.com"
    pictures: PicturesAs = "base64"
    limits = Limits(at_once=5, create_seconds=180)

    def authorise(self, key: str) -> Mapping[str, str]:
        """Return the key's header."""
        return {"api_token": key}

    def start(self, ask: Ask) -> Send:
        """Return the only call."""
        within = set(_PLACE.findall(ask.target))
        path = _PLACE.sub(lambda place: str(ask.arguments[place[1]]), ask.target)
        body: dict[str, Any] = {}
        for name, value in ask.arguments.items():
            if name not in within and (ask.pictures or not name.startswith(_GUIDES)):
                put(body, name, value)
        if len(ask.pictures) == 1:
            body["image_prompt_file"] = ask.pictures[0].base64
        elif ask.pictures:
            body["image_prompt_urls"] = [picture.data_uri for picture in ask.pictures]
        return Send(Call("POST", path, json={**body, "sync": True}, pays=True), {})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read the answer."""
        body = body_of(reply)
        if not reply.ok:
            return _refusal(reply, body)
        kept = [one for one in body["result"] if one.get("blocked")]
        made = tuple(_picture(one) for one in body["result"] if not one.get("blocked"))
        if kept and not made:
            return failed("refused", text_at(kept[0], "description"), billed=None)
        if not made:
            raise ValueError("an answer without pictures")
        return Done(made, refused=len(kept))


def _picture(one: Mapping[str, Any]) -> Link:
    link, seed = one["urls"][0], one.get("seed")
    if not isinstance(link, str):
        raise TypeError("a link that is none")
    return Link(link, seed if isinstance(seed, int) and seed >= 0 else None)


def _refusal(reply: Reply, body: Mapping[str, Any]) -> Failed:
    """Read an error: its words are a sentence, or within an object, or a list of mistakes."""
    places = (("error", "message"), ("detail", 0, "msg"), ("detail",), ("message",), ("description",), ("error",))
    words = next((found for place in places if (found := text_at(body, *place))), "")
    if reply.status in (400, 422) and is_refusal(words):
        return failed("refused", words)
    return failed("bad_input", words) if reply.status == _NO_FILE else by_status(reply, words)
