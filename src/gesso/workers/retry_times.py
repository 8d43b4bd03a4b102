"""When a webhook is sent again that its receiver did not take."""

from __future__ import annotations

from collections.abc import Callable

from gesso.domain.clock import DAY, SECOND

# Before each attempt, from the one before (the first: from the event), as Standard Webhooks proposes: three days in all.
PAUSES_SECONDS = (0, 5, 5 * 60, 30 * 60, *(hours * 3600 for hours in (2, 5, 10, 14, 20, 24)))
# From when it was put on its way: attempts that came early, and waiting in line, cost no place in the schedule.
GIVEN_UP_AFTER = 4 * DAY
LATER = 0.1  # at most so much of a pause is added to it, so that what failed together does not come back together


def next_attempt(tried: int, attempts: int, since: int, now: int, dice: Callable[[], float]) -> int | None:
    """Return when to try again after `tried` attempts, the last of which ended now; None: it was the last.

    It was put on its way at `since`, and has had `attempts` with those that did not count.
    `dice` gives numbers from 0 to 1. It is never earlier than the pause.
    """
    most = len(PAUSES_SECONDS)
    if tried >= most or (attempts >= most and now - since >= GIVEN_UP_AFTER):
        return None
    return now + int(PAUSES_SECONDS[tried] * (1 + LATER * dice()) * SECOND)
