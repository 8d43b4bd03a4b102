"""Tencent Cloud: the signature its own client makes, the wire of its route, a job's states, its codes."""

from __future__ import annotations

from typing import Any

import pytest
from routed import SEED, routed, verdicts
from script import Script, carried_out, reply

from gesso.engines.upstream.steps import Done, Link, Written
from gesso.engines.upstream.vendors.tencent import Tencent

VENDOR = Tencent()


def answer(**content: Any) -> Any:
    return reply(200, {"Response": {"RequestId": "r-1", **content}})


def refused(code: str) -> Any:
    return answer(Error={"Code": code, "Message": "said so"})


CREATED = answer(JobId="j-1")
RUNNING = answer(JobStatusCode="2", JobStatusMsg="running", ResultImage=[])


def test_the_signature_is_its_own_clients():
    """Made with tencentcloud-sdk-python-common 3.1.195 for this key, body and second."""
    body = b'{"Prompt": "a red fox", "Resolution": "1024:768"}'
    written = Written("POST", "aiart.tencentcloudapi.com", "/", "", "application/json", body, 1_800_000_000)
    assert VENDOR.sign("AKIDexample:secret-of-mine", written) == {
        "Authorization": "TC3-HMAC-SHA256 Credential=AKIDexample/2027-01-15/aiart/tc3_request, "
        "SignedHeaders=content-type;host, "
        "Signature=9c58024b690ca757127ba343aeee79a59d8a4611a57e497d48ac431022ab9570",
        "X-TC-Timestamp": "1800000000",
    }
    assert VENDOR.authorise("AKIDexample:secret-of-mine") == {}


@pytest.mark.parametrize(
    ("size", "sent"),
    [
        ("landscape_4_3", "1024:768"),
        ({"width": 2048, "height": 1024}, "1440:720"),
        ({"width": 320, "height": 320}, "512:512"),
    ],
)
def test_the_wire_of_every_route(size, sent):
    choice, asks = routed("hunyuan-image-v3-text-to-image", "tencent", image_size=size, num_images=2)
    calls = [VENDOR.start(ask).call for ask in asks]
    assert {(call.method, call.url, call.pays) for call in calls} == {("POST", "/", True)}
    base = {"Prompt": "a red fox", "Resolution": sent, "LogoAdd": 0, "Revise": 0}
    assert [call.json for call in calls] == [{**base, "Seed": SEED + number} for number in range(2)]
    assert calls[0].headers == {
        "X-TC-Action": "SubmitTextToImageJob",
        "X-TC-Version": "2022-12-29",
        "X-TC-Region": "ap-guangzhou",
    }
    for name in ("negative_prompt", "num_inference_steps", "guidance_scale", "enable_safety_checker"):
        assert verdicts(choice)[name] == "ignored"


async def test_a_job_is_queried_until_it_is_done():
    done = answer(JobStatusCode="5", ResultImage=["https://cos.example/1.png"], ResultDetails=["Success"])
    script = Script(CREATED, answer(JobStatusCode="1"), RUNNING, done)
    assert await carried_out(VENDOR, script, ask=routed("hunyuan-image-v3-text-to-image", "tencent")[1][0]) == Done(
        (Link("https://cos.example/1.png"),)
    )
    looks = script.sent[1:]
    assert [call.headers["X-TC-Action"] for call in looks] == ["QueryTextToImageJob"] * 3
    assert [call.json for call in looks] == [{"JobId": "j-1"}] * 3
    assert script.paid == 1
    assert script.committed[-1].state == {"kind": "TextToImageJob", "id": "j-1"}


async def test_pictures_kept_back_are_counted():
    done = answer(JobStatusCode="5", ResultImage=["https://cos.example/1.png"], ResultDetails=["Success", "审核不通过"])
    assert await carried_out(VENDOR, Script(CREATED, done)) == Done((Link("https://cos.example/1.png"),), refused=1)
    done = answer(JobStatusCode="5", ResultImage=[], ResultDetails=["审核不通过"])
    assert (await carried_out(VENDOR, Script(CREATED, done))).why == "refused"


@pytest.mark.parametrize(
    ("code", "why", "billed"),
    [
        ("OperationDenied.TextIllegalDetected", "refused", False),
        ("OperationDenied.ImageIllegalDetected", "refused", False),
        ("AuthFailure.SignatureFailure", "no_access", False),
        ("AuthFailure.UnauthorizedOperation", "no_access", False),
        ("ResourceUnavailable.LowBalance", "no_credit", False),
        ("ResourcesSoldOut.ChargeStatusException", "no_credit", False),
        ("InvalidParameterValue.TextLengthExceed", "bad_input", False),
        ("InvalidAction", "no_model", False),
        ("FailedOperation.InnerError", "failed", None),
    ],
)
async def test_a_refusal_to_begin_comes_with_status_200(code, why, billed):
    script = Script(refused(code))
    outcome = await carried_out(VENDOR, script)
    assert (outcome.why, outcome.billed, outcome.message, script.paid) == (why, billed, "said so", 1)


async def test_one_job_too_many_comes_with_status_200_and_is_sent_again():
    done = answer(JobStatusCode="5", ResultImage=["https://cos.example/1.png"])
    script = Script(refused("RequestLimitExceeded.JobNumExceed"), CREATED, done)
    assert isinstance(await carried_out(VENDOR, script), Done)
    assert script.paid == 2


@pytest.mark.parametrize(
    ("code", "why"), [("FailedOperation.GenerateImageFailed", "refused"), ("FailedOperation.ServerError", "failed")]
)
async def test_a_failed_job_says_why(code, why):
    script = Script(CREATED, answer(JobStatusCode="4", JobErrorCode=code, JobErrorMsg="said so"))
    outcome = await carried_out(VENDOR, script)
    assert (outcome.why, outcome.billed, outcome.message) == (why, False, "said so")


async def test_a_look_too_many_is_looked_again_and_any_other_refusal_leaves_it_unknown():
    done = answer(JobStatusCode="5", ResultImage=["https://cos.example/1.png"])
    assert isinstance(await carried_out(VENDOR, Script(CREATED, refused("RequestLimitExceeded"), done)), Done)
    outcome = await carried_out(VENDOR, Script(CREATED, refused("FailedOperation.JobNotExist")))
    assert (outcome.why, outcome.again, outcome.billed) == ("unknown", False, None)


@pytest.mark.parametrize(("status", "why"), [(403, "no_access"), (500, "failed"), (503, "unavailable")])
async def test_a_gateways_error_is_told_by_its_status(status, why):
    assert (await carried_out(VENDOR, Script(reply(status, raw=b"<html>")))).why == why


@pytest.mark.parametrize(
    "raw", [b"<html>", b"[]", b"{}", b'{"Response": {}}', b'{"Response": {"JobId": null}}', b"\xff"]
)
async def test_a_garbled_answer_is_not_sent_again(raw):
    script = Script(reply(raw=raw))
    outcome = await carried_out(VENDOR, script)
    assert (outcome.why, outcome.billed, script.paid) == ("garbled", None, 1)


@pytest.mark.parametrize("content", [{}, {"JobStatusCode": "9"}, {"JobStatusCode": "5", "ResultImage": []}])
async def test_a_garbled_look_ends_it(content):
    assert (await carried_out(VENDOR, Script(CREATED, answer(**content)))).why == "garbled"


def test_it_cannot_be_cancelled():
    assert VENDOR.cancel({"kind": "TextToImageJob", "id": "j-1"}) is None
