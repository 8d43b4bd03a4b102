"""How long the pictures of an ask are kept, and how private they are: the account's time, the key, the ask itself."""

from __future__ import annotations

from gesso.accounts.keys import Caller
from gesso.accounts.retention import Kept
from gesso.catalogue.vendors import VENDORS, needs_links
from gesso.domain.errors import InvalidInput, ModelNotReady
from gesso.domain.privacy import PRIVATE_SECONDS, Privacy
from gesso.domain.request import Plan
from gesso.intake.ask import Ask, keep_seconds_of
from gesso.intake.prepare import Prepared

DELIVERY = "delivery"


def kept_for(ask: Ask, caller: Caller, prepared: Prepared, defaults: Kept) -> tuple[int, Privacy]:
    """Return how many seconds after its end the job's pictures are kept, never more than the account's, and how private.

    Raises `InvalidInput` for an ask that must be private and would be answered with links, which then lead nowhere.
    """
    privacy = _privacy(ask, caller, prepared)
    times = [caller.retention.in_force(defaults).results_seconds]
    times += [] if ask.at_most_seconds is None else [ask.at_most_seconds]
    times += [] if privacy == "open" else [PRIVATE_SECONDS]
    asked = keep_seconds_of(ask, prepared)
    times += [] if asked is None else [asked]
    return min(times), privacy


def without_lending(plan: Plan, privacy: Privacy) -> Plan:
    """Leave out the routes whose vendor would fetch the request's pictures under links, unless its pictures are open.

    Raises `ModelNotReady` where no other is left.
    """
    lending = [route for route in plan.routes if needs_links(route)]
    if privacy == "open" or not lending:
        return plan
    routes = tuple(route for route in plan.routes if route not in lending)
    if not routes:
        vendor = VENDORS[lending[0].vendor].name
        raise ModelNotReady(
            f"{vendor} fetches pictures under links, and those of a private request are behind none: leave them out, or "
            "let the pictures be delivered as links."
        )
    return plan.model_copy(update={"routes": routes})


def _privacy(ask: Ask, caller: Caller, prepared: Prepared) -> Privacy:
    inline = ask.inline.always or any(prepared.request.values.get(name) is True for name in ask.inline.when)
    if ask.delivery == "links" and caller.private:
        raise InvalidInput.of(DELIVERY, "private_key", "This key's pictures are private: they are not behind links.")
    if ask.delivery == "inline" or caller.private:
        if inline:
            return "once"
        who = "This key's pictures are private" if caller.private else "The pictures are to be private"
        how = ask.inline.how or "this API answers with links only"
        raise InvalidInput.of(DELIVERY, "needs_inline", f"{who}, so the answer has to carry them: {how}.")
    # The vendor's own words for pictures that are handed over and not kept.
    return "hour" if inline and keep_seconds_of(ask, prepared) is not None else "open"
