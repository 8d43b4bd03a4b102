"""FASHN's run and status: a model by its name, pictures as data URIs, asked until it has ended.

Source: the Python client fashn 0.9.0 (verified against it) and FASHN's reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from gesso.domain.upstream import Cost
from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.read import amount, body_of, by_status, failed, is_refusal, lost, pictures_in, text_at
from gesso.engines.upstream.steps import Call, Done, Failed, Reply, Send, State, Step, Wait, Why
from gesso.engines.upstream.vendor import Base, Limits

_WHY: dict[str, Why] = {
    "ContentModerationError": "refused",
    "ImageLoadError": "bad_input",
    "InputValidationError": "bad_input",
    "PoseError": "bad_input",
    "ThirdPartyError": "unavailable",
    "3rdPartyProviderError": "unavailable",
    "InternalServerError": "unavailable",
    "OutOfCredits": "no_credit",  # comes with 429, like the two others that are worth another try
}


class Fashn(Base):
    """Targets are FASHN's model names. A mask's white is what it changes."""

    name = "fashn"
    base = "https://api.fashn.ai"
    checked: Literal["documented", "sdk", "live"] = "sdk"
    limits = Limits(at_once=6, per_minute=50)  # six at once, fifty runs a minute, says who ran into it

    def start(self, ask: Ask) -> Send:
        """Return the call that begins a prediction."""
        body = {"model_name": ask.target, "inputs": ask.nested()}
        return Send(Call("POST", "v1/run", json=body, pays=True), {})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read the answer to a run, which has only an id, or to a look."""
        body = body_of(reply)
        if not reply.ok:
            return lost(text_at(body, "message")) if "id" in state else _refusal(reply, body)
        if "id" not in state:
            return Wait({"id": _text(body["id"])})
        match body["status"]:
            case "completed":
                return Done(pictures_in(body["output"]), _cost(reply))
            case "failed":  # which costs nothing
                words = text_at(body, "error", "message")
                why = _WHY.get(text_at(body, "error", "name"), "refused" if is_refusal(words) else "failed")
                return failed(why, words)
            case "canceled" | "time_out":
                return failed("failed", "The prediction was ended there.", billed=None)
            case _:
                return Wait(state)

    def poll(self, state: State) -> Call:
        """Return the look at a prediction."""
        return Call("GET", f"v1/status/{state['id']}")


def _refusal(reply: Reply, body: Mapping[str, Any]) -> Failed:
    code, words = text_at(body, "error"), text_at(body, "message")
    return failed(_WHY[code], words) if code in ("OutOfCredits", "ContentModerationError") else by_status(reply, words)


def _cost(reply: Reply) -> Cost | None:
    used = amount(reply.headers.get("x-fashn-credits-used"))
    return None if used is None else Cost(used, "fashn_credit")


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("an id that is none")
    return value
