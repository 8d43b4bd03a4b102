"""Any order of acts on jobs keeps the promises: each ends once, zombies do nothing, money adds up."""

from __future__ import annotations

from job_machine import LONG, run_machine


def test_any_order_of_acts_keeps_the_promises(make_database):
    run_machine(make_database(), LONG)
