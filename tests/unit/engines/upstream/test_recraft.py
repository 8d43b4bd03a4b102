"""Recraft: the wire of its route, what an answer holds, and what an error means."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from planned import drawn, planned, routes_of
from script import Script, an_ask, carried_out, reply

from gesso.domain.upstream import Cost
from gesso.engines.upstream.sender import Unclear
from gesso.engines.upstream.steps import Done, Link
from gesso.engines.upstream.vendors.recraft import Recraft

VENDOR = Recraft()
((MODEL, ROUTE),) = routes_of("recraft")
LINK = "https://img.recraft.ai/a.webp"


def wire(**given: Any) -> Any:
    call = VENDOR.start(planned(MODEL, ROUTE, {"prompt": "a red fox", **given}).ask).call
    assert (call.method, call.url, call.pays) == ("POST", "images/generations", True)
    return call.json


@pytest.mark.parametrize(
    ("given", "more"),
    [
        ({}, {"size": "1024x1024"}),
        ({"style": "any", "size": "1820x1024"}, {"size": "1820x1024"}),
        ({"style": "realistic_image"}, {"size": "1024x1024", "style": "realistic_image"}),
        (
            {"style": "digital_illustration/pixel_art"},
            {"size": "1024x1024", "style": "digital_illustration", "substyle": "pixel_art"},
        ),
        (
            {"style": "logo_raster/emblem_punk"},
            {"size": "1024x1024", "style": "logo_raster", "substyle": "emblem_punk"},
        ),
    ],
)
def test_what_is_sent(given, more):
    assert wire(**given) == {"model": "recraftv3", "prompt": "a red fox"} | more


def test_only_fields_the_owner_has_are_sent():
    for made in drawn(MODEL, ROUTE):
        body = VENDOR.start(made.ask).call.json
        assert set(body) <= {"model", "prompt", "size", "style", "substyle"}, made.given
        assert "/" not in body.get("style", "")


def test_the_key_is_a_bearer_token():
    assert VENDOR.authorise("secret") == {"Authorization": "Bearer secret"}


def test_pictures_and_their_price():
    body = {"created": 1, "credits": 40, "data": [{"image_id": "i-1", "url": LINK, "revised_prompt": "a fox"}]}
    assert VENDOR.read(an_ask(), {}, reply(200, body)) == Done((Link(LINK),), Cost(Decimal("0.04"), "usd"))
    assert VENDOR.read(an_ask(), {}, reply(200, {"data": [{"url": LINK}]})) == Done((Link(LINK),))


@pytest.mark.parametrize(
    ("status", "body", "why", "again"),
    [
        (400, {"code": "invalid_request_parameter", "message": "size is not supported"}, "bad_input", False),
        (400, {"code": "not_enough_credits", "message": "Top up"}, "no_credit", True),
        (403, {"message": "A positive balance is needed"}, "no_credit", True),
        (400, {"code": "prompt_blocked_by_moderation", "message": "No."}, "refused", False),
        (400, {"error": {"message": "The prompt was flagged"}}, "refused", False),
        (401, {"code": "unauthorized", "message": "Unauthorized"}, "no_access", True),
        (404, {"message": "no such model"}, "no_model", True),
        (429, {"code": "rate_limit_exceeded", "message": "Slow down"}, "rate_limited", True),
        (503, None, "unavailable", True),
    ],
)
def test_what_an_error_means(status, body, why, again):
    failed = VENDOR.read(an_ask(), {}, reply(status, body))
    assert (failed.why, failed.again, failed.billed) == (why, again, False)


@pytest.mark.parametrize(
    "garbled",
    [reply(200, raw=b"<html>"), reply(200, {}), reply(200, {"data": [{}]}), reply(200, {"data": [{"url": "x"}]})],
)
async def test_garbled_answers(garbled):
    outcome = await carried_out(VENDOR, Script(garbled))
    assert (outcome.why, outcome.billed) == ("garbled", None)


async def test_what_may_have_arrived_is_not_sent_again():
    script = Script(Unclear("broke off"))
    assert (await carried_out(VENDOR, script)).why == "unknown"
    assert script.paid == 1
    assert VENDOR.cancel({}) is None
