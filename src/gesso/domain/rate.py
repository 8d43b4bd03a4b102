"""Requests a minute as a bucket of tokens: arithmetic on one number, the time at which the bucket is full again.

The generic cell rate algorithm: each request moves that time one interval on, and none may move it further than a whole
bucket ahead. With N a minute, N may come at once, and in any t seconds at most N + t·N/60.
"""

from __future__ import annotations

from dataclasses import dataclass

from gesso.domain.clock import MINUTE, SECOND


@dataclass(frozen=True)
class Rate:
    """How a limited key stands: requests a minute, how many of them may come now, seconds until all may again.

    `refused` says that this very request was one too many. `full_at` is when all may come again (microseconds, UTC).
    """

    limit: int
    remaining: int
    reset_seconds: int
    refused: bool = False
    full_at: int = 0


@dataclass(frozen=True)
class Bucket:
    """A limit of so many requests a minute (1 or more). Times are microseconds."""

    per_minute: int

    @property
    def interval(self) -> int:
        """How long a token takes to come back; rounded up, so that never more come than the limit says."""
        return -(-MINUTE // self.per_minute)

    def latest(self, now: int) -> int:
        """Return the latest time of fullness at which there is still a token."""
        return now + self.interval * (self.per_minute - 1)

    def rate(self, full_at: int, now: int, *, refused: bool = False) -> Rate:
        """Return how a key stands whose bucket is full at that time."""
        missing = max(full_at - now, 0)
        taken = min(-(-missing // self.interval), self.per_minute)
        return Rate(self.per_minute, self.per_minute - taken, -(-missing // SECOND), refused, full_at)

    def retry_after(self, full_at: int, now: int) -> int:
        """Return the whole seconds after which there is a token, at least 1."""
        return max(-(-(full_at - self.latest(now)) // SECOND), 1)
