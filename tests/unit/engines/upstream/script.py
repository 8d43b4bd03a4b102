"""A vendor whose answers a test writes down, and a clock that only moves when somebody sleeps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gesso.domain.clock import SECOND
from gesso.domain.upstream import CallStanding
from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.call import VendorCall
from gesso.engines.upstream.line import Line
from gesso.engines.upstream.steps import Call, Done, Failed, Reply
from gesso.engines.upstream.vendor import Limits, Vendor

PNG = "data:image/png;base64,iVBORw0KGgo="


def reply(
    status: int = 200, body: Any = None, headers: Mapping[str, str] | None = None, raw: bytes | None = None
) -> Reply:
    """Return a reply with a JSON body, or with these bytes."""
    return Reply(status, dict(headers or {}), json.dumps(body).encode() if raw is None else raw)


class Time:
    """A clock in microseconds; sleeping moves it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000 * SECOND
        self.slept: list[float] = []

    def __call__(self) -> int:
        return self.now

    async def rest(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += round(seconds * SECOND)


class Script:
    """Answers in order, the last one for ever; an exception is raised. Remembers what was sent and committed."""

    def __init__(self, *answers: Reply | Exception) -> None:
        self._answers = list(answers)
        self.sent: list[Call] = []
        self.committed: list[CallStanding | None] = []
        self.before_send: list[CallStanding | None] = []  # what was committed last when each call was sent
        self.told: list[tuple[int, int]] = []

    async def send(self, call: Call, seconds: float) -> Reply:
        assert seconds > 0
        self.sent.append(call)
        self.before_send.append(self.committed[-1] if self.committed else None)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def commit(self, standing: CallStanding | None) -> None:
        self.committed.append(standing)

    def tell(self, done: int, total: int) -> None:
        self.told.append((done, total))

    @property
    def paid(self) -> int:
        """How many calls that may cost were sent."""
        return sum(call.pays for call in self.sent)


def an_ask(**changes: Any) -> Ask:
    """Return an ordinary ask."""
    values: dict[str, Any] = {
        "model": "flux-schnell",
        "target": "flux-schnell",
        "operation": "generate",
        "prompt": "a red fox",
        "arguments": {"prompt": "a red fox"},
        "pictures": (),
        "count": 1,
        "index": 0,
        "width": 1024,
        "height": 1024,
        "once": "once-1",
    }
    return Ask(**(values | changes))


async def carried_out(
    vendor: Vendor,
    script: Script,
    time: Time | None = None,
    standing: CallStanding | None = None,
    ask: Ask | None = None,
    **limits: Any,
) -> Done | Failed:
    """Return what comes of one call with these answers."""
    time = time or Time()
    bounds = Limits(**limits) if limits else vendor.limits
    line = Line(bounds, lambda: time() / SECOND, time.rest)
    call = VendorCall(vendor, bounds, line, ask or an_ask(), script, clock=time, rest=time.rest, dice=lambda: 0.5)
    return await call.run(standing)
