"""Alibaba Model Studio (DashScope): Wan as tasks that are asked about, Qwen-Image and Z-Image in one call.

Alibaba's client dashscope 2.0.2 was run against a server of ours: paths, headers, bodies, a task's end and its
withdrawal are the same; the other states were read in its source. Bodies and answers are also in Model Studio's
references of Wan, Qwen-Image and Z-Image, and its codes in its list of errors (alibabacloud.com/help, seen 2026-11):
documented. Our reading: that wan2.6-image takes the sizes of wan2.6-t2i, and that a task that was refused or failed
costs nothing (pictures that succeeded are billed).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from gesso.engines.upstream.ask import Ask, put
from gesso.engines.upstream.read import body_of, by_status, failed, lost, text_at
from gesso.engines.upstream.steps import Call, Done, Failed, Link, Reply, Send, State, Step, Wait, Why
from gesso.engines.upstream.vendor import Base, Limits

_PATHS = {
    "text2image": "services/aigc/text2image/image-synthesis",
    "image-generation": "services/aigc/image-generation/generation",
    "multimodal-generation": "services/aigc/multimodal-generation/generation",
}
_AT_ONCE = "multimodal-generation"  # the one that answers with the pictures
_WHY: dict[str, Why] = {
    "DataInspectionFailed": "refused",
    "Arrearage": "no_credit",
    "InvalidApiKey": "no_access",
    "AccessDenied": "no_access",
    "ModelNotFound": "no_model",
    "Model.AccessDenied": "no_access",
    "Throttling": "rate_limited",
    "InvalidParameter": "bad_input",
    "InvalidURL": "bad_input",
    "BadRequest": "bad_input",
    "RequestTimeOut": "timed_out",
}


class DashScope(Base):
    """Targets are TASK/MODEL: the kind of task, and the model; MODEL+MODEL names another one for asks with pictures.

    Sizes are WIDTH*HEIGHT there. Pictures go as data URIs; links last a day.
    """

    name = "dashscope"
    base = "https://dashscope-intl.aliyuncs.com/api/v1"
    checked: Literal["documented", "sdk", "live"] = "sdk"
    limits = Limits(at_once=5, create_seconds=300, first_poll=2.0)  # five tasks at once for a new account

    def start(self, ask: Ask) -> Send:
        """Return the call that makes the pictures, or creates a task for them."""
        kind, _, models = ask.target.partition("/")
        text_model, _, picture_model = models.partition("+")
        body: dict[str, Any] = {"model": picture_model or text_model if ask.pictures else text_model, **ask.nested()}
        if "messages" in body["input"]:
            put(body, "input.messages[0].role", "user")
        if size := text_at(body, "parameters", "size"):
            body["parameters"]["size"] = size.replace("x", "*")
        headers = {} if kind == _AT_ONCE else {"X-DashScope-Async": "enable"}
        return Send(Call("POST", _PATHS[kind], json=body, headers=headers, pays=True), {})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read the answer to a call, a creation or a look."""
        body = body_of(reply)
        if not reply.ok:
            return lost(text_at(body, "message")) if "id" in state else _refusal(reply, body)
        output = body["output"]
        if "id" not in state and "task_id" not in output:
            return _made(output)
        match output["task_status"]:
            case "SUCCEEDED":
                return _made(output)
            case "FAILED":
                return _failure(output)
            case "CANCELED":
                return failed("failed", "The task was cancelled.", billed=None)
            case "UNKNOWN":  # it has no such task, or not any more
                return lost()
            case _:
                return Wait({"id": _text(output["task_id"])})

    def poll(self, state: State) -> Call:
        """Return the look at a task."""
        return Call("GET", f"tasks/{state['id']}")

    def cancel(self, state: State) -> Call:
        """Return the call that takes a task back while it waits its turn."""
        return Call("POST", f"tasks/{state['id']}/cancel")


def _made(output: Mapping[str, Any]) -> Done | Failed:
    """Read the pictures of either shape; one that failed stands among Wan 2.5's results with a code."""
    made = tuple(_pictures(output))
    codes = [text_at(one, "code") for one in output.get("results") or () if "url" not in one]
    if not made and codes:
        return _failure(next(one for one in output["results"] if "url" not in one))
    if not made:
        raise ValueError("an answer without pictures")
    return Done(made, refused=sum(_why(code) == "refused" for code in codes))


def _pictures(output: Mapping[str, Any]) -> Iterator[Link]:
    for one in output.get("results") or ():
        if "url" in one:
            yield Link(_text(one["url"]))
    for choice in output.get("choices") or ():
        for part in choice["message"]["content"]:
            if "image" in part:
                yield Link(_text(part["image"]))


def _why(code: str) -> Why | None:
    """Return what a code means; "Throttling.RateQuota" is a kind of "Throttling"."""
    if "DataInspection" in code and code != "InvalidParameter.DataInspection":
        return "refused"
    return _WHY.get(code) or _WHY.get(code.partition(".")[0])


def _failure(output: Mapping[str, Any]) -> Failed:
    return failed(_why(text_at(output, "code")) or "failed", text_at(output, "message"))


def _refusal(reply: Reply, body: Mapping[str, Any]) -> Failed:
    words, why = text_at(body, "message"), _why(text_at(body, "code"))
    return by_status(reply, words) if why is None or reply.status >= 500 else failed(why, words)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text that is none")
    return value
