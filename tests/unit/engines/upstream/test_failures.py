"""What a job of several calls is told to have come to, and amounts of money that are none."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from gesso.domain.upstream import Cost
from gesso.engines.upstream.attempt import ended_call
from gesso.engines.upstream.errors import LOST, error_of, failure_of
from gesso.engines.upstream.read import amount, body_of
from gesso.engines.upstream.steps import Done, Failed, Link, Reply

AWAY = Failed("unavailable", again=True)
REFUSED = Failed("refused")
BILLED = Failed("refused", billed=True)
UNKNOWN = Failed("unknown", billed=None)


@pytest.mark.parametrize(
    ("failures", "code", "again", "billed"),
    [
        ((AWAY, AWAY), "upstream_unavailable", True, False),
        ((REFUSED, AWAY), "content_refused", False, False),
        ((UNKNOWN, AWAY), "upstream_unknown", False, False),
        ((BILLED, AWAY), "content_refused", False, False),
        ((BILLED, UNKNOWN), "content_refused", False, False),
        ((BILLED, BILLED), "content_refused", False, True),
        ((LOST, AWAY), "upstream_failed", False, False),
        ((LOST, BILLED), "upstream_failed", False, True),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_it_goes_elsewhere_only_where_no_call_cost_and_is_charged_only_where_all_did(
    failures, code, again, billed, backwards
):
    if backwards and failures != (LOST, BILLED):  # of two that were billed, the first is told of
        failures = failures[::-1]
    error = error_of(failure_of(failures), "fal")
    assert (error.code, error.again, error.billed) == (code, again, billed)


@pytest.mark.parametrize("told", ["1e30", 1e300, "1E+999999", -1, "nan", "inf", True, "0." + "1" * 60, None, {}])
def test_what_is_beyond_reason_is_no_amount(told):
    assert amount(told) is None


def test_amounts():
    assert [amount(one) for one in (0.04, "2", 0, 400_000_000)] == [
        Decimal("0.04"),
        Decimal(2),
        Decimal(0),
        Decimal(400_000_000),
    ]


@pytest.mark.parametrize(("dollars", "micro"), [("1000000", 10**12), ("1000000.01", None), ("1e15", None)])
def test_more_than_a_million_dollars_is_no_price_of_a_call(dollars, micro):
    done = Done((Link("https://example.org/a.png"),), Cost(Decimal(dollars), "usd"))
    assert ended_call(0, "eachlabs", "x", done, {}).micro_usd == micro
    in_credits = Done(done.pictures, Cost(Decimal(dollars), "credit"))
    assert ended_call(0, "bfl", "x", in_credits, {"credit": Decimal(1)}).micro_usd == micro


def test_json_within_json_without_end_is_none():
    nested = Reply(200, {}, b"[" * 500_000)
    with pytest.raises(ValueError, match="without end"):
        nested.json()
    assert body_of(nested) == {}
    assert body_of(Reply(200, {}, json.dumps({"a": 1}).encode())) == {"a": 1}
