"""Volcengine's visual service: the signature its own client makes, the wire of its route, a task's states, its codes."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from routed import SEED, routed, verdicts
from script import Script, carried_out, reply

from gesso.engines.upstream.steps import Done, Inline, Link, Written
from gesso.engines.upstream.vendors.volcengine_visual import VolcengineVisual

VENDOR = VolcengineVisual()
QUERY = {"Action": "CVSync2AsyncSubmitTask", "Version": "2022-08-31"}


def answer(**data: Any) -> Any:
    return reply(200, {"code": 10000, "message": "Success", "data": data})


CREATED = answer(task_id="t-1")


def test_the_signature_is_its_own_clients():
    """Made with volcengine 1.0.229 for this key, body and second."""
    written = Written(
        "POST",
        "visual.volcengineapi.com",
        "/",
        "Version=2022-08-31&Action=CVSync2AsyncSubmitTask",
        "application/json",
        b'{"req_key": "jimeng_t2i_v31", "prompt": "a red fox"}',
        1_800_000_000,
    )
    assert VENDOR.sign("AKLTexample:secret-of-mine", written) == {
        "Authorization": "HMAC-SHA256 Credential=AKLTexample/20270115/cn-north-1/cv/request, "
        "SignedHeaders=content-type;host;x-content-sha256;x-date, "
        "Signature=b814cd5696d33511d80786420335aad262203e75cb81abcfefa65ceb6645a488",
        "X-Date": "20270115T080000Z",
        "X-Content-Sha256": "b76f8bab3cfa7a2f83c2a8a64ad90cbcc31dd2e4430bf7507ad3e7a8650a6366",
    }
    assert VENDOR.authorise("AKLTexample:secret-of-mine") == {}


@pytest.mark.parametrize(
    ("asked", "sides", "verdict"),
    [
        ({}, (2560, 1440), "mapped"),
        ({"resolution": "1K", "aspect_ratio": "3:4"}, (864, 1152), "mapped"),
        ({"aspect_ratio": "custom", "width": 1000, "height": 700}, (1000, 700), "mapped"),
        ({"aspect_ratio": "custom", "width": 3000, "height": 3000}, (2048, 2048), "clamped"),
    ],
)
def test_the_wire_of_every_route(asked, sides, verdict):
    choice, (ask,) = routed("dreamina-3-1", "volcengine_visual", enhance_prompt=False, **asked)
    call = VENDOR.start(ask).call
    assert (call.method, call.url, call.query, call.pays) == ("POST", "/", QUERY, True)
    assert call.json == {
        "req_key": "jimeng_t2i_v31",
        "prompt": "a red fox",
        "use_pre_llm": False,
        "width": sides[0],
        "height": sides[1],
        "seed": SEED,
    }
    assert verdicts(choice)["resolution"] == verdict


async def test_a_task_is_asked_about_until_it_is_done():
    done = answer(status="done", image_urls=["https://tos.example/1.jpeg"], binary_data_base64=None)
    script = Script(CREATED, answer(status="in_queue"), answer(status="generating"), done)
    (ask,) = routed("dreamina-3-1", "volcengine_visual")[1]
    assert await carried_out(VENDOR, script, ask=ask) == Done((Link("https://tos.example/1.jpeg"),))
    look = script.sent[-1]
    assert look.query == {**QUERY, "Action": "CVSync2AsyncGetResult"}
    assert (look.json["req_key"], look.json["task_id"]) == ("jimeng_t2i_v31", "t-1")
    assert json.loads(look.json["req_json"]) == {"return_url": True, "logo_info": {"add_logo": False}}
    assert script.paid == 1
    assert script.committed[-1].state == {"kind": "jimeng_t2i_v31", "id": "t-1"}


async def test_pictures_may_come_within_the_answer():
    done = answer(status="done", image_urls=None, binary_data_base64=[base64.b64encode(b"jpeg").decode()])
    assert await carried_out(VENDOR, Script(CREATED, done)) == Done((Inline(b"jpeg"),))


@pytest.mark.parametrize(
    ("status", "code", "why", "billed"),
    [
        (400, 50411, "refused", False),
        (400, 50412, "refused", False),
        (400, 50413, "refused", False),
        (401, 50400, "no_access", False),
        (400, 50215, "bad_input", False),
        (500, 50500, "failed", None),
        (500, 50501, "failed", None),
        (200, 50500, "failed", None),
    ],
)
async def test_a_refusal_to_begin_is_told_by_its_code(status, code, why, billed):
    script = Script(reply(status, {"code": code, "message": "said so", "data": None}))
    outcome = await carried_out(VENDOR, script)
    assert (outcome.why, outcome.billed, outcome.message, script.paid) == (why, billed, "said so", 1)


@pytest.mark.parametrize("code", [50429, 50430])
async def test_too_many_requests_are_sent_again(code):
    busy = reply(429, {"code": code, "message": "slower"})
    done = answer(status="done", image_urls=["https://tos.example/1.jpeg"])
    script = Script(busy, CREATED, done)
    assert isinstance(await carried_out(VENDOR, script), Done)
    assert script.paid == 2


@pytest.mark.parametrize("code", [50511, 50519])
async def test_a_picture_that_was_kept_back_is_told_at_a_look(code):
    outcome = await carried_out(VENDOR, Script(CREATED, reply(400, {"code": code, "message": "said so"})))
    assert (outcome.why, outcome.billed, outcome.message) == ("refused", None, "said so")


@pytest.mark.parametrize(
    "look", [answer(status="not_found"), answer(status="expired"), reply(401, {"code": 50400, "message": "no"})]
)
async def test_a_task_nobody_knows_any_more_is_unknown(look):
    outcome = await carried_out(VENDOR, Script(CREATED, look))
    assert (outcome.why, outcome.again, outcome.billed) == ("unknown", False, None)


@pytest.mark.parametrize("raw", [b"<html>", b"[]", b"{}", b'{"code": 10000}', b'{"code": 10000, "data": {}}', b"\xff"])
async def test_a_garbled_answer_is_not_sent_again(raw):
    script = Script(reply(raw=raw))
    outcome = await carried_out(VENDOR, script)
    assert (outcome.why, outcome.billed, script.paid) == ("garbled", None, 1)


async def test_a_success_without_pictures_is_garbled():
    assert (await carried_out(VENDOR, Script(CREATED, answer(status="done", image_urls=[])))).why == "garbled"


def test_it_cannot_be_cancelled():
    assert VENDOR.cancel({"kind": "jimeng_t2i_v31", "id": "t-1"}) is None
