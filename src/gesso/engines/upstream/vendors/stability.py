"""Stability AI's Stable Diffusion 3.5: one form, the picture within the answer.

Source: Stability's reference of v2beta/stable-image/generate/sd3 and OpenAPI descriptions made of it: documented. Its
meaning of `strength` (1 keeps nothing of the picture), of `aspect_ratio` (only without a picture) and of a seed of 0
(any) is said there. What a picture that was filtered costs is not said.
"""

from __future__ import annotations

from typing import Any

from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.read import body_of, by_status, failed, from_base64, text_at
from gesso.engines.upstream.steps import Call, Done, Failed, Inline, Part, Reply, Send, State, Step
from gesso.engines.upstream.vendor import Base, Limits, PicturesAs

_WITH_PICTURE, _WITHOUT = frozenset({"strength"}), frozenset({"aspect_ratio"})


class Stability(Base):
    """Targets are the endpoint's own names of its models."""

    name = "stability"
    base = "https://api.stability.ai"
    pictures: PicturesAs = "form"
    limits = Limits(at_once=10, per_minute=900, create_seconds=180)  # 150 requests in ten seconds

    def start(self, ask: Ask) -> Send:
        """Return the only call."""
        left_out = _WITHOUT if ask.pictures else _WITH_PICTURE
        values = {name: value for name, value in ask.arguments.items() if name not in left_out}
        fields = {
            "model": ask.target,
            "mode": "image-to-image" if ask.pictures else "text-to-image",
            **values,
            "output_format": "png",
        }
        parts = [Part(name, str(value)) for name, value in fields.items()]
        parts += [Part(file.argument, file.data, file.filename, file.media_type) for file in ask.pictures]
        return Send(Call("POST", "v2beta/stable-image/generate/sd3", parts=tuple(parts), pays=True), {})

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Read the answer."""
        body = body_of(reply)
        if not reply.ok:
            return _refusal(reply, body)
        match body["finish_reason"]:
            case "SUCCESS":
                seed = body.get("seed")
                return Done((Inline(from_base64(body["image"]), seed if isinstance(seed, int) else None),))
            case "CONTENT_FILTERED":  # what comes with it is blurred
                return failed("refused", "The picture was filtered.", billed=None)
            case reason:
                raise ValueError(f"an end of an unknown kind: {len(str(reason))} letters")


def _refusal(reply: Reply, body: dict[str, Any]) -> Failed:
    words = text_at(body, "errors", 0) or text_at(body, "message")
    return failed("refused", words) if text_at(body, "name") == "content_moderation" else by_status(reply, words)
