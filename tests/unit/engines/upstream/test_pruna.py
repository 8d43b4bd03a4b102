"""Pruna: the wire of its route, a prediction's states, the fetching of its file."""

from __future__ import annotations

import pytest
from routed import SEED, routed, verdicts
from script import Script, Time, carried_out, reply

from gesso.domain.clock import SECOND
from gesso.domain.upstream import CallStanding
from gesso.engines.upstream.steps import Done, Inline, Link
from gesso.engines.upstream.vendors.pruna import Pruna

VENDOR = Pruna()
CREATED = reply(200, {"id": "p-1", "model": "p-image", "get_url": "https://api.pruna.ai/v1/predictions/status/p-1"})
WORKING = reply(200, {"status": "processing", "message": "Generation in progress"})
FILE = "/v1/predictions/delivery/xezq/52U/output.jpg"
DONE = reply(200, {"status": "succeeded", "generation_url": FILE})


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        (
            {"aspect_ratio": "4:3", "disable_safety_checker": True},
            {"aspect_ratio": "4:3", "disable_safety_checker": True},
        ),
        (
            {"aspect_ratio": "custom", "width": 512, "height": 768},
            {"aspect_ratio": "custom", "width": 512, "height": 768},
        ),
    ],
)
def test_the_wire_of_every_route(asked, sent):
    choice, (ask,) = routed("p-image-text-to-image", "pruna", prompt_upsampling=True, **asked)
    call = VENDOR.start(ask).call
    assert (call.method, call.url, call.pays) == ("POST", "v1/predictions", True)
    assert call.json == {"input": {"prompt": "a red fox", "seed": SEED, **sent}}
    assert call.headers == {"Model": "p-image"}
    assert verdicts(choice)["prompt_upsampling"] == "ignored"
    assert VENDOR.authorise("key") == {"apikey": "key"}


@pytest.mark.parametrize("link", [FILE, f"https://api.pruna.ai{FILE}"])
async def test_its_file_is_fetched_with_the_key(link):
    done = reply(200, {"status": "succeeded", "generation_url": link})
    script = Script(CREATED, reply(200, {"status": "starting"}), WORKING, done, reply(raw=b"jpeg"))
    assert await carried_out(VENDOR, script) == Done((Inline(b"jpeg"),))
    assert [call.url for call in script.sent] == ["v1/predictions", *["v1/predictions/status/p-1"] * 3, FILE]
    assert not script.sent[-1].open
    assert script.paid == 1


async def test_a_file_elsewhere_is_a_link():
    done = reply(200, {"status": "succeeded", "generation_url": "https://cdn.example/output.jpg"})
    assert await carried_out(VENDOR, Script(CREATED, done)) == Done((Link("https://cdn.example/output.jpg"),))
    moved = reply(302, {}, {"location": "https://cdn.example/output.jpg"})
    assert await carried_out(VENDOR, Script(CREATED, DONE, moved)) == Done((Link("https://cdn.example/output.jpg"),))


async def test_a_restart_while_fetching_fetches_again():
    standing = CallStanding(standing="open", state={"id": "p-1", "file": FILE}, began_at=Time().now - SECOND)
    script = Script(reply(raw=b"jpeg"))
    assert await carried_out(VENDOR, script, standing=standing) == Done((Inline(b"jpeg"),))
    assert (script.sent[0].url, script.paid) == (FILE, 0)


async def test_a_file_that_cannot_be_fetched_was_paid_for():
    outcome = await carried_out(VENDOR, Script(CREATED, DONE, reply(404, {})))
    assert (outcome.why, outcome.billed) == ("failed", True)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"status": "failed", "error": "Number of samples must be positive"}, "failed"),
        ({"status": "failed", "error": "NSFW content detected"}, "refused"),
        ({"status": "canceled"}, "failed"),
    ],
)
async def test_an_end_without_a_picture_says_why(body, why):
    outcome = await carried_out(VENDOR, Script(CREATED, reply(200, body)))
    assert (outcome.why, outcome.billed) == (why, None)


@pytest.mark.parametrize(
    ("status", "body", "why", "billed"),
    [
        (400, {"error": "said so"}, "bad_input", False),
        (400, {"error": "flagged as unsafe: said so"}, "refused", False),
        (401, {"message": "said so"}, "no_access", False),
        (402, {"message": "said so"}, "no_credit", False),
        (404, {"detail": "said so"}, "no_model", False),
        (500, {"error": "said so"}, "failed", None),
    ],
)
async def test_a_refusal_to_begin_is_told_by_meaning(status, body, why, billed):
    script = Script(reply(status, body))
    outcome = await carried_out(VENDOR, script)
    assert (outcome.why, outcome.billed, script.paid) == (why, billed, 1)
    assert outcome.message.endswith("said so")


async def test_a_look_that_is_refused_leaves_it_unknown():
    outcome = await carried_out(VENDOR, Script(CREATED, reply(401, {"message": "no"})))
    assert (outcome.why, outcome.again, outcome.billed) == ("unknown", False, None)


@pytest.mark.parametrize("raw", [b"<html>", b"[]", b"{}", b'{"id": null}', b"\xff"])
async def test_a_garbled_answer_to_a_creation_is_not_sent_again(raw):
    script = Script(reply(raw=raw))
    outcome = await carried_out(VENDOR, script)
    assert (outcome.why, outcome.billed, script.paid) == ("garbled", None, 1)


@pytest.mark.parametrize("raw", [b"<html>", b"{}", b'{"status": "succeeded"}'])
async def test_a_garbled_look_ends_it(raw):
    assert (await carried_out(VENDOR, Script(CREATED, reply(raw=raw)))).why == "garbled"


def test_it_cannot_be_cancelled():
    assert VENDOR.cancel({"id": "p-1"}) is None
