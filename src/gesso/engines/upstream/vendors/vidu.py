"""Vidu's images: create a task, then ask for its creations.

Sources: Vidu's references of reference2image, of a task's creations, of its withdrawal and of its error codes
(platform.vidu.com, seen 2026-11): documented. Our reading: a task that failed costs nothing unless it names credits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gesso.domain.upstream import Cost
from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.read import amount, body_of, by_status, failed, lost, text_at
from gesso.engines.upstream.steps import Call, Done, Failed, Link, Reply, Send, State, Step, Wait, Why
from gesso.engines.upstream.vendor import Base, Limits

_WHY: dict[str, Why] = {
    "AuditSubmitIllegal": "refused",
    "CreationPolicyViolation": "refused",
    "TaskPromptPolicyViolation": "refused",
    "CreditInsufficient": "no_credit",
    "ModelUnavailable": "no_model",
    "OperationInProcess": "unavailable",
    "ImageDownloadFailure": "bad_input",
    "ImageFormatInvalid": "bad_input",
    "PageSizeOutOfRange": "bad_input",
    "QuotaExceeded": "rate_limited",
    "TooManyRequests": "rate_limited",
    "SystemThrottling": "rate_limited",
}


class Vidu(Base):
    """Targets are Vidu's model names; without pictures it paints from words alone. Links last a day."""

    name = "vidu"
    base = "https://api.vidu.com"
    limits = Limits(at_once=5, first_poll=2.0)

    def authorise(self, key: str) -> Mapping[str, str]:
        """Return the key's header."""
        return {"Authorization": f"Token {key}"}

    def start(self, ask: Ask) -> Send:
        """Return the call that creates a task."""
        body = {"model": ask.target, **ask.nested()}
        return Send(Call("POST", "ent/v2/reference2image", json=body, pays=True), {})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read the answer to a creation, or to a look."""
        body = body_of(reply)
        if not reply.ok:
            why = _WHY.get(text_at(body, "reason")) if reply.status < 500 else None
            words = text_at(body, "message")
            if "id" in state:
                return lost(words)
            return by_status(reply, words) if why is None else failed(why, words)
        if "id" not in state:
            if body["state"] == "failed":
                return _failure(body)
            return Wait({"id": str(body["task_id"])})
        match body["state"]:
            case "success":
                return Done(tuple(Link(str(one["url"])) for one in body["creations"]), _cost(body))
            case "failed":
                return _failure(body)
            case _:
                return Wait(state)

    def poll(self, state: State) -> Call:
        """Return the look at a task's creations."""
        return Call("GET", f"ent/v2/tasks/{state['id']}/creations")

    def cancel(self, state: State) -> Call:
        """Return the call that stops a task, as far as it still can be."""
        return Call("POST", f"ent/v2/tasks/{state['id']}/cancel", json={"id": state["id"]})


def _failure(body: Mapping[str, Any]) -> Failed:
    code, cost = text_at(body, "err_code"), _cost(body)
    billed = cost is not None and cost.amount > 0
    told = failed(_WHY.get(code, "failed"), code, billed=billed)
    return Failed(told.why, told.message, told.again, billed, cost)


def _cost(body: Mapping[str, Any]) -> Cost | None:
    used = amount(body.get("credits"))
    return None if used is None else Cost(used, "vidu_credit")
