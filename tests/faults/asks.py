"""What the clients of a run want: every ask, and every habit of who asks, drawn from the run's dice beforehand."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Literal

from askers import Ask
from noise_engine import noise
from proof import PRICE_MICRO

Watching = Literal["poll", "stream", "wait"]


@dataclass(frozen=True)
class Wish:
    """One ask and how its client goes about it. `at` is when, in seconds from the start of the load."""

    ask: Ask
    at: float
    beside: bool  # sent twice, side by side, to two nodes
    watching: Watching
    cancel_after: float | None  # seconds
    receiver: int | None  # which one hears of it
    dice: int  # the seed of the client's own choices

    @property
    def name(self) -> str:
        return f"ask-{self.ask.number}"

    @property
    def price_micro(self) -> int:
        return PRICE_MICRO * self.ask.count

    def body(self, hook_urls: list[str]) -> dict[str, Any]:
        """Return the JSON of each sending: it is always the same."""
        body = self.ask.body(0)
        body["metadata"] = {"ask": self.name, "account": self.ask.account}
        if self.receiver is not None:
            events = ["succeeded", "failed", "cancelled"]
            body["webhook"] = {"url": hook_urls[self.receiver], "events": events}
        return body

    def headers(self) -> dict[str, str]:
        return {"Idempotency-Key": self.name} if self.ask.keyed else {}


def make_wishes(seed: int, how_many: int, seconds: float, receivers: int) -> list[Wish]:
    """Return so many wishes, spread over so many seconds, the earliest first."""
    dice = random.Random(f"{seed} wishes")
    times = sorted(dice.uniform(0, seconds) for _ in range(how_many))
    return [_wish(dice, number, at, receivers) for number, at in enumerate(times)]


def _wish(dice: random.Random, number: int, at: float, receivers: int) -> Wish:
    words = dice.choices(("noise", "noise long", "noise lasting", "noise fewer", "fail"), (48, 33, 4, 8, 7))[0]
    count = dice.choices((1, 2, 3), (60, 25, 15))[0]
    if count == 1:
        words = words.replace(" fewer", "")
    edits, keyed = dice.random() < 0.25, dice.random() < 0.9
    ask = Ask(
        number,
        account=dice.choices(("rich", "second", "poor", "poorer"), (50, 36, 7, 7))[0],
        words=words,
        count=count,
        image=noise(number)[:48, :32] if edits else None,
        keyed=keyed,
    )
    return Wish(
        ask=ask,
        at=at,
        beside=keyed and dice.random() < 0.1,
        watching=dice.choices(("poll", "stream", "wait"), (50, 30, 20))[0],
        cancel_after=dice.uniform(0, 1.5) if dice.random() < 0.08 else None,
        receiver=dice.randrange(receivers) if dice.random() < 0.6 else None,
        dice=dice.getrandbits(48),
    )
