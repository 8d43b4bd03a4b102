"""How Claid's answers tell what is left of the requests a minute."""

from __future__ import annotations

from gesso.domain.rate import Rate


def rate_headers(rate: Rate) -> dict[str, str]:
    """Return Claid's headers: the limit with its window in seconds; the rest is -1 on an answer that refuses."""
    return {
        "RateLimit-Limit": f"{rate.limit}, {rate.limit};w=60",
        "RateLimit-Remaining": "-1" if rate.refused else str(rate.remaining),
        "RateLimit-Reset": str(rate.reset_seconds),
    }
