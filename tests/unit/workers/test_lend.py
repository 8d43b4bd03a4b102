"""Who is lent pictures under which links, and why not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from gesso.domain.errors import StorageFailed, UpstreamUnavailable
from gesso.domain.events import GivenFile
from gesso.domain.request import PictureArgument, RouteChoice
from gesso.storage.rows import get_blob
from gesso.workers.lend import LENT_FOR, Lender

FILES = (GivenFile("image_ref[0].url", "reference", False, b"a", "image/png"),)


def route(vendor: str, *pictures: str) -> RouteChoice:
    given = tuple(PictureArgument(argument=one, picture="image") for one in pictures)
    return RouteChoice(engine="upstream", fidelity="exact", runs="m", vendor=vendor, target="t", pictures=given)


def job(desk, *, private: bool = False):
    return SimpleNamespace(id="j", account_id=desk.caller.account_id, mode="test", is_private=private)


def lender(desk, public_url: str | None = "https://gesso.example", presigned: bool = False) -> Lender:
    parts = desk.parts
    return Lender(
        database=parts.database,
        blobs=parts.blobs,
        links=parts.links,
        clock=parts.clock,
        public_url=public_url,
        presigned=presigned,
    )


@pytest.mark.parametrize(("vendor", "pictures"), [("fal", ("image_url",)), ("luma", ())])
async def test_nothing_is_lent_to_who_needs_no_links(open_desk, vendor, pictures):
    async with open_desk() as desk, lender(desk).lent(job(desk), route(vendor, *pictures), FILES) as given:
        assert given is FILES
        assert desk.objects() == []


@pytest.mark.parametrize("failure", [UpstreamUnavailable, StorageFailed, ZeroDivisionError])
async def test_what_is_lent_is_taken_back_when_the_call_has_failed(open_desk, failure):
    async def failing_call(desk, lent):
        async with lent as (given,):
            blob = given.link.rpartition("/")[2].partition(".")[0]
            row = await desk.parts.database.read(lambda c: get_blob(c, blob))
            assert (row.owner, row.owner_id, row.expires_at - row.created_at) == ("job_input", "j", LENT_FOR)
            assert given.link.startswith(f"https://gesso.example/blobs/{blob}.png?expires=")
            assert len(desk.objects()) == 1
            raise failure(blob)

    async with open_desk() as desk:
        with pytest.raises(failure) as failed:
            await failing_call(desk, lender(desk).lent(job(desk), route("luma", "image_ref[0].url"), FILES))
        (blob,) = failed.value.args
        assert await desk.parts.database.read(lambda c: get_blob(c, blob)) is None
        assert desk.objects() == []


async def test_the_stores_own_links_go_before(open_desk, monkeypatch):
    async def link(account_id: str, blob_id: str, seconds: int) -> str:
        return f"https://store.example/{account_id}/{blob_id}?{seconds}"

    async with open_desk() as desk:
        monkeypatch.setattr(desk.parts.blobs, "link", link)
        async with lender(desk, None, presigned=True).lent(job(desk), route("luma", "i"), FILES) as (given,):
            assert given.link.startswith(f"https://store.example/{desk.caller.account_id}/")
            assert given.link.endswith("?1800")


@pytest.mark.parametrize(
    ("public_url", "private", "said"),
    [("https://gesso.example", True, "a private job's"), (None, False, "GESSO_PUBLIC_URL")],
)
async def test_why_not(open_desk, public_url, private, said):
    async with open_desk() as desk:
        with pytest.raises(UpstreamUnavailable, match=said) as refused:
            async with lender(desk, public_url).lent(job(desk, private=private), route("luma", "i"), FILES):
                pytest.fail("it was lent")
        assert (refused.value.again, refused.value.billed) == (True, False)
        assert desk.objects() == []
