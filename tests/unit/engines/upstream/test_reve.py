"""Reve: the wire of its route, the picture's own bytes, what its headers say."""

from __future__ import annotations

from decimal import Decimal

import pytest
from routed import routed, verdicts
from script import Script, carried_out, reply

from gesso.domain.upstream import Cost
from gesso.engines.upstream.steps import Done, Inline
from gesso.engines.upstream.vendors.reve import Reve

VENDOR = Reve()
HEADERS = {"content-type": "image/png", "x-reve-credits-used": "18", "x-reve-content-violation": "false"}


def test_the_wire_of_every_route():
    choice, asks = routed(
        "reve-text-to-image", "reve", aspect_ratio="3:2", num_images=2, output_format="webp", sync_mode=True
    )
    for ask in asks:
        call = VENDOR.start(ask).call
        assert (call.method, call.url, call.pays) == ("POST", "v1/image/create", True)
        assert call.json == {"prompt": "a red fox", "aspect_ratio": "3:2"}
        assert call.headers == {"Accept": "image/png"}
    assert len(asks) == 2
    assert set(verdicts(choice).values()) == {"used"}
    assert VENDOR.authorise("key") == {"Authorization": "Bearer key"}


async def test_the_answer_is_the_picture_and_its_price():
    outcome = await carried_out(VENDOR, Script(reply(headers=HEADERS, raw=b"png")))
    assert outcome == Done((Inline(b"png"),), Cost(Decimal(18), "reve_credit"))


async def test_a_header_may_be_missing():
    outcome = await carried_out(VENDOR, Script(reply(headers={"content-type": "image/png"}, raw=b"png")))
    assert outcome == Done((Inline(b"png"),))


@pytest.mark.parametrize(("used", "billed"), [("18", True), ("0", False), ("", False)])
async def test_a_violation_stands_in_a_header(used, billed):
    headers = {**HEADERS, "x-reve-content-violation": "True", "x-reve-credits-used": used}
    outcome = await carried_out(VENDOR, Script(reply(headers=headers, raw=b"")))
    assert (outcome.why, outcome.billed) == ("refused", billed)


@pytest.mark.parametrize(
    ("status", "body", "why", "billed"),
    [
        (400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "no such ratio"}, "bad_input", False),
        (400, {"error_code": "CONTENT_VIOLATION", "message": "not this"}, "refused", False),
        (401, {"message": "bad token"}, "no_access", False),
        (402, {"message": "out of budget"}, "no_credit", False),
        (404, {}, "no_model", False),
        (422, {"message": "not understood"}, "bad_input", False),
        (500, {"message": "oh"}, "failed", None),
        (503, {}, "unavailable", False),
    ],
)
async def test_an_error_is_told_by_meaning(status, body, why, billed):
    script = Script(reply(status, body))
    outcome = await carried_out(VENDOR, script)
    assert (outcome.why, outcome.billed, outcome.message) == (why, billed, body.get("message", ""))
    assert script.paid == 1


@pytest.mark.parametrize(
    ("headers", "raw"),
    [({"content-type": "text/html"}, b"<html>"), ({}, b"png"), ({"content-type": "image/png"}, b"")],
)
async def test_what_is_no_picture_is_garbled(headers, raw):
    outcome = await carried_out(VENDOR, Script(reply(headers=headers, raw=raw)))
    assert (outcome.why, outcome.billed) == ("garbled", None)


def test_it_cannot_be_cancelled():
    assert VENDOR.cancel({}) is None
