"""Tencent Cloud's HunyuanImage 3.0: submit a job, then query it; every call is signed (TC3-HMAC-SHA256).

Compared with the source of Tencent's clients: the C++ one for the fields of SubmitTextToImageJob, the Python one
(tencentcloud-sdk-python-common 3.1.195 and aiart of 2026) for the signature, a job's states, its results and the
codes. Our reading: a job that failed costs nothing, a picture whose detail is not "Success" was kept back, and the
code of a picture that failed review says that the words were refused.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.read import body_of, by_status, failed, lost, text_at
from gesso.engines.upstream.signature import credential_of, digest, narrowed, signed
from gesso.engines.upstream.steps import Call, Done, Failed, Link, Reply, Send, State, Step, Wait, Why, Written
from gesso.engines.upstream.vendor import Base, Limits

_SERVICE, _VERSION, _REGION = "aiart", "2022-12-29", "ap-guangzhou"
_ALGORITHM, _SIGNED = "TC3-HMAC-SHA256", "content-type;host"
# What the beginning of a code means; the first that fits.
_WHY: tuple[tuple[str, Why], ...] = (
    ("OperationDenied.", "refused"),
    ("FailedOperation.GenerateImageFailed", "refused"),
    ("AuthFailure", "no_access"),
    ("UnauthorizedOperation", "no_access"),
    ("RequestLimitExceeded", "rate_limited"),
    ("ResourceUnavailable", "no_credit"),
    ("ResourcesSoldOut", "no_credit"),
    ("InvalidParameter", "bad_input"),
    ("MissingParameter", "bad_input"),
    ("UnknownParameter", "bad_input"),
    ("UnsupportedOperation", "no_model"),
    ("InvalidAction", "no_model"),
)
_PASSING = ("RequestLimitExceeded", "InternalError", "FailedOperation.RequestTimeout")  # of a look: ask again


class Tencent(Base):
    """Targets are the kind of job. The key has two halves, SecretId and SecretKey. Links last an hour."""

    name = "tencent"
    base = "https://aiart.tencentcloudapi.com"
    limits = Limits(at_once=1, first_poll=3.0)  # one job at once for a new account

    def authorise(self, key: str) -> Mapping[str, str]:
        """Return none: the key is not sent."""
        return {}

    def sign(self, key: str, written: Written) -> Mapping[str, str]:
        """Return the signature of one call and its time."""
        who = credential_of(key)
        day = dt.datetime.fromtimestamp(written.at, dt.UTC).date().isoformat()
        scope = f"{day}/{_SERVICE}/tc3_request"
        headers = f"content-type:{written.media_type}\nhost:{written.host}\n"
        canonical = "\n".join(
            (written.method, written.path, written.query, headers, _SIGNED, digest(written.body)),
        )
        text = "\n".join((_ALGORITHM, str(written.at), scope, digest(canonical)))
        signature = signed(narrowed(f"TC3{who.secret}", day, _SERVICE, "tc3_request"), text)
        proof = f"Credential={who.name}/{scope}, SignedHeaders={_SIGNED}, Signature={signature}"
        return {"Authorization": f"{_ALGORITHM} {proof}", "X-TC-Timestamp": str(written.at)}

    def start(self, ask: Ask) -> Send:
        """Return the call that submits a job."""
        given = ask.nested()
        if "Resolution" in given:
            given["Resolution"] = str(given["Resolution"]).replace("x", ":")
        if given.get("Seed") == 0:  # it takes positive ones
            del given["Seed"]
        return Send(_call(f"Submit{ask.target}", given, pays=True), {"kind": ask.target})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read the answer to a submission, or to a query; errors come with status 200."""
        body = body_of(reply)
        if not reply.ok and "Response" not in body:
            return lost() if "id" in state else by_status(reply)
        answer = body["Response"]
        if error := answer.get("Error"):
            return _error(state, error)
        if "id" not in state:
            return Wait({**state, "id": _text(answer["JobId"])})
        match str(answer["JobStatusCode"]):
            case "5":
                return _made(answer)
            case "4":
                why = _why(text_at(answer, "JobErrorCode"))
                return failed(why or "failed", text_at(answer, "JobErrorMsg"))
            case "1" | "2":
                return Wait(state)
            case code:
                raise ValueError(f"a state of an unknown kind: {len(code)} letters")

    def poll(self, state: State) -> Call:
        """Return the query of a job."""
        return _call(f"Query{state['kind']}", {"JobId": state["id"]})


def _call(action: str, body: dict[str, Any], *, pays: bool = False) -> Call:
    headers = {"X-TC-Action": action, "X-TC-Version": _VERSION, "X-TC-Region": _REGION}
    return Call("POST", "/", json=body, headers=headers, pays=pays)


def _made(answer: Mapping[str, Any]) -> Done | Failed:
    links = [_text(link) for link in answer["ResultImage"] or () if link]
    details = answer.get("ResultDetails") or ()
    kept = [detail for detail in details if detail != "Success"]
    if not links and kept:
        return failed("refused", str(kept[0]), billed=None)
    if not links:
        raise ValueError("a job that is done without pictures")
    return Done(tuple(map(Link, links)), refused=len(kept))


def _error(state: State, error: Mapping[str, Any]) -> Step:
    code, words = text_at(error, "Code"), text_at(error, "Message")
    if "id" in state:
        return Wait(state) if code.startswith(_PASSING) else lost(words)
    why = _why(code)
    return failed(why or "failed", words, billed=None if why is None else False)


def _why(code: str) -> Why | None:
    return next((why for start, why in _WHY if code.startswith(start)), None)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text that is none")
    return value
