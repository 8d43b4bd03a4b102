"""Luma: the wire of its route, the states of a generation, and what an error means."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from planned import drawn, planned, routes_of
from script import Script, an_ask, carried_out, reply

from gesso.engines.upstream.engine import UpstreamEngine, VendorSettings
from gesso.engines.upstream.sender import Unclear
from gesso.engines.upstream.steps import Done, Failed, Link, Wait
from gesso.engines.upstream.vendors import UPSTREAMS
from gesso.engines.upstream.vendors.luma import Luma
from gesso.imaging.decode import DecodeLimits
from gesso.outgoing.policy import Policy

VENDOR = Luma()
((MODEL, ROUTE),) = routes_of("luma")
STATE = {"id": "g-1"}
DATA = "data:image/png;base64,iVBORywgc2F5cyB0aGUgdGVzdA=="
PICTURE = "https://example.org/a.png"
LINK = "https://cdn.lumalabs.ai/a.jpg"


def wire(**given: Any) -> Any:
    call = VENDOR.start(planned(MODEL, ROUTE, {"prompt": "a red fox", **given}).ask).call
    assert (call.method, call.url, call.pays) == ("POST", "generations/image", True)
    return call.json


@pytest.mark.parametrize(
    ("given", "more"),
    [
        ({}, {"aspect_ratio": "16:9"}),
        ({"aspect_ratio": "9:21", "seed": 3, "image_reference_weight": 0.2}, {"aspect_ratio": "9:21"}),
        (
            {"image_reference_url": PICTURE, "image_reference_weight": 0.2},
            {"aspect_ratio": "16:9", "image_ref": [{"url": DATA, "weight": 0.2}]},
        ),
        (
            {"style_reference_url": PICTURE, "character_reference_url": PICTURE},
            {
                "aspect_ratio": "16:9",
                "style_ref": [{"url": DATA, "weight": 0.85}],
                "character_ref": {"identity0": {"images": [DATA]}},
            },
        ),
    ],
)
def test_what_is_sent(given, more):
    assert wire(**given) == {"model": "photon-1", "prompt": "a red fox"} | more


def test_a_seed_is_told_to_be_ignored():
    made = planned(MODEL, ROUTE, {"prompt": "a fox", "seed": 3})
    assert next(one for one in made.choice.verdicts if one.parameter == "seed").verdict == "ignored"


def test_links_go_before_data():
    ask = planned(MODEL, ROUTE, {"prompt": "a fox", "image_reference_url": PICTURE}).ask
    body = VENDOR.start(replace(ask, pictures=(replace(ask.pictures[0], link="https://gesso.example/x"),))).call.json
    assert body["image_ref"] == [{"url": "https://gesso.example/x", "weight": 0.85}]


@pytest.mark.parametrize(
    ("lends", "given", "reason"),
    [
        (False, {}, ""),
        (False, {"image_reference_url": PICTURE}, "GESSO_PUBLIC_URL"),
        (True, {"style_reference_url": PICTURE}, ""),
    ],
)
def test_pictures_need_an_address_that_links_can_name(lends, given, reason):
    settings = {"luma": VendorSettings(key="k")}
    limits = DecodeLimits()
    engine = UpstreamEngine(UPSTREAMS, settings, policy=Policy(), decode_limits=limits, lends=lends)
    readiness = engine.readiness(planned(MODEL, ROUTE, {"prompt": "a fox", **given}).choice)
    assert (readiness.ready, reason in readiness.reason) == (not reason, True)


def test_only_fields_the_owner_has_are_sent():
    for made in drawn(MODEL, ROUTE):
        body = VENDOR.start(made.ask).call.json
        known = {"model", "prompt", "aspect_ratio", "image_ref", "style_ref", "character_ref"}
        assert set(body) <= known, made.given
        assert all(set(one) == {"url", "weight"} for name in ("image_ref", "style_ref") for one in body.get(name, ()))


def test_the_key_is_a_bearer_token():
    assert VENDOR.authorise("secret") == {"Authorization": "Bearer secret"}


@pytest.mark.parametrize(
    ("body", "step"),
    [
        ({"id": "g-1", "state": "queued", "assets": None}, Wait(STATE)),
        ({"id": "g-1", "state": "dreaming"}, Wait(STATE)),
        ({"id": "g-1", "state": "completed", "assets": {"image": LINK, "video": None}}, Done((Link(LINK),))),
        (
            {
                "id": "g-1",
                "state": "failed",
                "failure_reason": "400: Prompt not allowed because advanced moderation failed",
            },
            Failed("refused", "400: Prompt not allowed because advanced moderation failed", billed=None),
        ),
        (
            {"id": "g-1", "state": "failed", "failure_reason": "worker died"},
            Failed("failed", "worker died", billed=None),
        ),
        ({"id": "g-1", "state": "failed", "failure_reason": None}, Failed("failed", billed=None)),
    ],
)
def test_each_state_of_a_generation(body, step):
    assert VENDOR.read(an_ask(), STATE, reply(200, body)) == step
    assert (VENDOR.poll(STATE).method, VENDOR.poll(STATE).url) == ("GET", "generations/g-1")
    assert VENDOR.cancel(STATE) is None


@pytest.mark.parametrize(
    ("status", "body", "why", "again"),
    [
        (400, {"detail": "Insufficient credits"}, "no_credit", True),
        (400, {"detail": "Prompt contains a blacklisted word"}, "refused", False),
        (400, {"detail": "Invalid image url"}, "bad_input", False),
        (422, {"detail": [{"loc": ["body"], "msg": "aspect_ratio"}]}, "bad_input", False),
        (401, {"detail": "Invalid API key"}, "no_access", True),
        (403, {"detail": "Not authenticated"}, "no_access", True),
        (429, {"detail": "Too many concurrent generations"}, "rate_limited", True),
        (503, None, "unavailable", True),
    ],
)
def test_what_a_refused_creation_means(status, body, why, again):
    failed = VENDOR.read(an_ask(), {}, reply(status, body))
    assert (failed.why, failed.again, failed.billed) == (why, again, False)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_look_says_nothing_of_the_generation(status):
    assert VENDOR.read(an_ask(), STATE, reply(status, {"detail": "no"})) == Failed("unknown", "no", billed=None)


async def test_from_creation_to_picture():
    queued, dreaming = ({"id": "g-1", "state": state} for state in ("queued", "dreaming"))
    done = {"id": "g-1", "state": "completed", "assets": {"image": LINK}}
    script = Script(reply(201, queued), reply(200, dreaming), reply(502), reply(200, done))
    assert isinstance(await carried_out(VENDOR, script), Done)
    assert (script.paid, script.committed[-1].state) == (1, STATE)


CREATED = reply(201, {"id": "g-1", "state": "queued"})


@pytest.mark.parametrize(
    "answers",
    [
        (reply(200, raw=b"<html>"),),
        (reply(201, {"state": "queued"}),),
        (reply(201, {"id": None, "state": "queued"}),),
        (CREATED, reply(200, {})),
        (CREATED, reply(200, {"id": "g-1", "state": "completed", "assets": None})),
    ],
)
async def test_garbled_answers(answers):
    outcome = await carried_out(VENDOR, Script(*answers))
    assert (outcome.why, outcome.billed) == ("garbled", None)


async def test_a_creation_that_may_have_arrived_is_not_sent_again():
    script = Script(Unclear("broke off"))
    assert (await carried_out(VENDOR, script)).why == "unknown"
    assert script.paid == 1
