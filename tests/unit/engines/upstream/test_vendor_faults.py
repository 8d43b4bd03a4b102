"""Faults at every vendor, over TCP to servers that play them: the right end, nothing paid twice, nothing told."""

from __future__ import annotations

import datetime as dt
import email.utils
from dataclasses import dataclass

import pytest
from faulty_vendor import RAW, Fault, Ran, answer, repeats, run, said, several, words_everywhere
from played_vendors import PLAYED, Played

from faulty_server import Answer, Broken
from gesso.domain.errors import (
    ContentRefused,
    UpstreamFailed,
    UpstreamRejected,
    UpstreamTimedOut,
    UpstreamUnavailable,
    UpstreamUnknown,
)
from gesso.engines.upstream.vendors import UPSTREAMS

ERRORS = {
    "refused": ContentRefused,
    "bad_input": UpstreamRejected,
    "no_access": UpstreamUnavailable,
    "no_credit": UpstreamUnavailable,
    "rate_limited": UpstreamUnavailable,
    "unavailable": UpstreamUnavailable,
    "failed": UpstreamFailed,
    "garbled": UpstreamFailed,
    "timed_out": UpstreamTimedOut,
    "unknown": UpstreamUnknown,
}
POLLED = [one for one in PLAYED if one.polled]
UPLOADING = [one for one in PLAYED if one.uploads]
LINKING = [one for one in PLAYED if not one.inline]
COUNTING = [one for one in PLAYED if several(one) > 1]
BUSY = answer(b"{}", 429)
AWAY, BROKEN_THERE = answer(status=503), answer(status=500)
PAGE = answer(f"<html>{RAW}</html>".encode(), content_type="text/html")
RESETS = {f"reset-{at}": Broken(at, "reset") for at in ("head", "request", "answer", "body")}
CLOSES = {f"close-{at}": Broken(at, "close") for at in ("head", "request", "answer", "body")}
NOISE = {"noise": Broken("request", "noise")}
HANGS = {f"hang-{at}": Broken(at, "hang") for at in ("head", "request", "answer", "body")}


def name_of(one: object) -> str | None:
    return one.name if isinstance(one, Played) else None


def each(vendors: list[Played] | tuple[Played, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vendor", vendors, ids=name_of)


@dataclass(frozen=True)
class End:
    """How a job is to end: `billed` is what is known of the call, `kept` what is committed of it."""

    why: str
    again: bool = False
    billed: bool | None = None
    creates: int = 1
    kept: str | None = "sending"


def check(ran: Ran, end: End) -> None:
    (call,) = ran.calls
    assert (call.outcome, call.billed, ran.creates) == (end.why, end.billed, end.creates), ran.told
    assert type(ran.error) is ERRORS[end.why]
    assert (ran.error.again, ran.error.billed) == (end.again, bool(end.billed))
    assert ran.standings == ([] if end.kept is None else [end.kept])
    assert ran.pictures == []
    assert ran.strangers == 0
    (note,) = [note.data for note in ran.notes if note.code == "upstream"]
    assert (note["outcome"], note["billed"]) == (end.why, end.billed)
    if end.billed is False:
        assert call.micro_usd == 0


def check_made(ran: Ran, pictures: int = 1) -> None:
    assert ran.error is None
    assert [picture.index for picture in ran.pictures] == list(range(pictures))
    assert {(call.outcome, call.billed) for call in ran.calls} == {("done", True)}
    assert ran.strangers == 0


def test_every_vendor_is_played():
    assert {one.name for one in PLAYED} == set(UPSTREAMS)


@each(PLAYED)
async def test_all_goes_well(vendor):
    ran = await run(vendor)
    check_made(ran)
    assert (ran.creates, ran.asked["cancel"]) == (1, 0)
    assert ran.standings == ["open" if vendor.polled else "sending"]
    signs = vendor.key.count(":")  # whose key is not sent
    assert (vendor.key in ran.sent) == (not signs)


# ── the call that costs ───────────────────────────────────────────────────────────────────────────────

_MAY_HAVE_ARRIVED = End("unknown")
_NOT_BEGUN = {"again": True, "billed": False, "kept": None}
CREATES = {
    "429": (Fault("create", (BUSY,), True), End("rate_limited", creates=5, **_NOT_BEGUN)),
    "500": (Fault("create", (BROKEN_THERE,), True), End("failed")),
    "502": (Fault("create", (answer(status=502),), True), End("unavailable")),
    "504": (Fault("create", (answer(status=504),), True), End("unavailable")),
    "503": (Fault("create", (AWAY,), True), End("unavailable", **_NOT_BEGUN)),
    "401": (Fault("create", (answer(status=401),), True), End("no_access", **_NOT_BEGUN)),
    "402": (Fault("create", (answer(status=402),), True), End("no_credit", **_NOT_BEGUN)),
    "redirect": (
        Fault("create", (answer(status=307, location="http://STRANGER/"),), True),
        End("failed", billed=False, kept=None),
    ),
    "page": (Fault("create", (PAGE,), True), End("garbled")),
    "nothing": (Fault("create", (answer(b""),), True), End("garbled")),
    "cut": (Fault("create", (answer(b'{"id": "p-1", "sta'),), True), End("garbled")),
    "null": (Fault("create", (answer(b"null"),), True), End("garbled")),
    "list": (Fault("create", (answer(b"[]"),), True), End("garbled")),
    "bytes": (Fault("create", (answer(b"\xff\xfe\x00"),), True), End("garbled")),
    **{
        name: (Fault("create", (one,), True), _MAY_HAVE_ARRIVED)
        for name, one in (RESETS | CLOSES | HANGS | NOISE).items()
    },
}


@each(PLAYED)
@pytest.mark.parametrize("fault", CREATES)
async def test_the_call_that_costs(vendor, fault):
    what, end = CREATES[fault]
    check(await run(vendor, what), end)


@each(PLAYED)
@pytest.mark.parametrize("how", ["refused", "hang"])
async def test_a_call_that_was_never_connected_costs_nothing(vendor, how):
    ran = await run(vendor, connecting=how)
    check(ran, End("unavailable", creates=0, **_NOT_BEGUN))


def in_an_hour() -> str:
    return email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(hours=1), usegmt=True)


@each(PLAYED)
@pytest.mark.parametrize(
    ("asked", "least"),
    [(None, 0), ("7", 7), ("in an hour", 100), ("soon", 0), ("-3", 0), ("9" * 400, 100), ("Wed, 99 Foo", 0)],
    ids=["no", "seconds", "date", "word", "negative", "huge", "no-date"],
)
async def test_one_that_has_to_wait_is_sent_again(vendor, asked, least):
    headers = {} if asked is None else {"retry_after": in_an_hour() if asked == "in an hour" else asked}
    ran = await run(vendor, Fault("create", (answer(b"{}", 429, **headers),)))
    check_made(ran)
    assert ran.creates == 2
    assert ran.slept > least - 0.1


@each(PLAYED)
async def test_an_answer_without_end_is_not_read_to_its_end(vendor, monkeypatch):
    monkeypatch.setattr("gesso.engines.upstream.sender.MOST_REPLY_BYTES", 1 << 16)
    check(await run(vendor, Fault("create", (answer(RAW.encode() * 10_000),), True)), _MAY_HAVE_ARRIVED)


@each(PLAYED)
async def test_what_an_answer_claims_to_be_is_not_what_counts(vendor):
    ran = await run(vendor, media_type="text/plain; charset=utf-8")
    if vendor.name == "reve":  # whose answer is the picture: only its type tells it from a page
        check(ran, End("garbled"))
    else:
        check_made(ran)


@each(PLAYED)
@pytest.mark.parametrize("shape", [0, 1])
async def test_a_vendor_s_sentence_brings_no_key_link_or_path(vendor, shape):
    """It is passed on where it is about the request, but for what is nobody's business."""
    words = f"Key {vendor.key} may not, see http://vendor.example/why?{RAW.split()[0]} or /srv/models/run.py line 3."
    fault = Fault("create", (Answer(words_everywhere(words)[shape], 400),), True)
    ran = await run(vendor, fault)
    assert ran.creates == 1
    assert ran.error is not None
    assert not ran.error.billed
    assert "/srv" not in ran.told
    assert "vendor.example" not in ran.told


# ── looks ─────────────────────────────────────────────────────────────────────────────────────────────

PASSING = {
    "429": BUSY,
    "429-retry-after": answer(b"{}", 429, retry_after="9"),
    "500": BROKEN_THERE,
    "503": AWAY,
    "page": PAGE,
    "cut": answer(b'{"id": "p-1", "sta'),
    **RESETS,
    **CLOSES,
    **HANGS,
    **NOISE,
}


@each(POLLED)
@pytest.mark.parametrize("fault", PASSING)
async def test_a_look_is_sent_again(vendor, fault):
    ran = await run(vendor, Fault("look", (PASSING[fault], PASSING[fault])))
    check_made(ran)
    assert ran.creates == 1
    assert ran.standings == ["open"]
    if fault == "429-retry-after":
        assert ran.slept > 17.9


@each(POLLED)
@pytest.mark.parametrize("fault", ["500", "429", "reset-request", "hang-request"])
async def test_a_vendor_that_stays_away_is_given_up(vendor, fault):
    ran = await run(vendor, Fault("look", (PASSING[fault],), True), total_seconds=60)
    check(ran, End("timed_out", kept="open"))
    assert ran.asked["cancel"] == bool(vendor.cancel)


@each(POLLED)
@pytest.mark.parametrize("fault", ["page", "cut"])
async def test_a_vendor_that_talks_nonsense_is_given_up(vendor, fault):
    ran = await run(vendor, Fault("look", (PASSING[fault],), True))
    check(ran, End("garbled", kept="open"))


@each(POLLED)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422])
async def test_a_refused_look_says_nothing_of_what_was_begun(vendor, status):
    ran = await run(vendor, Fault("look", (answer(status=status),), True))
    check(ran, End("unknown", kept="open"))


@each(POLLED)
async def test_what_never_ends_is_stopped_there(vendor):
    ran = await run(vendor, finishes=False, total_seconds=60)
    check(ran, End("timed_out", kept="open"))
    assert ran.asked["cancel"] == bool(vendor.cancel)


@each([one for one in POLLED if one.cancel])
@pytest.mark.parametrize("fault", [*RESETS.values(), *HANGS.values(), BROKEN_THERE, PAGE])
async def test_it_ends_the_same_where_it_cannot_be_stopped(vendor, fault):
    ran = await run(vendor, Fault("cancel", (fault,), True), finishes=False, total_seconds=10)
    check(ran, End("timed_out", kept="open"))
    assert ran.asked["cancel"] == 1


@pytest.mark.parametrize("name", ["bfl", "fal"])
async def test_the_key_does_not_follow_a_vendor_s_link_to_a_stranger(name):
    """Not even to where pictures may be fetched from: those get no key."""
    (vendor,) = [one for one in PLAYED if one.name == name]
    elsewhere = vendor.created("https://stranger.example") if vendor.created else None
    ran = await run(vendor, Fault("create", (Answer(elsewhere),), True))
    check(ran, End("timed_out", kept="open"))
    assert ran.asked["look"] == 0


# ── uploads ───────────────────────────────────────────────────────────────────────────────────────────


@each(UPLOADING)
@pytest.mark.parametrize("fault", PASSING)
async def test_an_upload_is_sent_again(vendor, fault):
    ran = await run(vendor, Fault("upload", (PASSING[fault],)))
    check_made(ran)
    assert ran.creates == 1


@each(UPLOADING)
@pytest.mark.parametrize(
    ("fault", "why", "again"),
    [
        (BROKEN_THERE, "timed_out", True),
        (Broken("request", "hang"), "timed_out", True),
        (answer(status=401), "no_access", True),
        (PAGE, "garbled", False),
    ],
    ids=["500", "hang", "401", "page"],
)
async def test_an_upload_that_does_not_succeed_costs_nothing(vendor, fault, why, again):
    ran = await run(vendor, Fault("upload", (fault,), True), total_seconds=60)
    check(ran, End(why, again=again, billed=False, creates=0, kept=None))


# ── refusals ──────────────────────────────────────────────────────────────────────────────────────────


@each(PLAYED)
async def test_moderation(vendor):
    """A charge stands where the vendor says that it billed what it refused, and nowhere else."""
    ran = await run(vendor, refuses=True)
    kept = "open" if vendor.polled else None if vendor.refusal_billed is False else "sending"
    check(ran, End("refused", billed=vendor.refusal_billed, kept=kept))


# ── pictures ──────────────────────────────────────────────────────────────────────────────────────────

NO_PICTURES = {
    "403": answer(status=403),
    "404": answer(status=404),
    "410": answer(status=410),
    "500": BROKEN_THERE,
    "page": PAGE,
    "nothing": answer(b""),
    "reset": Broken("body", "reset"),
    "hang": Broken("body", "hang"),
    "redirect": answer(status=302, location="http://STRANGER/0.png"),
}
LOST = {"billed": True}  # the vendor made them


def check_lost(ran: Ran, vendor: Played) -> None:
    (call,) = ran.calls
    assert (call.outcome, call.billed, ran.creates) == ("done", True, 1)
    assert type(ran.error) is UpstreamFailed
    assert (ran.error.again, ran.error.billed) == (False, True)
    assert len(said(ran, "picture_lost")) == 1
    assert (ran.pictures, ran.strangers) == ([], 0)


@each(LINKING)
@pytest.mark.parametrize("fault", NO_PICTURES)
async def test_a_link_that_brings_no_picture(vendor, fault):
    ran = await run(
        vendor, Fault("picture", (NO_PICTURES[fault],), True), picture_seconds=0.05 if fault == "hang" else 30
    )
    check_lost(ran, vendor)


@each(LINKING)
@pytest.mark.parametrize("fault", ["500", "reset"])
async def test_a_picture_is_fetched_again(vendor, fault):
    ran = await run(vendor, Fault("picture", (NO_PICTURES[fault],)))
    check_made(ran)
    assert ran.asked["picture"] == 2


@each(LINKING)
@pytest.mark.parametrize(
    "link",
    [
        "http://STRANGER/0.png",
        "http://localhost:1/0.png",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.7/0.png",
        "http://[::1]/0.png",
        "http://[::ffff:127.0.0.1]:1/0.png",
        "http://2130706433/0.png",
    ],
)
async def test_a_link_to_a_private_address_is_not_followed(vendor, link):
    check_lost(await run(vendor, links=[link]), vendor)


@each(LINKING)
async def test_a_link_that_is_none(vendor):
    ran = await run(vendor, links=["file:///etc/passwd"])
    assert type(ran.error) is UpstreamFailed
    assert (ran.creates, ran.pictures) == (1, [])


@each([one for one in PLAYED if one.inline])
@pytest.mark.parametrize("file", [b"\x89PNG\r\n\x1a\n and no more", RAW.encode()], ids=["cut", "words"])
async def test_a_file_that_is_no_picture(vendor, file):
    check_lost(await run(vendor, file=file), vendor)


# ── fewer ─────────────────────────────────────────────────────────────────────────────────────────────


@each([one for one in COUNTING if not repeats(one)])
async def test_fewer_pictures_than_were_asked_for(vendor):
    ran = await run(vendor, count=several(vendor), makes=1)
    check_made(ran)
    assert (len(ran.calls), ran.calls[0].pictures, ran.creates) == (1, 1, 1)


@each([one for one in COUNTING if not repeats(one)])
async def test_success_without_a_picture_is_none(vendor):
    """Nobody said that it was billed, and so it is not charged."""
    ran = await run(vendor, makes=0)
    why = "failed" if vendor.name == "minimax" else "garbled"  # which counts those that failed
    check(ran, End(why, kept="open" if vendor.polled else "sending"))


@each([one for one in COUNTING if not repeats(one)])
async def test_more_pictures_than_were_asked_for(vendor):
    check_made(await run(vendor, makes=3))


@each([one for one in COUNTING if repeats(one)])
async def test_one_of_two_calls_gives_nothing(vendor):
    ran = await run(vendor, Fault("create", (answer(status=401),)), count=several(vendor))
    assert ran.error is None
    assert len(ran.pictures) == 1
    assert sorted((call.outcome, call.billed) for call in ran.calls) == [("done", True), ("no_access", False)]
    assert ran.creates == 2
