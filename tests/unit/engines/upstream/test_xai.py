"""xAI: the wire of its route, what an answer holds, and what an error means and cost."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from planned import CATALOGUE, drawn, planned, routes_of
from script import Script, an_ask, carried_out, reply

from gesso.catalogue.check import check
from gesso.catalogue.plan import choose
from gesso.domain.upstream import Cost
from gesso.engines.upstream.sender import Unclear
from gesso.engines.upstream.steps import Done, Inline, Link
from gesso.engines.upstream.vendors.xai import XAI

VENDOR = XAI()
((MODEL, ROUTE),) = routes_of("xai")
LINK = "https://imgen.x.ai/a.jpg"
PIXELS = b"\x89PNG\r\n\x1a\n"


def wire(**given: Any) -> Any:
    call = VENDOR.start(planned(MODEL, ROUTE, {"prompt": "a red fox", **given}).ask).call
    assert (call.method, call.url, call.pays) == ("POST", "images/generations", True)
    return call.json


@pytest.mark.parametrize(
    ("given", "more"),
    [
        ({}, {"n": 1, "aspect_ratio": "1:1", "response_format": "url"}),
        (
            {"num_images": 10, "aspect_ratio": "19.5:9", "sync_mode": True, "output_format": "webp"},
            {"n": 10, "aspect_ratio": "19.5:9", "response_format": "b64_json"},
        ),
        ({"aspect_ratio": "auto"}, {"n": 1, "response_format": "url"}),
    ],
)
def test_what_is_sent(given, more):
    assert wire(**given) == {"model": "grok-imagine-image", "prompt": "a red fox"} | more


def test_only_fields_the_owner_has_are_sent():
    for made in drawn(MODEL, ROUTE):
        body = VENDOR.start(made.ask).call.json
        assert set(body) <= {"model", "prompt", "n", "aspect_ratio", "response_format"}, made.given


def test_an_api_that_answers_inline_itself_asks_for_links():
    made = planned(MODEL, ROUTE, {"prompt": "a fox", "sync_mode": True})
    checked = check(MODEL, made.given)
    choice = choose(CATALOGUE, MODEL, ROUTE, made.request, checked, served={"inline_result"})
    assert "response_format" not in choice.arguments


def test_the_key_is_a_bearer_token():
    assert VENDOR.authorise("secret") == {"Authorization": "Bearer secret"}


def test_pictures_their_price_and_those_held_back():
    body = {
        "data": [
            {"url": LINK, "mime_type": "image/jpeg"},
            {"b64_json": "iVBORw0KGgo="},
            {"b64_json": "data:image/png;base64,iVBORw0KGgo="},
            {"url": "", "b64_json": None},
            {"url": LINK, "respect_moderation": False},
        ],
        "usage": {"cost_in_usd_ticks": 1_000_000_000},
    }
    done = VENDOR.read(an_ask(), {}, reply(200, body))
    assert done == Done((Link(LINK), Inline(PIXELS), Inline(PIXELS)), Cost(Decimal("0.1"), "usd"), refused=2)


def test_all_pictures_held_back_are_a_refusal_that_was_charged():
    failed = VENDOR.read(an_ask(), {}, reply(200, {"data": [{"url": None}]}))
    assert (failed.why, failed.billed) == ("refused", True)


@pytest.mark.parametrize(("ticks", "billed"), [(200_000_000, True), (0, False), (None, None)])
def test_a_refusal_says_what_it_cost(ticks, billed):
    body: dict[str, Any] = {"code": "invalid", "error": "Generated image rejected by content moderation."}
    if ticks is not None:
        body["usage"] = {"cost_in_usd_ticks": ticks}
    failed = VENDOR.read(an_ask(), {}, reply(400, body))
    assert (failed.why, failed.again, failed.billed) == ("refused", False, billed)
    assert failed.cost == (None if ticks is None else Cost(Decimal(ticks) / 10**10, "usd"))


@pytest.mark.parametrize(
    ("status", "error", "why", "again"),
    [
        (400, "Argument not supported: size", "bad_input", False),
        (400, "Incorrect API key provided: xa***.", "no_access", True),
        (400, {"message": "Argument not supported: size"}, "bad_input", False),
        (403, "Your newly created team doesn't have any credits yet.", "no_credit", True),
        (429, "Your team has reached its monthly spending limit.", "no_credit", True),
        (404, "The model does not exist", "no_model", True),
        (429, "Too many requests", "rate_limited", True),
        (503, "Service is overloaded", "unavailable", True),
    ],
)
def test_what_an_error_means(status, error, why, again):
    failed = VENDOR.read(an_ask(), {}, reply(status, {"code": "x", "error": error}))
    assert (failed.why, failed.again, failed.billed) == (why, again, False)


@pytest.mark.parametrize(
    "garbled", [reply(200, raw=b"<html>"), reply(200, {}), reply(200, {"data": None}), reply(200, {"data": [7]})]
)
async def test_garbled_answers(garbled):
    outcome = await carried_out(VENDOR, Script(garbled))
    assert (outcome.why, outcome.billed) == ("garbled", None)


async def test_what_may_have_arrived_is_not_sent_again():
    script = Script(Unclear("broke off"))
    assert (await carried_out(VENDOR, script)).why == "unknown"
    assert script.paid == 1
    assert VENDOR.cancel({}) is None
