"""What was spent at a vendor since a moment, read from what was written down of calls."""

from __future__ import annotations

from decimal import Decimal

from gesso.domain.clock import DAY, HOUR
from gesso.domain.spending import Spent, day_of
from gesso.domain.upstream import CallEnded, Cost
from gesso.jobs.upstream_spent import spent_at


def a_call(vendor="fal", micro: int | None = 40_000, number=0):
    cost = None if micro is None else Cost(Decimal(micro) / 1_000_000, "usd")
    return CallEnded(number, vendor, "m", "done", True, 1, cost, micro)


def spent(world, vendor="fal", since=0, jobs=()):
    return world.read(lambda c: spent_at(c, vendor, since, jobs))


def test_nothing_was_spent_where_nothing_was_sent(world):
    world.settle(world.running())
    assert spent(world) == Spent(0)
    assert spent(world, jobs=["nobody's"]) == Spent(0)


def test_known_prices_of_one_vendor_since_then_are_added_up(world):
    world.settle(world.running(count=2), delivered=2, calls=(a_call(), a_call(number=1)))
    world.settle(world.running(), calls=(a_call(vendor="openai", micro=7),))
    world.settle(world.running(), calls=(a_call(micro=None),))
    assert spent(world) == Spent(80_000)
    assert spent(world, "openai") == Spent(7)
    world.now = day_of(world.now) + DAY + HOUR
    assert spent(world, since=day_of(world.now)) == Spent(0)
    world.settle(world.running(), calls=(a_call(micro=5),))
    assert spent(world, since=day_of(world.now)) == Spent(5)
    assert spent(world) == Spent(80_005)


def test_it_tells_which_jobs_are_part_of_it(world):
    ended, waiting = world.running(), world.running()
    world.settle(ended, calls=(a_call(),))
    assert spent(world, jobs=[ended.id, waiting.id]) == Spent(40_000, frozenset({ended.id}))
