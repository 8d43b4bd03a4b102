"""How OpenAI's answers tell what is left of the requests a minute."""

from __future__ import annotations

from gesso.domain.rate import Rate


def rate_headers(rate: Rate) -> dict[str, str]:
    """Return OpenAI's headers; the time until all may come again is written like "1m0s"."""
    minutes, seconds = divmod(rate.reset_seconds, 60)
    return {
        "x-ratelimit-limit-requests": str(rate.limit),
        "x-ratelimit-remaining-requests": str(rate.remaining),
        "x-ratelimit-reset-requests": f"{minutes}m{seconds}s" if minutes else f"{seconds}s",
    }
