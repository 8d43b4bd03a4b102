"""BytePlus ModelArk (Seedream): the images endpoint of the shape of OpenAI's, one call, the pictures in its answer.

BytePlus' client byteplus-python-sdk-v2 3.0.63 was run against a server of ours: path, key, names of the body, of the
answer and of its errors are the same. The codes are from ModelArk's list (docs.byteplus.com/ModelArk/1299023). ModelArk draws a
watermark unless told not to. Whether Seedream 4 heeds a seed is not said; the client sends one for all. No source we
found offers Dreamina there.
"""

from __future__ import annotations

from typing import Any, Literal

from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.read import body_of, by_status, failed, from_base64, text_at
from gesso.engines.upstream.steps import Call, Done, Failed, Inline, Link, Reply, Send, State, Step
from gesso.engines.upstream.vendor import Base, Limits

_REFUSALS = ("SensitiveContentDetected", "RiskDetection", "PolicyViolation", "ContentViolation")
_EMPTY = ("AccountOverdueError", "SetLimitExceeded", "InsufficientBalance")
_CLOSED = ("ModelNotOpen", "InvalidEndpointOrModel", "InvalidEndpoint", "UnsupportedModel")


class BytePlusArk(Base):
    """Targets are ModelArk's model ids, or the operator's endpoint ids."""

    name = "byteplus_ark"
    base = "https://ark.ap-southeast.bytepluses.com/api/v3"
    checked: Literal["documented", "sdk", "live"] = "sdk"
    limits = Limits(at_once=10, per_minute=500, create_seconds=300)  # five hundred pictures a minute

    def start(self, ask: Ask) -> Send:
        """Return the only call."""
        body = {"model": ask.target, **ask.nested()}
        return Send(Call("POST", "images/generations", json=body, pays=True), {})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read the answer; a picture that was kept back stands in it as an error."""
        body = body_of(reply)
        if not reply.ok:
            return _refusal(reply, body)
        if not body["data"] and body.get("error"):
            return _told(body["error"])
        made = tuple(_picture(one) for one in body["data"] if not one.get("error"))
        errors = [one["error"] for one in body["data"] if one.get("error")]
        if not made and errors:
            return _told(errors[0])
        return Done(made, refused=sum(_is_refusal(text_at(error, "code")) for error in errors))


def _picture(one: dict[str, str]) -> Inline | Link:
    return Inline(from_base64(one["b64_json"])) if one.get("b64_json") else Link(one["url"])


def _is_refusal(code: str) -> bool:
    return any(word in code for word in _REFUSALS)


def _told(error: Any) -> Failed:
    """Read an error within an answer: that no picture came of it may have cost or not."""
    words, code = text_at(error, "message"), text_at(error, "code")
    return failed("refused" if _is_refusal(code) else "failed", words, billed=None)


def _refusal(reply: Reply, body: dict[str, Any]) -> Failed:
    words, code = text_at(body, "error", "message"), text_at(body, "error", "code")
    if _is_refusal(code):
        return failed("refused", words, billed=None if code.startswith("Output") else False)
    if code.startswith(_EMPTY):
        return failed("no_credit", words)
    if code.startswith(_CLOSED):
        return failed("no_model", words)
    return by_status(reply, words)
