"""Lists of predictions. Ours go on from a cursor but not back, so a cursor here carries those of the pages before."""

from __future__ import annotations

from gesso.dialects.call import Call, Reply
from gesso.dialects.replicate.prediction import prediction
from gesso.dialects.replicate.wire import PAGE_OF_PREDICTIONS
from gesso.dialects.wanted import Listing, Page

MOST_BACK = 50  # pages
_BETWEEN = "."


def parse_listing(call: Call) -> Listing:
    """Read which page is asked for."""
    trail = _trail(call)
    return Listing(limit=PAGE_OF_PREDICTIONS, cursor=trail[-1] if trail else None)


def render_page(page: Page, _: Listing, call: Call) -> Reply:
    """Show the page with links to its neighbours."""
    trail = _trail(call)
    return Reply(
        {
            "previous": _link(call, trail[:-1]) if trail else None,
            "next": None if page.next_cursor is None else _link(call, [*trail, page.next_cursor]),
            "results": [prediction(view) for view in page.views],
        }
    )


def _trail(call: Call) -> list[str]:
    """Return the cursors of the pages up to this one; an empty one stands for those that were left out."""
    cursor = call.query.get("cursor", "")
    return cursor.split(_BETWEEN) if cursor else []


def _link(call: Call, trail: list[str]) -> str | None:
    if not trail:
        return f"{call.base}/v1/predictions"
    if trail == [""]:
        return None
    if len(trail) > MOST_BACK:
        trail = ["", *trail[-MOST_BACK:]]
    return f"{call.base}/v1/predictions?cursor={_BETWEEN.join(trail)}"
