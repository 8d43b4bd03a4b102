"""Large pictures are uploaded to Replicate before its prediction is created, as its own client does."""

from __future__ import annotations

import email
import io
from dataclasses import replace

import httpx
import pytest
from planned import CATALOGUE, planned
from replicate import Client
from script import Script, carried_out, reply

from gesso.domain.picture import PictureReference
from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.sender import NotSent, Unclear
from gesso.engines.upstream.steps import Done, Failed, Link
from gesso.engines.upstream.vendors.replicate import MOST_INLINE_BYTES, Replicate

SMALL, LARGE = b"\x89PNG small", b"\x89PNG" + bytes(MOST_INLINE_BYTES)
FILES = [f"https://api.replicate.com/v1/files/{number}" for number in range(3)]
MADE = "https://replicate.delivery/a.png"
CREATED = reply(201, {"id": "p-1", "status": "starting"})
SUCCEEDED = reply(200, {"id": "p-1", "status": "succeeded", "output": [MADE]})


def uploaded(number: int):
    return reply(201, {"id": str(number), "urls": {"get": FILES[number]}})


def an_edit(*pictures: bytes) -> Ask:
    model = CATALOGUE.get("magic-hour-seedream-v4")
    route = next(one for one in model.routes if one.vendor == "replicate")
    given = [PictureReference(blob=str(number)) for number in range(len(pictures))]
    ask = planned(model, route, {"prompt": "a red fox", "images": given}).ask
    return replace(
        ask, pictures=tuple(replace(one, data=data) for one, data in zip(ask.pictures, pictures, strict=True))
    )


async def test_small_ones_go_within_the_prediction():
    script = Script(CREATED, SUCCEEDED)
    ask = an_edit(SMALL, SMALL)
    await carried_out(Replicate(), script, ask=ask)
    assert [call.url for call in script.sent] == ["v1/predictions", "v1/predictions/p-1"]
    assert script.sent[0].json["input"]["image_input"] == [one.data_uri for one in ask.pictures]


async def test_large_ones_are_uploaded_first_and_each_is_in_its_place():
    script = Script(uploaded(0), uploaded(1), CREATED, SUCCEEDED)
    ask = an_edit(LARGE, SMALL, LARGE)

    done = await carried_out(Replicate(), script, ask=ask)

    assert isinstance(done, Done)
    assert done.pictures == (Link(MADE),)
    assert [(call.url, call.pays) for call in script.sent[:3]] == [
        ("v1/files", False),
        ("v1/files", False),
        ("v1/predictions", True),
    ]
    assert script.sent[2].json["input"]["image_input"] == [FILES[0], ask.pictures[1].data_uri, FILES[1]]
    assert script.before_send[:2] == [None, None]  # a restart uploads again: nothing was begun


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (reply(401, {"detail": "Unauthenticated"}), "no_access"),
        (reply(413, {"detail": "too large"}), "bad_input"),
        (reply(201, {"id": "1"}), "garbled"),
        (NotSent("x"), "timed_out"),
        (Unclear("x"), "timed_out"),
    ],
)
async def test_an_upload_that_fails_costs_nothing(answer, why):
    script = Script(answer)
    failed = await carried_out(Replicate(), script, ask=an_edit(LARGE))
    assert isinstance(failed, Failed)
    assert (failed.why, failed.billed, script.paid) == (why, False, 0)


def test_its_own_client_uploads_the_same():
    seen = []

    def vendor(request: httpx.Request) -> httpx.Response:
        seen.append((request.method, request.url.path, request.headers["content-type"], request.read()))
        texts = dict.fromkeys(("id", "name", "content_type", "etag", "created_at"), "1")
        objects = {"checksums": {}, "metadata": {}, "urls": {"get": FILES[0]}}
        return httpx.Response(201, json={**texts, **objects, "size": len(LARGE)})

    file = io.BytesIO(LARGE)
    client = Client(api_token="k", transport=httpx.MockTransport(vendor))
    assert client.files.create(file, filename="reference.png", content_type="image/png").urls["get"] == FILES[0]

    ((method, path, kind, body),) = seen
    call = Replicate().start(an_edit(LARGE)).call
    assert (call.method, f"/{call.url}") == (method, path)
    whole = email.message_from_bytes(f"Content-Type: {kind}\n\n".encode() + body)
    (theirs,), (ours,) = whole.get_payload(), call.parts
    assert theirs.get_param("name", header="content-disposition") == ours.name
    assert theirs.get_content_type() == ours.media_type
    assert len(LARGE) == len(ours.data)
