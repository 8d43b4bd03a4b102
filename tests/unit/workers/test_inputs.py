"""A job's pictures come out decoded, fitted to the asked size, the mask with them."""

import asyncio
import io
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from obstore.store import MemoryStore
from PIL import Image

from gesso.domain.errors import ImageNotRetrievable, InvalidInput
from gesso.domain.ids import new_id
from gesso.domain.picture import PictureReference
from gesso.domain.request import Request, SizeRule
from gesso.imaging.budget import PixelBudget
from gesso.imaging.decode import DecodeLimits, inspect
from gesso.outgoing.fetch import Fetched as OutgoingFetched
from gesso.storage.blobs import BlobStore
from gesso.workers.inputs import HELD_BYTES, Fetched, InputReader, Inputs, decode_inputs, holding
from gesso.workers.threads import to_its_end

LIMITS = DecodeLimits()


def fetched(field: str, image: Image.Image) -> Fetched:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return Fetched(field, inspect(buffer.getvalue(), field, LIMITS), holding(buffer.getvalue()))


def request(**fields) -> Request:
    here = PictureReference(blob="x")
    return Request(model="m", operation="edit", image=here, seed=0, **fields)


PHOTO = Image.effect_noise((240, 160), 60).convert("RGB")


async def test_without_a_size_the_picture_is_untouched():
    inputs = await decode_inputs(request(), {"image": fetched("image", PHOTO)}, LIMITS)
    assert np.array_equal(inputs.image.rgb, np.asarray(PHOTO))
    assert inputs.mask is None


async def test_image_and_mask_are_cropped_and_resized_together():
    mask = Image.new("L", PHOTO.size)
    mask.paste(255, (120, 0, 240, 160))
    given = {"image": fetched("image", PHOTO), "mask": fetched("mask", mask)}
    inputs = await decode_inputs(request(width=80, height=80), given, LIMITS)
    assert inputs.image.rgb.shape == (80, 80, 3)
    assert inputs.mask.shape == (80, 80)
    assert inputs.mask[:, :36].max() == 0
    assert inputs.mask[:, 44:].min() == 255


@pytest.mark.parametrize(
    ("rule", "size"),
    [
        (SizeRule(ratio=(1, 1)), (160, 160)),
        (SizeRule(width=120), (120, 80)),
        (SizeRule(long_side=480), (480, 320)),
        (SizeRule(area_pixels=240 * 160 * 4), (480, 320)),
    ],
)
async def test_a_size_may_follow_the_source(rule, size):
    inputs = await decode_inputs(request(size_rule=rule), {"image": fetched("image", PHOTO)}, LIMITS)
    assert (inputs.image.width, inputs.image.height) == size


async def test_references_keep_their_order_and_size():
    pictures = {f"reference[{i}]": fetched(f"reference[{i}]", PHOTO.resize((10 + i, 9))) for i in (2, 0, 10, 1)}
    inputs = await decode_inputs(request(), {"image": fetched("image", PHOTO), **pictures}, LIMITS)
    assert [picture.width for picture in inputs.references] == [10, 11, 12, 20]


async def test_a_mask_alone_or_of_another_size_is_refused():
    mask = fetched("mask", Image.new("L", (20, 20)))
    for given in ({"mask": mask}, {"image": fetched("image", PHOTO), "mask": mask}):
        with pytest.raises(InvalidInput) as caught:
            await decode_inputs(request(), given, LIMITS)
        assert caught.value.problems[0].field == "mask"


class CountingStore(BlobStore):
    """A store in memory that counts what is read."""

    reads = 0

    async def get(self, account_id: str, blob_id: str) -> bytes:
        self.reads += 1
        return await super().get(account_id, blob_id)


class Links:
    """Stands in for the network."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def fetch(self, url: str, *, max_bytes: int | None = None) -> OutgoingFetched:
        if "missing" in url:
            raise ImageNotRetrievable("There is nothing.")
        return OutgoingFetched(self._data, "image/png", url)


def png(side: int) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((side, side), 60).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


@pytest.fixture
def make_reader(tmp_path):
    def make(data: bytes, budget: PixelBudget) -> tuple[InputReader, CountingStore]:
        store = CountingStore(MemoryStore())
        return InputReader(store, Links(data), budget, LIMITS, tmp_path), store

    return make


JOB = SimpleNamespace(id=new_id(), account_id=new_id())


@pytest.mark.parametrize("source", ["blob", "url"])
async def test_large_files_are_not_held_while_a_job_waits_for_room(make_reader, source, tmp_path):
    """The bytes are dropped once the header is known, and had again (from the store, from a file) when there is room."""
    data, budget = png(1100), PixelBudget(2_000_000)
    assert len(data) > HELD_BYTES
    reader, store = make_reader(data, budget)
    blob = new_id()
    await store.put(JOB.account_id, blob, data)
    here = PictureReference(blob=blob) if source == "blob" else PictureReference(url="https://example.com/a.png")
    asked = Request(model="m", operation="edit", image=here, seed=0)
    times: dict[str, float] = {}

    async def run() -> Inputs:
        async with reader.read(JOB, asked, times.__setitem__) as inputs:
            return inputs

    async with budget.take(2_000_000):
        running = asyncio.create_task(run())
        async with asyncio.timeout(20):
            while not budget.waiting:  # noqa: ASYNC110 - the budget tells nobody who waits
                await asyncio.sleep(0.01)
        assert store.reads == (1 if source == "blob" else 0)
    inputs = await running
    assert inputs.image.rgb.shape == (1100, 1100, 3)
    assert store.reads == (2 if source == "blob" else 0)
    assert set(times) == {"fetch", "decode"}
    assert list(tmp_path.iterdir()) == []


async def test_the_first_picture_that_fails_ends_the_fetching_and_nothing_is_held(make_reader):
    budget = PixelBudget(1_000_000)
    reader, _ = make_reader(png(64), budget)
    asked = Request(
        model="m",
        operation="edit",
        image=PictureReference(url="https://example.com/a.png"),
        references=(PictureReference(url="https://example.com/missing"),),
        seed=0,
    )
    with pytest.raises(ImageNotRetrievable, match="nothing"):
        async with reader.read(JOB, asked, lambda stage, seconds: None):
            raise AssertionError("there is no such picture")
    assert (budget.taken, budget.waiting) == (0, 0)


async def test_who_is_cancelled_waits_for_the_thread_that_holds_the_memory():
    began, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        may_end.wait(20)
        ended.set()

    task = asyncio.create_task(to_its_end(work))
    await asyncio.to_thread(began.wait, 20)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
