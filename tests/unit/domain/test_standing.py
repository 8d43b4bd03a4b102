"""Where a job stands at its vendors: what is told of each route, and what is kept of those tried before."""

from __future__ import annotations

import json

import pytest

from gesso.domain.upstream import CallStanding, Standing, open_standing, standing_of

OPEN = CallStanding(standing="open", state={"id": "p-1"}, began_at=1, until=1_000)


def test_a_route_goes_on_where_it_stood():
    standing = Standing(vendor="fal", target="m").with_call(0, OPEN).with_call(1, OPEN).without(1)
    assert standing_of(standing.token(), "fal", "m") == standing
    assert open_standing(standing.token()) == standing


def test_what_a_later_version_says_beside_it_does_not_hide_what_has_begun():
    standing = Standing(vendor="fal", target="m").with_call(0, OPEN)
    later = json.loads(standing.token()) | {"more": 1}
    later["calls"]["0"] |= {"even": "more"}
    assert standing_of(json.dumps(later), "fal", "m") == standing


@pytest.mark.parametrize("token", [None, "another engine's", "{}"])
def test_nothing_has_begun_without_a_token_of_ours(token):
    assert standing_of(token, "fal", "m") == Standing(vendor="fal", target="m")
    assert open_standing(token) is None


def test_what_began_at_vendors_tried_before_is_kept_in_their_order():
    first = Standing(vendor="fal", target="m").with_call(0, OPEN)
    second = standing_of(first.token(), "bria", "m").with_call(0, OPEN)
    third = standing_of(second.token(), "bfl", "m")
    assert [(one.vendor, one.calls, one.earlier) for one in third.earlier] == [
        ("fal", {0: OPEN}, ()),
        ("bria", {0: OPEN}, ()),
    ]
    assert third.calls == {}
    assert standing_of(third.with_call(0, OPEN).token(), "bfl", "m").earlier == third.earlier


def test_a_vendor_where_nothing_began_is_forgotten():
    first = Standing(vendor="fal", target="m").with_call(0, OPEN)
    second = standing_of(first.token(), "bria", "m")
    assert [one.vendor for one in standing_of(second.token(), "bfl", "m").earlier] == ["fal"]


def test_a_vendor_is_waited_for_until_it_has_told_or_its_time_is_over():
    standing = Standing(vendor="fal", target="m").with_call(0, OPEN)
    assert standing.is_waited_for(999)
    assert not standing.is_waited_for(1_000)
    assert not standing.with_call(0, OPEN.model_copy(update={"until": None})).is_waited_for(0)
    assert not Standing(vendor="fal", target="m").is_waited_for(0)
