"""Which vendors a job is tried at: its first that is ready, the later ones where that is wanted, where it stopped before."""

from __future__ import annotations

from decimal import Decimal

from gesso.domain.credits import Price
from gesso.domain.request import Plan, RouteChoice
from gesso.domain.upstream import CallStanding, Standing
from gesso.workers.routes import routes_to_try


def route(vendor: str, engine: str = "upstream", target: str = "m") -> RouteChoice:
    return RouteChoice(engine=engine, fidelity="exact", runs="m", vendor=vendor, target=target)


ROUTES = (route("fal"), route("replicate"), route("eachlabs"))


def tried(*routes, failover=True, away=(), checkpoint=None):
    """Return the vendors that are tried; those of `away` cannot run anything."""
    plan = Plan(routes=routes or ROUTES, price=Price(amount=Decimal(0)), price_micro=0)
    why_not = dict.fromkeys(away, "it is away")
    return [one.vendor for one in routes_to_try(plan, failover, lambda one: why_not.get(one.vendor), checkpoint)]


def stopped_at(vendor, target="m", standing="open"):
    return Standing(vendor=vendor, target=target).with_call(0, CallStanding(standing=standing, began_at=1)).token()


def test_the_first_alone_unless_the_operator_wants_more():
    assert tried(failover=False) == ["fal"]
    assert tried() == ["fal", "replicate", "eachlabs"]


def test_those_that_are_ready_and_the_first_whatever_has_become_of_it_where_there_is_no_other():
    assert tried(away=["replicate"]) == ["fal", "eachlabs"]
    assert tried(away=["fal", "replicate"]) == ["eachlabs"]
    assert tried(away=["fal", "replicate", "eachlabs"]) == ["fal"]
    assert tried(away=["fal"], failover=False) == ["fal"]


def test_none_of_another_engine():
    assert tried(route("fal"), route("", engine="builtin"), route("eachlabs")) == ["fal", "eachlabs"]


def test_it_goes_on_where_something_had_begun():
    assert tried(checkpoint=stopped_at("replicate")) == ["replicate", "eachlabs"]
    assert tried(checkpoint=stopped_at("replicate", standing="sending")) == ["replicate", "eachlabs"]
    assert tried(checkpoint=stopped_at("eachlabs")) == ["eachlabs"]
    assert tried(checkpoint=stopped_at("replicate"), away=["replicate"]) == ["replicate", "eachlabs"]


def test_it_goes_on_there_though_the_operator_wants_no_more_of_it():
    assert tried(checkpoint=stopped_at("replicate"), failover=False) == ["replicate"]


def test_what_surely_did_not_begin_begins_at_the_first():
    assert tried(checkpoint=Standing(vendor="replicate", target="m").token()) == ["fal", "replicate", "eachlabs"]


def test_a_checkpoint_of_something_else_says_nothing():
    for checkpoint in (None, "another engine's", stopped_at("bria"), stopped_at("replicate", target="another model")):
        assert tried(checkpoint=checkpoint) == ["fal", "replicate", "eachlabs"]
