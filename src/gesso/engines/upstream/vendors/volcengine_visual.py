"""Volcengine's visual service (Dreamina, called Jimeng there): submit a task, then ask for its result; calls are signed.

Volcengine's client volcengine 1.0.229 makes the same signature; host, actions and version are its own. The fields, the
states and the codes are from a copy of Volcengine's reference of Jimeng 3.1 (documented, at second hand): low
confidence. A task answers with links when told to, and with a watermark unless told not to.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.read import body_of, by_status, failed, from_base64, lost, text_at
from gesso.engines.upstream.signature import credential_of, digest, narrowed, signed
from gesso.engines.upstream.steps import Call, Done, Failed, Inline, Link, Reply, Send, State, Step, Wait, Why, Written
from gesso.engines.upstream.vendor import Base, Limits

_SERVICE, _REGION, _VERSION = "cv", "cn-north-1", "2022-08-31"
_ALGORITHM, _SIGNED = "HMAC-SHA256", "content-type;host;x-content-sha256;x-date"
_FINE = 10000
_WANTED = json.dumps({"return_url": True, "logo_info": {"add_logo": False}})
_WHY: dict[int, Why] = {
    50400: "no_access",
    50411: "refused",
    50412: "refused",
    50413: "refused",
    50429: "rate_limited",
    50430: "rate_limited",
    50511: "refused",  # the picture
    50519: "refused",  # the picture, for the rights of others
}
_PICTURES = frozenset({50511, 50519})


class VolcengineVisual(Base):
    """Targets are what `req_key` holds. The key has two halves, AccessKey and SecretKey. Links last a day."""

    name = "volcengine_visual"
    base = "https://visual.volcengineapi.com"
    limits = Limits(at_once=1, first_poll=2.0)  # one task at once for a new account

    def authorise(self, key: str) -> Mapping[str, str]:
        """Return none: the key is not sent."""
        return {}

    def sign(self, key: str, written: Written) -> Mapping[str, str]:
        """Return the signature of one call, its time and its body's digest."""
        who, body = credential_of(key), digest(written.body)
        at = dt.datetime.fromtimestamp(written.at, dt.UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{at[:8]}/{_REGION}/{_SERVICE}/request"
        values = (written.media_type, written.host, body, at)
        headers = "".join(f"{name}:{value}\n" for name, value in zip(_SIGNED.split(";"), values, strict=True))
        query = "&".join(sorted(written.query.split("&")))
        canonical = "\n".join((written.method, written.path, query, headers, _SIGNED, body))
        text = "\n".join((_ALGORITHM, at, scope, digest(canonical)))
        signature = signed(narrowed(who.secret, at[:8], _REGION, _SERVICE, "request"), text)
        proof = f"Credential={who.name}/{scope}, SignedHeaders={_SIGNED}, Signature={signature}"
        return {"Authorization": f"{_ALGORITHM} {proof}", "X-Date": at, "X-Content-Sha256": body}

    def start(self, ask: Ask) -> Send:
        """Return the call that submits a task."""
        body = {"req_key": ask.target, **ask.nested()}
        return Send(_call("CVSync2AsyncSubmitTask", body, pays=True), {"kind": ask.target})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read the answer to a submission, or to a look."""
        body = body_of(reply)
        if body.get("code") != _FINE:
            return _refusal(state, reply, body)
        data = body["data"]
        if "id" not in state:
            return Wait({**state, "id": _text(data["task_id"])})
        match data["status"]:
            case "done":
                return _made(data)
            case "not_found" | "expired":
                return lost()
            case _:
                return Wait(state)

    def poll(self, state: State) -> Call:
        """Return the look at a task."""
        body = {"req_key": state["kind"], "task_id": state["id"], "req_json": _WANTED}
        return _call("CVSync2AsyncGetResult", body)


def _call(action: str, body: dict[str, Any], *, pays: bool = False) -> Call:
    return Call("POST", "/", json=body, query={"Action": action, "Version": _VERSION}, pays=pays)


def _made(data: Mapping[str, Any]) -> Done:
    links = [Link(_text(link)) for link in data.get("image_urls") or ()]
    inline = [Inline(from_base64(_text(one))) for one in data.get("binary_data_base64") or ()]
    if not links and not inline:
        raise ValueError("a task that is done without pictures")
    return Done(tuple(links or inline))


def _refusal(state: State, reply: Reply, body: Mapping[str, Any]) -> Step:
    code, words = body.get("code"), text_at(body, "message")
    if reply.ok and not isinstance(code, int):
        raise ValueError("an answer without a code")
    why = _WHY.get(code) if isinstance(code, int) else None
    if why == "refused":
        return failed(why, words, billed=None if code in _PICTURES else False)
    if "id" in state:
        return Wait(state) if why == "rate_limited" else lost(words)
    if reply.ok and why is None:
        return Failed("failed", words, billed=None)
    return (
        by_status(reply, words or text_at(body, "ResponseMetadata", "Error", "Message"))
        if why is None
        else failed(why, words)
    )


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text that is none")
    return value
