"""A call that ended for us and may have gone on at its vendor: asked about once. Nothing is begun, no link is followed."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import structlog

from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.call import TRANSIENT
from gesso.engines.upstream.job import Desk
from gesso.engines.upstream.sender import NotSent, Unclear
from gesso.engines.upstream.steps import Done, Failed, Reply, Send, State, Step, Wait

log = structlog.get_logger(__name__)
MOST_CALLS = 4  # of one look: how far it is, then its result
# What was asked for is not kept, and no vendor's file needs it to read what a look says; one that did would be garbled.
_NO_ASK = cast("Ask", object())


async def ask_once(desk: Desk, state: State) -> Done | Failed | None:
    """Return how the call ended at its vendor; None where it still works there, or the vendor could not tell."""
    try:
        return await _ask(desk, state)
    except (NotSent, Unclear) as error:
        log.info("upstream_late_away", vendor=desk.vendor.name, reason=str(error))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, ArithmeticError, NotImplementedError) as error:
        log.warning("upstream_late_garbled", vendor=desk.vendor.name, reason=type(error).__name__)
    return None


async def _ask(desk: Desk, state: State) -> Done | Failed | None:
    call = desk.vendor.poll(state)
    for number in range(MOST_CALLS):
        if call.pays:
            raise ValueError("a look that may cost")
        reply = await desk.sender.send(call, desk.limits.other_seconds)
        if reply.status in TRANSIENT:
            return None
        step: Step = desk.vendor.read(_NO_ASK, state, reply)
        match step:
            case Send():
                call, state = step.call, step.state
            case Wait():
                return None
            case Done():
                return step
            case Failed():
                return _ended(step) if _tells(step, reply, first=number == 0) else None
    raise ValueError("a look without an end")


def _ended(failed: Failed) -> Failed:
    """Return a failure there; a vendor whose own time was over has failed, and does not go on."""
    return replace(failed, why="failed") if failed.why == "timed_out" else failed


def _tells(failed: Failed, reply: Reply, *, first: bool) -> bool:
    """Tell whether a failure is the call's, and not that of the look at it: a key that is wrong now, an id forgotten."""
    if failed.why == "unknown":
        return False
    return reply.ok or failed.why == "refused" or (not first and not failed.again and reply.status < 500)
