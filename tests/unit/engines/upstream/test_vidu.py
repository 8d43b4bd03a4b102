"""Vidu: the wire of its route, a task's states, its codes, its withdrawal."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from routed import SEED, routed
from script import PNG, Script, Time, an_ask, carried_out, reply

from gesso.domain.events import GivenFile
from gesso.domain.upstream import Cost
from gesso.engines.upstream.steps import Done, Link
from gesso.engines.upstream.vendors.vidu import Vidu

VENDOR = Vidu()
CREATED = reply(200, {"task_id": "t-1", "state": "created", "model": "viduq2", "credits": 8})
LOOK = "ent/v2/tasks/t-1/creations"


def looked(state: str, **more: object) -> object:
    return reply(200, {"state": state, "err_code": "", "credits": 8, "creations": [], **more})


def test_the_wire_of_every_route():
    _, (ask,) = routed("vidu-q2-text-to-image", "vidu", aspect_ratio="9:16")
    call = VENDOR.start(ask).call
    assert (call.method, call.url, call.pays) == ("POST", "ent/v2/reference2image", True)
    assert call.json == {"model": "viduq2", "prompt": "a red fox", "aspect_ratio": "9:16", "seed": SEED}
    assert VENDOR.authorise("key") == {"Authorization": "Token key"}


def test_pictures_go_as_a_list_of_data_uris():
    file = GivenFile("images", "reference", True, b"\x89PNG\r\n\x1a\n", "image/png")
    call = VENDOR.start(replace(an_ask(), pictures=(file, file))).call
    assert call.json["images"] == [PNG, PNG]


async def test_it_is_asked_until_it_has_succeeded():
    states = [looked("created"), looked("queueing"), looked("processing")]
    done = looked(
        "success", creations=[{"id": "c-1", "url": "https://v.example/1.png", "cover_url": "https://v.example/c"}]
    )
    script = Script(CREATED, *states, done)
    assert await carried_out(VENDOR, script) == Done(
        (Link("https://v.example/1.png"),), Cost(Decimal(8), "vidu_credit")
    )
    assert [call.url for call in script.sent] == ["ent/v2/reference2image", *[LOOK] * 4]
    assert script.paid == 1
    assert script.committed[-1].state == {"id": "t-1"}


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("CreationPolicyViolation", "refused"),
        ("TaskPromptPolicyViolation", "refused"),
        ("AuditSubmitIllegal", "refused"),
        ("ImageDownloadFailure", "bad_input"),
        ("UserCancelled", "failed"),
        ("SomethingNew", "failed"),
    ],
)
@pytest.mark.parametrize(("used", "billed"), [(0, False), (8, True)])
async def test_a_failed_task_says_why_and_what_it_took(code, why, used, billed):
    outcome = await carried_out(VENDOR, Script(CREATED, looked("failed", err_code=code, credits=used)))
    assert (outcome.why, outcome.message, outcome.billed) == (why, code, billed)
    assert outcome.cost == Cost(Decimal(used), "vidu_credit")


@pytest.mark.parametrize(
    ("status", "reason", "why", "billed"),
    [
        (400, "FieldInvalid", "bad_input", False),
        (400, "AuditSubmitIllegal", "refused", False),
        (400, "CreditInsufficient", "no_credit", False),
        (400, "ModelUnavailable", "no_model", False),
        (401, "Unauthorized", "no_access", False),
        (403, "Forbidden", "no_access", False),
        (500, "Internal", "failed", None),
    ],
)
async def test_a_refusal_to_begin_is_told_by_its_reason(status, reason, why, billed):
    script = Script(reply(status, {"code": status, "reason": reason, "message": "said so", "metadata": {}}))
    outcome = await carried_out(VENDOR, script)
    assert (outcome.why, outcome.billed, outcome.message, script.paid) == (why, billed, "said so", 1)


async def test_too_many_at_once_are_sent_again():
    busy = reply(429, {"code": 429, "reason": "QuotaExceeded", "message": "too many"})
    done = looked("success", creations=[{"url": "https://v.example/1.png"}])
    script = Script(busy, CREATED, done)
    assert isinstance(await carried_out(VENDOR, script), Done)
    assert script.paid == 2


async def test_a_look_that_is_refused_leaves_it_unknown():
    outcome = await carried_out(VENDOR, Script(CREATED, reply(401, {"reason": "Unauthorized", "message": "no"})))
    assert (outcome.why, outcome.again, outcome.billed) == ("unknown", False, None)


@pytest.mark.parametrize("raw", [b"<html>", b"[]", b"{}", b'{"state": "created"}', b"\xff"])
async def test_a_garbled_answer_to_a_creation_is_not_sent_again(raw):
    script = Script(reply(raw=raw))
    outcome = await carried_out(VENDOR, script)
    assert (outcome.why, outcome.billed, script.paid) == ("garbled", None, 1)


@pytest.mark.parametrize("raw", [b"<html>", b'{"state": "success"}', b'{"state": "success", "creations": [{}]}'])
async def test_a_garbled_look_ends_it(raw):
    assert (await carried_out(VENDOR, Script(CREATED, reply(raw=raw)))).why == "garbled"


async def test_after_our_time_it_is_cancelled_there():
    script = Script(CREATED, looked("processing"))
    outcome = await carried_out(VENDOR, script, Time(), total_seconds=30, first_poll=2)
    assert outcome.why == "timed_out"
    last = script.sent[-1]
    assert (last.method, last.url, last.json, last.pays) == ("POST", "ent/v2/tasks/t-1/cancel", {"id": "t-1"}, False)
