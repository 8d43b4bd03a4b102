"""Limits of what is spent at a vendor in a day (UTC): what is on its way here is reserved, the rest is read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from gesso.catalogue.vendors import VENDORS
from gesso.domain.clock import DAY, MINUTE, SECOND, Clock, to_iso
from gesso.domain.errors import UpstreamUnavailable
from gesso.domain.spending import ReadSpent, Spent, day_of

REMEMBERED = SECOND  # what was read; what this process spends meanwhile is counted beside it
WRITTEN_WITHIN = MINUTE  # of a job's end; what is not, its worker has lost


@dataclass
class _Hold:
    """What one job takes, or may take, that is not written down yet."""

    micro_usd: int
    ended_at: int | None = None


@dataclass(frozen=True)
class _Look:
    """What was written down of a day, as of a moment."""

    at: int
    day: int
    micro_usd: int


class Spending:
    """Belongs to one event loop. `limits` are millionths of a US dollar by vendor; a vendor without one has no limit.

    `read` tells what was written down; without it (a picture made without a database) nothing is held to a limit.
    """

    def __init__(self, limits: Mapping[str, int], clock: Clock) -> None:
        self.read: ReadSpent | None = None
        self._limits, self._clock = limits, clock
        self._holds: dict[str, dict[str, _Hold]] = {vendor: {} for vendor in limits}
        self._turns = {vendor: asyncio.Lock() for vendor in limits}
        self._looks: dict[str, _Look] = {}

    def why_not(self, vendor: str, micro_usd: int = 0) -> str | None:
        """Return why nothing more is sent to a vendor today, as far as that is known without looking."""
        look = self._looks.get(vendor)
        if look is None or look.day != day_of(self._clock()):
            return None
        ended = sum(hold.micro_usd for hold in self._holds[vendor].values() if hold.ended_at is not None)
        return None if self._fits(vendor, look.micro_usd + ended, micro_usd) else self._words(vendor)

    async def begin(self, vendor: str, job_id: str, micro_usd: int, *, begun: bool) -> None:
        """Reserve what a job will take at a vendor (0: nobody knows); with `begun` it is on its way already.

        Raises `UpstreamUnavailable` where that is more than is left of the day.
        """
        if vendor not in self._limits or self.read is None:
            return
        async with self._turns[vendor]:
            if not begun:
                written = await self._written(vendor, self.read)
                held = sum(hold.micro_usd for hold in self._holds[vendor].values())
                if not self._fits(vendor, written + held, micro_usd):
                    raise UpstreamUnavailable(
                        f"{VENDORS[vendor].name} is sent nothing: {self._words(vendor)}.", again=True
                    )
            self._holds[vendor][job_id] = _Hold(micro_usd)

    def end(self, vendor: str, job_id: str, micro_usd: int) -> None:
        """Say what a job that does nothing more there took; it counts until it is written down."""
        if vendor not in self._limits or job_id not in self._holds[vendor]:
            return
        if micro_usd:
            self._holds[vendor][job_id] = _Hold(micro_usd, self._clock())
        else:
            del self._holds[vendor][job_id]

    def _fits(self, vendor: str, spent: int, more: int) -> bool:
        left = self._limits[vendor] - spent
        return more <= left if more else left > 0

    def _words(self, vendor: str) -> str:
        goes_on = to_iso(day_of(self._clock()) + DAY)[:16].replace("T", " ")
        return f"as much as may be spent at {VENDORS[vendor].name} a day has been spent; it goes on at {goes_on} UTC"

    async def _written(self, vendor: str, read: ReadSpent) -> int:
        """Return what is written down of today, as of a moment ago at most."""
        now, look = self._clock(), self._looks.get(vendor)
        if look is not None and look.day == day_of(now) and 0 <= now - look.at < REMEMBERED:
            return look.micro_usd
        holds = self._holds[vendor]
        ended = [job for job, hold in holds.items() if hold.ended_at is not None]
        spent: Spent = await read(vendor, day_of(now), ended)
        for job in ended:
            hold = holds.get(job)
            late = hold is not None and hold.ended_at is not None and now - hold.ended_at > WRITTEN_WITHIN
            if job in spent.written or late:
                holds.pop(job, None)
        self._looks[vendor] = _Look(now, day_of(now), spent.micro_usd)
        return spent.micro_usd
