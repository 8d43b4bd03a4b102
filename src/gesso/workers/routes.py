"""At which of its routes a job is tried, in which order."""

from __future__ import annotations

from collections.abc import Callable

from gesso.domain.request import Plan, RouteChoice
from gesso.domain.upstream import open_standing


def routes_to_try(
    plan: Plan, failover: bool, why_not: Callable[[RouteChoice], str | None], checkpoint: str | None = None
) -> tuple[RouteChoice, ...]:
    """Return the first route and, with `failover`, the later ones of its engine that are ready.

    The first is where an earlier process stopped (`checkpoint`): what has begun there is gone on with. Where nothing
    has, a first route that is not ready any more is left out when there are others.
    """
    standing = open_standing(checkpoint)
    stopped_at = (
        number
        for number, route in enumerate(plan.routes)
        if standing is not None
        and standing.calls
        and (route.vendor, route.target) == (standing.vendor, standing.target)
    )
    begun = next(stopped_at, None)
    first, *others = plan.routes[begun or 0 :]
    later = tuple(one for one in others if failover and one.engine == first.engine and why_not(one) is None)
    if begun is None and later and why_not(first) is not None:
        return later
    return (first, *later)
