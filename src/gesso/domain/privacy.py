"""How private a job's pictures are, and how a request may ask for the pictures themselves instead of links."""

from __future__ import annotations

from typing import Literal

from gesso.domain.frozen import Frozen

# "open": behind links, as long as results are kept. "hour": only in the answers that carry them, an hour at most.
# "once": likewise, and gone soon after an answer carried them.
Privacy = Literal["open", "hour", "once"]

PRIVATE_SECONDS = 3600  # after the job's end, at most
# After an answer carried them: as long as a client needs that lost the answer and asks again.
HANDED_OVER_SECONDS = 60


class Inline(Frozen):
    """Whether the answer to a request carries the pictures: always, or when one of these parameters is true.

    `how` says what to send so that it does; empty where there is no way.
    """

    always: bool = False
    when: tuple[str, ...] = ()
    how: str = ""


NEVER = Inline()
ALWAYS = Inline(always=True)
