"""A call at a vendor: what may have cost is never sent twice, and every ending says whether it was billed."""

from __future__ import annotations

import pytest
from script import PNG, Script, Time, carried_out, reply

from gesso.domain.clock import SECOND
from gesso.domain.upstream import CallStanding
from gesso.engines.upstream.call import GARBLED_LOOKS
from gesso.engines.upstream.sender import NotSent, Unclear
from gesso.engines.upstream.steps import Done, Failed, Inline
from gesso.engines.upstream.vendors.eachlabs import Eachlabs

CREATED = reply(200, {"status": "success", "predictionID": "p-1"})
WORKING = reply(200, {"id": "p-1", "status": "processing", "output": None})
DONE = reply(200, {"id": "p-1", "status": "success", "output": [PNG], "metrics": {"cost": 0.012}})


async def test_it_is_kept_before_it_may_cost_and_after():
    script = Script(CREATED, WORKING, WORKING, DONE)
    outcome = await carried_out(Eachlabs(), script)
    assert isinstance(outcome, Done)
    assert isinstance(outcome.pictures[0], Inline)
    assert (str(outcome.cost.amount), outcome.cost.unit) == ("0.012", "usd")
    assert [call.method for call in script.sent] == ["POST", "GET", "GET", "GET"]
    assert script.before_send[0].standing == "sending"
    assert [kept.standing for kept in script.committed] == ["sending", "open", "open"]
    assert [kept.state for kept in script.committed[1:]] == [{"id": "p-1"}] * 2


async def test_how_long_it_is_waited_for_is_kept_until_the_vendor_is_done():
    script, time = Script(CREATED, WORKING, DONE), Time()
    began = time()
    assert isinstance(await carried_out(Eachlabs(), script, time, total_seconds=90), Done)
    assert [kept.until for kept in script.committed] == [None, began + 90 * SECOND, None]


@pytest.mark.parametrize("answer", [Unclear("broke off"), Unclear("no answer in time")])
async def test_what_may_have_arrived_is_not_sent_again(answer):
    script = Script(answer)
    outcome = await carried_out(Eachlabs(), script)
    assert (outcome.why, outcome.again, outcome.billed, script.paid) == ("unknown", False, None, 1)
    assert script.committed[-1].standing == "sending"


async def test_what_surely_did_not_arrive_is_sent_again():
    script, time = Script(NotSent("refused"), NotSent("refused"), CREATED, DONE), Time()
    assert isinstance(await carried_out(Eachlabs(), script, time), Done)
    assert script.paid == 3
    assert [kept and kept.standing for kept in script.committed] == [
        "sending",
        None,
        "sending",
        None,
        "sending",
        "open",
        "open",
    ]


async def test_a_vendor_that_cannot_be_reached_is_given_up():
    script = Script(NotSent("refused"))
    outcome = await carried_out(Eachlabs(), script)
    assert (outcome.why, outcome.again, outcome.billed, script.paid) == ("unavailable", True, False, 5)
    assert script.committed[-1] is None


@pytest.mark.parametrize(("headers", "least"), [({}, 0.5), ({"retry-after": "7"}, 7.0)])
async def test_too_many_requests_waits_and_tries_again(headers, least):
    script, time = Script(reply(429, {"error": "too many requests"}, headers), CREATED, DONE), Time()
    assert isinstance(await carried_out(Eachlabs(), script, time), Done)
    assert script.paid == 2
    assert sum(time.slept[:2]) >= least * 0.7


@pytest.mark.parametrize(
    ("status", "why", "again", "billed"),
    [
        (400, "bad_input", False, False),
        (401, "no_access", True, False),
        (402, "no_credit", True, False),
        (404, "no_model", True, False),
        (500, "failed", False, None),
        (502, "unavailable", False, None),
        (503, "unavailable", True, False),
    ],
)
async def test_a_refusal_to_begin_is_told_by_meaning(status, why, again, billed):
    script = Script(reply(status, {"error": "no"}))
    outcome = await carried_out(Eachlabs(), script)
    assert (outcome.why, outcome.again, outcome.billed, script.paid) == (why, again, billed, 1)


@pytest.mark.parametrize("raw", [b"<html>", b"[]", b'{"status": "success"}', b'{"predictionID": null}', b"\xff"])
async def test_a_garbled_answer_to_a_creation_is_not_sent_again(raw):
    script = Script(reply(raw=raw))
    outcome = await carried_out(Eachlabs(), script)
    assert (outcome.why, outcome.billed, script.paid) == ("garbled", None, 1)


@pytest.mark.parametrize("raw", [b"<html>", b"[]", b'{"status"'])
async def test_a_look_that_makes_no_sense_is_sent_again_a_few_times(raw):
    garbled = reply(raw=raw)
    script = Script(CREATED, garbled, garbled, WORKING, garbled, DONE)
    assert isinstance(await carried_out(Eachlabs(), script), Done)
    script = Script(CREATED, garbled)
    outcome = await carried_out(Eachlabs(), script)
    assert (outcome.why, outcome.billed, len(script.sent), script.paid) == ("garbled", None, 1 + GARBLED_LOOKS, 1)


async def test_success_without_a_picture_is_none():
    script = Script(CREATED, reply(200, {"id": "p-1", "status": "success", "output": [], "metrics": {"cost": 0.01}}))
    outcome = await carried_out(Eachlabs(), script)
    assert (outcome.why, outcome.billed, str(outcome.cost.amount)) == ("garbled", None, "0.01")


async def test_looking_goes_on_while_the_vendor_is_away():
    away = [Unclear("reset"), NotSent("refused"), reply(503, {}), reply(429, {}, {"retry-after": "3"})]
    script = Script(CREATED, *away, WORKING, DONE)
    assert isinstance(await carried_out(Eachlabs(), script), Done)
    assert script.paid == 1


async def test_after_our_time_it_is_cancelled_there():
    script, time = Script(CREATED, WORKING), Time()
    began = time()
    outcome = await carried_out(Eachlabs(), script, time, total_seconds=60, first_poll=2)
    assert (outcome.why, outcome.billed) == ("timed_out", None)
    assert script.sent[-1].url == "v1/prediction/p-1/cancel"
    assert (time() - began) / SECOND <= 60


async def test_a_restart_goes_on_asking_and_sends_nothing_again():
    script = Script(WORKING, DONE)
    standing = CallStanding(standing="open", state={"id": "p-9"}, began_at=Time().now - 5 * SECOND)
    assert isinstance(await carried_out(Eachlabs(), script, standing=standing), Done)
    assert script.paid == 0
    assert script.sent[0].url == "v1/prediction/p-9"


async def test_after_a_long_time_without_a_server_it_is_asked_about_once():
    began = Time().now - 3600 * SECOND
    standing = CallStanding(standing="open", state={"id": "p-9"}, began_at=began, until=began + 600 * SECOND)
    script = Script(DONE)
    assert isinstance(await carried_out(Eachlabs(), script, standing=standing), Done)
    assert [kept.until for kept in script.committed] == [None]
    script = Script(WORKING)
    outcome = await carried_out(Eachlabs(), script, standing=standing)
    assert (outcome.why, outcome.billed) == ("timed_out", None)
    assert [call.method for call in script.sent] == ["GET", "POST"]  # a look, then it is stopped


async def test_a_restart_while_sending_is_unknown():
    script = Script(DONE)
    standing = CallStanding(standing="sending", began_at=Time().now)
    outcome = await carried_out(Eachlabs(), script, standing=standing)
    assert (outcome.why, outcome.billed, script.sent) == ("unknown", None, [])


async def test_a_restart_while_sending_sends_again_where_the_vendor_takes_a_key_for_it():
    script = Script(CREATED, DONE)
    standing = CallStanding(standing="sending", began_at=Time().now)
    outcome = await carried_out(Eachlabs(), script, standing=standing, repeatable=True)
    assert isinstance(outcome, Done)
    assert script.paid == 1


async def test_a_failure_there_is_told_by_meaning():
    output = {"error_message": "NSFW content detected", "classification": {"category": "PROVIDER"}}
    outcome = await carried_out(Eachlabs(), Script(CREATED, reply(200, {"status": "failed", "output": output})))
    assert isinstance(outcome, Failed)
    assert (outcome.why, outcome.message) == ("refused", "NSFW content detected")


@pytest.mark.parametrize("status", [401, 402, 403, 404, 410])
async def test_a_refused_look_does_not_say_that_nothing_was_begun(status):
    """Another route must not be tried, and paid, because a key was taken away meanwhile."""
    script = Script(CREATED, WORKING, reply(status, {"details": "no"}))
    outcome = await carried_out(Eachlabs(), script)
    assert (outcome.why, outcome.again, outcome.billed, script.paid) == ("unknown", False, None, 1)
