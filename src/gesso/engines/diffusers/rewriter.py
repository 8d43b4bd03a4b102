"""Prompts written out by a language model of the operator's choice, behind a chat endpoint like OpenAI's."""

from __future__ import annotations

import json
import logging
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final

from gesso.domain.errors import ImageNotRetrievable
from gesso.domain.events import Note
from gesso.domain.request import Operation
from gesso.outgoing.address import read_url
from gesso.outgoing.errors import Answered, BadUrl
from gesso.outgoing.fetch import Outgoing
from gesso.outgoing.policy import Policy

MOST_CHARACTERS: Final = 4000
_ANSWER_BYTES = 1 << 20
_KEPT = 256  # prompts whose expansion is remembered: the same request gives the same picture
_THOUGHTS = re.compile(r"<think>.*?</think>", re.DOTALL)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")  # half a letter has no UTF-8
_log = logging.getLogger(__name__)

_TASKS: Final[dict[Operation, str]] = {
    "generate": "You write prompts for an image model. Write the user's prompt out into one paragraph of at most 120 words "
    "that describes the picture: subject, surroundings, composition, light, colours, style.",
    "edit": "You write instructions for an image editing model. Write the user's instruction out into one paragraph of at "
    "most 80 words that says what changes and that all else stays as it is.",
}
_RULES: Final = (
    " Keep everything the user asked for, invent nothing that contradicts it, and keep text that is to appear in the "
    "picture letter for letter, in quotes. Answer in the user's language, with the paragraph alone."
)


@dataclass(frozen=True)
class RewriterSettings:
    """`url` is the base of the endpoint ("http://127.0.0.1:11434/v1"), `key` goes there as a bearer token."""

    url: str
    model: str = ""
    key: str = field(default="", repr=False)
    seconds: float = 30


class PromptRewriter:
    """Writes prompts out. Close it when done. `outgoing` replaces the way there, for tests."""

    def __init__(self, settings: RewriterSettings, outgoing: Outgoing | None = None) -> None:
        self._settings = settings
        self._outgoing = outgoing or Outgoing(_policy(settings))
        self._kept: OrderedDict[tuple[str, Operation], str] = OrderedDict()

    async def written_out(self, prompt: str, operation: Operation) -> tuple[str, Note]:
        """Return the prompt to paint, and what the job's report says of it.

        Where the endpoint gives nothing of use the prompt stays as it is, and the note says so: it never raises.
        """
        if not prompt.strip():
            return prompt, _not_expanded("there are no words to write out")
        key = prompt, operation
        try:
            found = self._kept.pop(key, None) or await self._asked(prompt, operation)
        except _NotWritten as error:
            return prompt, _not_expanded(str(error))
        self._kept[key] = found
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found, Note("expanded", "The prompt was written out by a language model.", {"prompt": found})

    async def close(self) -> None:
        """Close the connections."""
        await self._outgoing.aclose()

    async def _asked(self, prompt: str, operation: Operation) -> str:
        wish: dict[str, Any] = {
            "model": self._settings.model,
            "messages": [
                {"role": "system", "content": _TASKS[operation] + _RULES},
                {"role": "user", "content": prompt},
            ],
            "stream": False,
        }
        try:
            try:
                return _words(await self._send(wish | {"temperature": 0}))
            except Answered as error:
                if error.status not in (400, 422):
                    raise
                return _words(await self._send(wish))  # some models take no temperature
        except (ImageNotRetrievable, UnicodeError) as error:  # a key of other letters than headers have
            _log.warning(
                "a prompt was not written out: %s", type(error).__name__ if isinstance(error, UnicodeError) else error
            )
            raise _NotWritten("the language model for it gave no answer") from error

    async def _send(self, wish: dict[str, Any]) -> bytes:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._settings.key:
            headers["Authorization"] = f"Bearer {self._settings.key}"
        url = f"{self._settings.url.rstrip('/')}/chat/completions"
        body = json.dumps(wish).encode()
        got = await self._outgoing.post(url, body, headers, max_bytes=_ANSWER_BYTES, seconds=self._settings.seconds)
        return got.data


class _NotWritten(Exception):
    """Nothing of use came; the message is half a sentence for the job's report."""


def _policy(settings: RewriterSettings) -> Policy:
    """Open the one address the operator chose, wherever it is; none where what was chosen is no address."""
    try:
        home = read_url(settings.url)
    except BadUrl:
        return Policy()
    host = f"[{home.host}]" if ":" in home.host else home.host
    return Policy(allow=(f"{host}:{home.port}",))


def _words(answer: bytes) -> str:
    """Return the paragraph of a chat answer. Raises `_NotWritten`."""
    try:
        choice = json.loads(answer)["choices"][0]
        said = choice["message"]["content"]
        if choice.get("finish_reason") in ("length", "content_filter") or choice["message"].get("refusal"):
            raise _NotWritten("the language model for it did not finish")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _NotWritten("the language model for it answered in another form") from error
    if not isinstance(said, str):
        raise _NotWritten("the language model for it answered in another form")
    words = _UNPRINTABLE.sub(" ", _THOUGHTS.sub("", said)).strip()
    if len(words) > 1 and words[0] == words[-1] == '"' and '"' not in words[1:-1]:
        words = words[1:-1].strip()
    if not words:
        raise _NotWritten("the language model for it said nothing")
    if len(words) > MOST_CHARACTERS:
        raise _NotWritten(f"the language model for it wrote more than {MOST_CHARACTERS} characters")
    return words


def _not_expanded(reason: str) -> Note:
    return Note("not_expanded", f"The prompt was not expanded: {reason}.")
