"""Meters: few series whatever comes, and calls of the store by what came of them."""

from __future__ import annotations

import pytest

from gesso.domain.errors import NotFound
from gesso.telemetry.meters import MOST_CODES, Meters


def series(meters: Meters, name: str) -> list[dict[str, str]]:
    return [one.labels for family in meters.registry.collect() for one in family.samples if one.name == name]


def test_codes_without_end_make_no_series_without_end():
    meters = Meters()
    for number in range(3 * MOST_CODES):
        meters.request_limited(f"code_{number}")
    codes = [labels["code"] for labels in series(meters, "gesso_requests_limited_total")]
    assert len(codes) == MOST_CODES
    assert meters.registry.get_sample_value("gesso_requests_limited_total", {"code": "other"}) == 2 * MOST_CODES + 1


def test_calls_of_the_store_are_told_apart_by_their_errors():
    meters = Meters()
    with meters.storage_call("get"):
        pass
    with pytest.raises(NotFound), meters.storage_call("get"):
        raise NotFound("There is no such object.")
    with pytest.raises(TimeoutError), meters.storage_call("put"):
        raise TimeoutError
    found = {(one["operation"], one["outcome"]) for one in series(meters, "gesso_storage_seconds_count")}
    assert found == {("get", "ok"), ("get", "not_found"), ("put", "TimeoutError")}


def test_what_happens_seldom_is_told_as_nothing_rather_than_not_at_all():
    meters = Meters()
    assert {one["found_by"] for one in series(meters, "gesso_leases_lost_total")} == {
        "renewal", "checkpoint", "settlement",
    }  # fmt: skip
    assert {one["then"] for one in series(meters, "gesso_leases_taken_over_total")} == {"queued", "ended"}


def test_every_metric_is_described_once():
    names = [one.name for one in Meters().described]
    assert len(set(names)) == len(names)
    assert all(one.text.endswith(".") for one in Meters().described)
