"""Eachlabs predictions: create, then ask until it has ended (docs.eachlabs.ai, seen 2026-11)."""

from __future__ import annotations

from collections.abc import Mapping

from gesso.domain.upstream import Cost
from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.read import amount, body_of, by_status, failed, is_refusal, lost, pictures_in, text_at
from gesso.engines.upstream.steps import Call, Done, Failed, Reply, Send, State, Step, Wait, Why
from gesso.engines.upstream.vendor import Base, Limits

_WHY: dict[str, Why] = {
    "VALIDATION": "bad_input",
    "AUTH": "no_access",
    "RATE_LIMIT": "rate_limited",
    "NETWORK": "unavailable",
    "TIMEOUT": "timed_out",
}


class Eachlabs(Base):
    """All models of the catalogue's reference under their own slugs."""

    name = "eachlabs"
    base = "https://api.eachlabs.ai"
    limits = Limits(at_once=10, first_poll=2.0)  # it takes ten at once, and advises to ask every two seconds

    def authorise(self, key: str) -> Mapping[str, str]:
        """Return the key's header."""
        return {"X-API-Key": key}

    def start(self, ask: Ask) -> Send:
        """Return the call that creates a prediction."""
        body = {"model": ask.target, "version": "0.0.1", "input": ask.nested(), "webhook_url": ""}
        return Send(Call("POST", "v1/prediction/", json=body, pays=True), {})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read the answer to a creation (which has no id yet) or to a look."""
        body = body_of(reply)
        if not reply.ok:
            words = text_at(body, "details") or text_at(body, "error")
            return lost(words) if "id" in state else _refused(reply, words)
        if "id" not in state:
            return Wait({"id": str(body.get("predictionID") or body["id"])})
        match body["status"]:
            case "success" | "completed" | "succeeded":
                return Done(pictures_in(body["output"]), _cost(body))
            case "failed" | "error":
                return _failure(body)
            case "cancelled":
                return failed("failed", "The prediction was cancelled.", billed=None)
            case _:
                return Wait(state)

    def poll(self, state: State) -> Call:
        """Return the look at a prediction."""
        return Call("GET", f"v1/prediction/{state['id']}")

    def cancel(self, state: State) -> Call:
        """Return the call that stops a prediction, as far as it still can be."""
        return Call("POST", f"v1/prediction/{state['id']}/cancel")


def _refused(reply: Reply, words: str) -> Failed:
    return failed("refused", words) if is_refusal(words) and reply.status in (400, 422) else by_status(reply, words)


def _failure(body: Mapping[str, object]) -> Failed:
    output = body.get("output")
    words = text_at(output, "error_message") or text_at(output, "error") or text_at(body, "error")
    why = _WHY.get(text_at(output, "classification", "category"), "failed")
    return failed("refused" if is_refusal(words) else why, words, billed=None)


def _cost(body: Mapping[str, object]) -> Cost | None:
    metrics = body.get("metrics")
    cost = amount(metrics.get("cost")) if isinstance(metrics, Mapping) else None
    return None if cost is None else Cost(cost, "usd")
