"""Google's Gemini API: one `generateContent` call, the picture in its answer.

Sources: the Gemini API's discovery document and the client google-genai 3.4.0, which writes the same body and reads the
same answer; it asks `v1`, this the `v1beta` of the reference's examples (verified). Nobody says what a blocked prompt costs:
taken as unknown. The size below 1K is spelled "512" by some and "512px" by others, and so not asked for. Imagen's `predict`
is not spoken: every Imagen model was shut down by 2026-08-17, and the catalogue's go to their successor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from gesso.domain.upstream import Cost
from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.read import amount, body_of, by_status, failed, from_base64, is_refusal, text_at
from gesso.engines.upstream.steps import Call, Done, Failed, Inline, Reply, Send, State, Step, Why
from gesso.engines.upstream.vendor import Base, Limits, PicturesAs

# Why a candidate ended, where it was refused; the others that come without a picture are failures.
_REFUSED = frozenset(
    {
        "SAFETY",
        "IMAGE_SAFETY",
        "PROHIBITED_CONTENT",
        "IMAGE_PROHIBITED_CONTENT",
        "RECITATION",
        "IMAGE_RECITATION",
        "BLOCKLIST",
        "SPII",
        "MODEL_ARMOR",
    }
)
# What an error's `status` means where it says more than HTTP's.
_WHY: dict[str, Why] = {
    "FAILED_PRECONDITION": "no_access",  # the key's project has no billing, or its country is not served
    "UNAUTHENTICATED": "no_access",
    "PERMISSION_DENIED": "no_access",
}


class Google(Base):
    """Targets are model ids. Pictures follow the prompt within the same message."""

    name = "google"
    base = "https://generativelanguage.googleapis.com"
    pictures: PicturesAs = "base64"
    limits = Limits(at_once=16, create_seconds=300)
    checked: Literal["documented", "sdk", "live"] = "sdk"

    def authorise(self, key: str) -> Mapping[str, str]:
        """Return the key's header."""
        return {"x-goog-api-key": key}

    def start(self, ask: Ask) -> Send:
        """Return the only call."""
        body = ask.nested(pictures=False)
        message = body["contents"][0]
        message["role"] = "user"
        message["parts"] += [
            {"inlineData": {"mimeType": file.media_type, "data": file.base64}} for file in ask.pictures
        ]
        body.setdefault("generationConfig", {})["responseModalities"] = ["IMAGE"]
        return Send(Call("POST", f"v1beta/models/{ask.target}:generateContent", json=body, pays=True), {})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read the answer: pictures are parts of its candidates, beside words and thoughts."""
        body = body_of(reply)
        if not reply.ok:
            return _refusal(reply, body)
        if blocked := text_at(body, "promptFeedback", "blockReason"):
            return failed("refused", text_at(body, "promptFeedback", "blockReasonMessage") or blocked, billed=None)
        candidates = body["candidates"]
        pictures = tuple(_pictures(candidates))[: ask.count]
        return Done(pictures, _cost(body)) if pictures else _without(candidates[0])


def _pictures(candidates: list[dict[str, Any]]) -> Iterator[Inline]:
    for candidate in candidates:
        for part in candidate.get("content", {}).get("parts", ()):
            if "inlineData" in part and not part.get("thought"):  # what it tried on the way is no result
                yield Inline(from_base64(part["inlineData"]["data"]))


def _without(candidate: Mapping[str, Any]) -> Failed:
    """Return why a candidate has no picture: it was refused, or the model only talked."""
    reason = str(candidate.get("finishReason", ""))
    words = text_at(candidate, "finishMessage") or text_at(candidate, "content", "parts", 0, "text") or reason
    return failed("refused" if reason in _REFUSED else "failed", words, billed=None)


def _cost(body: Mapping[str, Any]) -> Cost | None:
    used = body.get("usageMetadata")
    tokens = amount(used.get("totalTokenCount")) if isinstance(used, Mapping) else None
    return None if tokens is None else Cost(tokens, "token")


def _refusal(reply: Reply, body: Mapping[str, Any]) -> Failed:
    words, status = text_at(body, "error", "message"), text_at(body, "error", "status")
    if status in _WHY or "api key" in words.lower():  # a key that is none comes with 400 INVALID_ARGUMENT
        return failed(_WHY.get(status, "no_access"), words)
    if reply.status == 400 and is_refusal(words):
        return failed("refused", words)
    return by_status(reply, words)
