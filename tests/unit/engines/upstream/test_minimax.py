"""MiniMax: the wire of its route, its codes, what a garbled answer means."""

from __future__ import annotations

import base64

import pytest
from routed import routed
from script import Script, carried_out, reply

from gesso.engines.upstream.steps import Done, Inline, Link
from gesso.engines.upstream.vendors.minimax import MiniMax

VENDOR = MiniMax()


def told(code: int, **more: object) -> dict[str, object]:
    return {"id": "03ff", "base_resp": {"status_code": code, "status_msg": "said so"}, **more}


def test_the_wire_of_every_route():
    _, (ask,) = routed("minimax-text-to-image", "minimax", aspect_ratio="21:9", num_images=9, prompt_optimizer=True)
    call = VENDOR.start(ask).call
    assert (call.method, call.url, call.pays) == ("POST", "v1/image_generation", True)
    assert call.json == {
        "model": "image-01",
        "prompt": "a red fox",
        "aspect_ratio": "21:9",
        "n": 9,
        "prompt_optimizer": True,
        "response_format": "url",
    }
    assert VENDOR.authorise("key") == {"Authorization": "Bearer key"}


async def test_the_pictures_are_links_and_those_kept_back_are_counted():
    links = ["https://oss.example/1.jpeg", "https://oss.example/2.jpeg"]
    metadata = {"success_count": "2", "failed_count": "1"}
    script = Script(reply(200, told(0, data={"image_urls": links}, metadata=metadata)))
    assert await carried_out(VENDOR, script) == Done((Link(links[0]), Link(links[1])), refused=1)
    assert script.paid == 1


async def test_pictures_may_come_within_the_answer():
    data = {"image_base64": [base64.b64encode(b"jpeg").decode()]}
    assert await carried_out(VENDOR, Script(reply(200, told(0, data=data)))) == Done((Inline(b"jpeg"),))


@pytest.mark.parametrize(
    ("code", "why", "again", "billed"),
    [
        (1000, "failed", False, None),
        (1001, "timed_out", False, None),
        (1004, "no_access", True, False),
        (1008, "no_credit", True, False),
        (1024, "failed", False, None),
        (1026, "refused", False, False),
        (1027, "refused", False, None),
        (1042, "bad_input", False, False),
        (2013, "bad_input", False, False),
        (2049, "no_access", True, False),
        (2056, "no_credit", True, False),
        (2061, "no_model", True, False),
    ],
)
async def test_a_code_says_what_became_of_it_whatever_the_status(code, why, again, billed):
    script = Script(reply(200, told(code)))
    outcome = await carried_out(VENDOR, script)
    assert (outcome.why, outcome.again, outcome.billed, outcome.message) == (why, again, billed, "said so")
    assert script.paid == 1


@pytest.mark.parametrize("code", [1002, 1039])
async def test_too_many_requests_come_with_status_200_and_are_sent_again(code):
    script = Script(reply(200, told(code)), reply(200, told(0, data={"image_urls": ["https://oss.example/1.jpeg"]})))
    assert isinstance(await carried_out(VENDOR, script), Done)
    assert [kept and kept.standing for kept in script.committed] == ["sending", None, "sending"]
    script = Script(reply(200, told(code)))
    outcome = await carried_out(VENDOR, script)
    assert (outcome.why, outcome.again, outcome.billed, script.paid) == ("rate_limited", True, False, 5)


async def test_none_made_and_all_kept_back_is_a_refusal():
    body = told(0, data={"image_urls": []}, metadata={"success_count": 0, "failed_count": 2})
    assert (await carried_out(VENDOR, Script(reply(200, body)))).why == "refused"


@pytest.mark.parametrize(
    ("status", "why"), [(401, "no_access"), (404, "no_model"), (500, "failed"), (503, "unavailable")]
)
async def test_an_error_without_a_code_is_told_by_its_status(status, why):
    assert (await carried_out(VENDOR, Script(reply(status, {})))).why == why


@pytest.mark.parametrize(
    "raw",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"base_resp": {"status_code": 0}}',
        b'{"base_resp": {"status_code": 0}, "data": {"image_urls": [null]}}',
        b'{"base_resp": {"status_code": 0}, "data": {"image_base64": ["%"]}}',
        b"\xff",
    ],
)
async def test_a_garbled_answer_is_not_sent_again(raw):
    script = Script(reply(raw=raw))
    outcome = await carried_out(VENDOR, script)
    assert (outcome.why, outcome.billed, script.paid) == ("garbled", None, 1)


def test_it_cannot_be_cancelled():
    assert VENDOR.cancel({}) is None
