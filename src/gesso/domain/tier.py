"""What an account has subscribed to: each tier may do all that those before it may."""

from typing import Literal, get_args

Tier = Literal["free", "creator", "pro", "business"]
TIERS: tuple[Tier, ...] = get_args(Tier)
EVERYTHING: Tier = "business"  # nothing is ruled out
