"""Magic Hour's own Python client, unmodified, against a running server."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cutting_proxy import CuttingProxy
from magic_hour import AsyncClient, Client
from magic_hour.types.models import V1ImageProjectsGetResponse
from make_api_request import ApiError
from picture_host import picture_host
from PIL import Image
from running_server import RunningServer, running_server
from second_account import open_account
from webhook_receiver import webhook_receiver

from gesso.database.connect import Database
from gesso.dialects.ids import short
from gesso.domain.clock import now_microseconds
from gesso.domain.delivery import Registration
from gesso.domain.ids import new_id
from gesso.jobs import registrations

pytestmark = pytest.mark.acceptance
FAULT = "Gesso-Test-Fault"
SIZE = (120, 90)
OPEN: list[httpx.Client] = []  # what a test opened, closed after it: the vendor's client has no way to close its own


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("magic") / "data", outgoing_allow="127.0.0.1") as started:
        yield started


@pytest.fixture(autouse=True)
def quick(monkeypatch) -> Iterator[None]:
    monkeypatch.setenv("MAGIC_HOUR_POLL_INTERVAL", "0.02")
    yield
    while OPEN:
        OPEN.pop().close()


@pytest.fixture
def client(server):
    return client_of(server)


@pytest.fixture(scope="module")
def asset(server) -> str:
    """A picture that was uploaded: its file_path."""
    return upload(client_of(server), png())


def client_of(server: RunningServer, key: str | None = None, url: str | None = None, **headers: str) -> Client:
    """Return the vendor's client; headers are sent with every request of it."""
    OPEN.append(httpx.Client(timeout=60, trust_env=False, headers=headers))
    base_url = f"{url or server.url}/magic-hour"
    return Client(token=key or server.test_key, base_url=base_url, httpx_client=OPEN[-1])


def png(colour: str = "navy", size: tuple[int, int] = SIZE) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", size, colour).save(data, "PNG")
    return data.getvalue()


def upload(client: Client, data: bytes) -> str:
    (item,) = client.v1.files.upload_urls.create(items=[{"extension": "png", "type_": "image"}]).items
    httpx.put(item.upload_url, content=data, trust_env=False).raise_for_status()
    return item.file_path


def edited(client: Client, asset: str, **more: Any) -> Any:
    """Create an edit and wait for it; return the project as the client reads it."""
    made = client.v1.ai_image_editor.create(
        assets={"image_file_paths": [asset]}, style={"prompt": "add a red balloon"}, **more
    )
    return client.v1.image_projects.check_result(id=made.id, wait_for_completion=True, download_outputs=False)


def sizes(project: Any) -> list[tuple[int, int]]:
    """Fetch every download without a key; return the pictures' sizes."""
    found = []
    for download in project.downloads:
        answer = httpx.get(download.url, trust_env=False)
        answer.raise_for_status()
        with Image.open(io.BytesIO(answer.content)) as picture:
            picture.load()
            found.append(picture.size)
    return found


def ledger(server: RunningServer, key: str | None = None) -> list[tuple[str, str]]:
    with server.client(key or server.test_key) as client:
        found = client.get("/v1/account/ledger", params={"limit": 100}).json()["entries"]
    return [(entry["kind"], entry["credits"]) for entry in found]


# --- start to end -------------------------------------------------------------------------------------------------


def local_files(folder: Path) -> list[str]:
    paths = [folder / "first.png", folder / "second.png"]
    for path, colour in zip(paths, ("navy", "gold"), strict=True):
        path.write_bytes(png(colour))
    return [str(path) for path in paths]


def test_generate_uploads_two_files_edits_waits_and_saves_every_picture(client, tmp_path) -> None:
    made = client.v1.ai_image_editor.generate(
        assets={"image_file_paths": local_files(tmp_path)},
        style={"prompt": "add a red balloon"},
        model="qwen-edit",
        image_count=4,
        aspect_ratio="1:1",
        resolution="1k",
        name="Balloons",
        wait_for_completion=True,
        download_outputs=True,
        download_directory=str(tmp_path / "."),
    )
    assert (made.status, made.image_count, made.name, made.type_) == ("complete", 4, "Balloons", "AI_IMAGE_EDITOR")
    assert (made.credits_charged, made.total_frame_cost) == (40, 40)
    assert (made.enabled, made.error) == (True, None)
    saved = [Path(path) for path in made.downloaded_paths]
    assert len(set(saved)) == 4, "one name each, or they would overwrite each other"
    for path in saved:
        with Image.open(path) as picture:
            assert (path.suffix, picture.format, picture.size) == (".png", "PNG", (1024, 1024))


def test_generate_of_the_asynchronous_client(server, tmp_path) -> None:
    async def run() -> Any:
        async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
            client = AsyncClient(token=server.test_key, base_url=f"{server.url}/magic-hour", httpx_client=http)
            before = (await client.v1.account.list()).credits
            made = await client.v1.ai_image_editor.generate(
                assets={"image_file_paths": local_files(tmp_path)},
                style={"prompt": "add a red balloon"},
                download_directory=str(tmp_path),
            )
            again = await client.v1.image_projects.get(id=made.id)
            assert again.downloads == made.downloads
            assert (await client.v1.account.list()).credits == before - 50
            drawn = await client.v1.ai_image_generator.create(
                image_count=1, style={"prompt": "a duck"}, model="flux-schnell", resolution="640px"
            )
            await client.v1.image_projects.check_result(id=drawn.id, wait_for_completion=True, download_outputs=False)
            await client.v1.image_projects.delete(id=drawn.id)
            assert not (await client.v1.image_projects.get(id=drawn.id)).enabled
            with pytest.raises(ApiError) as caught:
                await client.v1.image_projects.get(id="cuid-example")
            assert (caught.value.status_code, caught.value.body) == (404, {"message": "Not Found"})
            return made

    made = asyncio.run(run())
    assert made.name.startswith("Ai Image Editor - 20")
    with Image.open(made.downloaded_paths[0]) as picture:
        assert picture.width / picture.height == pytest.approx(SIZE[0] / SIZE[1], rel=0.02)


def test_the_old_single_path_and_the_old_name_of_a_model(client, asset, server) -> None:
    made = client.v1.ai_image_editor.create(
        assets={"image_file_path": asset}, style={"prompt": "add a red balloon", "model": "Seedream"}
    )
    assert (made.credits_charged, made.frame_cost) == (40, 40)
    with server.client(server.test_key) as native:
        assert native.get("/v1/jobs", params={"limit": 1}).json()["jobs"][0]["model"] == "magic-hour-seedream-v4"


# --- what a request says ------------------------------------------------------------------------------------------

# Each model of the reference with what it costs, and each ratio with the shape it gives at 640px.
RUNS = [
    ("default", 50, "auto", (120, 90)),
    ("qwen-edit", 10, "16:9", (640, 360)),
    ("nano-banana", 50, "9:16", (360, 640)),
    ("nano-banana-2", 100, "4:3", (640, 480)),
    ("seedream-v4", 40, "3:2", (640, 426)),
    ("seedream-v4.5", 50, "1:1", (640, 640)),
    ("flux-2-klein", 5, "4:5", (512, 640)),
    ("gpt-image-2.5-flare", 100, "2:3", (426, 640)),
]


@pytest.mark.parametrize(("model", "price", "ratio", "size"), RUNS)
def test_each_model_has_its_price_and_each_ratio_its_shape(client, asset, model, price, ratio, size) -> None:
    made = edited(client, asset, model=model, aspect_ratio=ratio, resolution="640px")
    assert (made.status, made.credits_charged, sizes(made)) == ("complete", price, [size])


@pytest.mark.parametrize(
    ("resolution", "longest"), [("640px", 640), ("1k", 1024), ("2k", 1600), ("4k", 1600), ("auto", None)]
)
def test_a_resolution_is_the_longest_side_at_most(client, resolution, longest) -> None:
    large = upload(client, png(size=(1600, 200)))
    ((width, height),) = sizes(edited(client, large, model="seedream-v4", resolution=resolution))
    assert width / height == pytest.approx(8, rel=0.02)
    assert longest is None or width == longest


@pytest.mark.parametrize(("count", "many"), [(1.0, 1), (4, 4), (9, 9), (16.0, 16), (None, 1)])
def test_a_count_is_how_many_pictures_are_paid_for(server, asset, count, many) -> None:
    more = {} if count is None else {"image_count": count}
    client = client_of(server, **{FAULT: "fail"})
    made = client.v1.ai_image_editor.create(
        assets={"image_file_paths": [asset]}, style={"prompt": "a hat"}, model="qwen-edit", **more
    )
    assert made.credits_charged == 10 * many
    assert client.v1.image_projects.get(id=made.id).image_count == many


REFUSED = [
    ({"image_count": 2}, "image_count is 2: it must be 1, 4, 9 or 16."),
    ({"image_count": 1.5}, "image_count is 1.5: it must be a whole number."),
    ({"model": "krea-2", "image_count": 4}, "image_count is 4: it must be 1."),
    ({"model": "nano-banana", "resolution": "2k"}, 'resolution is "2k": it must be auto, 640px or 1k.'),
    ({"model": "nano-banana-pro", "resolution": "640px"}, 'resolution is "640px": it must be auto, 1k, 2k or 4k.'),
    ({"style": {"prompt": ""}}, "style.prompt is empty: it must have at least 1 character."),
    ({"assets": {"image_file_paths": []}}, "assets.image_file_paths is missing: name at least one image."),
    ({"name": ""}, "name is empty: it must have at least 1 character."),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_a_mistake_is_400_naming_the_vendors_field(client, asset, change, message) -> None:
    ask = {"assets": {"image_file_paths": [asset]}, "style": {"prompt": "a hat"}, **change}
    with pytest.raises(ApiError) as caught:
        client.v1.ai_image_editor.create(**ask)
    assert (caught.value.status_code, set(caught.value.body)) == (400, {"message"})
    assert caught.value.body["message"].startswith(message)


def test_more_pictures_than_a_model_takes(client, asset) -> None:
    with pytest.raises(ApiError) as caught:
        client.v1.ai_image_editor.create(
            assets={"image_file_paths": [asset] * 4}, style={"prompt": "a hat"}, model="qwen-edit"
        )
    assert caught.value.status_code == 400
    assert caught.value.body["message"].startswith("assets.image_file_paths has 4 ")


def test_the_generator(client, server) -> None:
    made = client.v1.ai_image_generator.generate(
        image_count=2,
        style={"prompt": "a duck", "tool": "ai-anime-generator"},
        model="z-image-turbo",
        aspect_ratio="16:9",
        resolution="640px",
        name="Ducks",
        download_outputs=False,
    )
    assert (made.status, made.type_, made.name, made.credits_charged) == ("complete", "AI_IMAGE", "Ducks", 10)
    assert sizes(made) == [(640, 360)] * 2
    with server.client(server.test_key) as native:
        job = native.get("/v1/jobs", params={"limit": 1}).json()["jobs"][0]
    assert job["model"] == "magic-hour-generator-z-image-turbo"
    assert {one["parameter"]: one["verdict"] for one in job["parameters"]}["tool"] == "ignored"


def test_the_generators_old_fields(client) -> None:
    made = client.v1.ai_image_generator.create(
        image_count=1,
        style={"prompt": "a duck", "quality_mode": "standard"},
        orientation="portrait",
        resolution="640px",
    )
    project = client.v1.image_projects.check_result(id=made.id, wait_for_completion=True, download_outputs=False)
    assert (made.credits_charged, sizes(project)) == (5, [(360, 640)])
    assert project.name.startswith("Ai Image - 20")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_count": 5, "model": "z-image-turbo"}, "image_count is 5: it must be between 1 and 4."),
        ({"image_count": 2, "model": "nano-banana-pro"}, "image_count is 2: it must be 1, 4, 9 or 16."),
        ({"image_count": 17}, "image_count is 17: it must be between 1 and 16."),
    ],
)
def test_how_many_pictures_a_generators_model_makes(client, change, message) -> None:
    with pytest.raises(ApiError) as caught:
        client.v1.ai_image_generator.create(style={"prompt": "a duck"}, **change)
    assert (caught.value.status_code, caught.value.body) == (400, {"message": message})


def test_any_model_of_the_catalogue_edits_by_its_slug(server, asset) -> None:
    ask = {
        "model": "gesso-sketch",
        "assets": {"image_file_paths": [asset]},
        "style": {"prompt": "add a red balloon"},
        "aspect_ratio": "1:1",
        "resolution": "auto",
        "seed": 7,
        "colour": "red",
    }
    with server.client(server.test_key) as raw:
        made = raw.post("/magic-hour/v1/ai-image-editor", json=ask)
        assert (made.status_code, made.json()["credits_charged"]) == (200, 0)
        job = raw.get(f"/v1/jobs/{made.headers['Gesso-Job']}").json()
        assert (job["model"], job["operation"], job["seed"]) == ("gesso-sketch", "edit", 7)
        assert "colour" in made.headers["Gesso-Parameters"]
        native = raw.post("/v1/jobs", json={"model": "gesso-sketch", "input": {"prompt": "a duck"}}).json()["id"]
        project = raw.get(f"/magic-hour/v1/image-projects/{short(native)}").json()
        assert (project["type"], project["name"][:13]) == ("AI_IMAGE", "Ai Image - 20"), "every own job has a project"
        wrong = raw.post("/magic-hour/v1/ai-image-editor", json={**ask, "model": "nothing-like-it"})
        assert wrong.status_code == 400
        assert wrong.json()["message"].startswith('There is no model "nothing-like-it".')
        wrong = raw.post("/magic-hour/v1/ai-image-editor", json={**ask, "model": "flux-schnell"})
        assert wrong.json()["message"] == "model magic-hour-generator-flux-schnell does not edit: it can generate."


# --- files --------------------------------------------------------------------------------------------------------


def test_upload_addresses_keep_their_order_and_take_bytes_once_without_a_key(client) -> None:
    items = client.v1.files.upload_urls.create(
        items=[{"extension": "png", "type_": "image"}, {"extension": "jpg", "type_": "image"}]
    ).items
    assert [item.file_path.rpartition(".")[2] for item in items] == ["png", "jpg"]
    assert all(item.file_path.startswith("api-assets/") for item in items)
    assert httpx.put(items[0].upload_url, content=png(), trust_env=False).status_code == 201
    assert httpx.put(items[0].upload_url, content=png(), trust_env=False).status_code == 409


@pytest.mark.parametrize(
    ("item", "status"),
    [
        ({"extension": "exe", "type_": "image"}, 422),
        ({"extension": "mp4", "type_": "video"}, 422),
        ({"extension": ".png", "type_": "image"}, 400),
    ],
)
def test_an_upload_that_is_no_picture_is_refused(client, item, status) -> None:
    with pytest.raises(ApiError) as caught:
        client.v1.files.upload_urls.create(items=[item])
    assert caught.value.status_code == status
    assert caught.value.body["message"].startswith("items[0].")


def test_anothers_upload_is_not_there_like_one_that_never_was(client, server, asset) -> None:
    other = client_of(server, open_account(server, "curious"))
    never = client.v1.files.upload_urls.create(items=[{"extension": "png", "type_": "image"}]).items[0].file_path
    for path in (asset, never, "api-assets/u1/ab12.png"):
        with pytest.raises(ApiError) as caught:
            edited(other, path)
        assert caught.value.status_code == 422
        assert caught.value.body["message"].startswith(
            "assets.image_file_paths[0] points at a file that does not exist"
        )


def test_a_picture_by_link_and_a_link_that_leads_nowhere(client) -> None:
    with picture_host({"a.png": png("gold")}) as host:
        made = edited(client, f"{host}/a.png", model="qwen-edit")
        assert (made.status, made.credits_charged) == ("complete", 10)
        gone = edited(client, f"{host}/b.png", model="qwen-edit")
    assert (gone.status, gone.error.code, gone.credits_charged) == ("error", "invalid_parameters", 0)
    with pytest.raises(ApiError) as caught:
        edited(client, "http://10.0.0.1/a.png", model="qwen-edit")
    assert caught.value.status_code == 422
    assert caught.value.body["message"].startswith("assets.image_file_paths[0]: ")


def test_odd_names_of_unknown_fields_break_nothing(server, asset) -> None:
    with server.client(server.test_key) as raw:
        for odd in ("", "\n", "ключ", "👻" * 90, "Set-Cookie: a=b", "$ref", "__proto__"):
            assets, style = {"image_file_paths": [asset], odd: 1}, {"prompt": "a hat", odd: [1]}
            ask = {"assets": assets, "style": style, odd: {"a": None}}
            made = raw.post("/magic-hour/v1/ai-image-editor", json=ask, headers={FAULT: "fail"})
            assert (made.status_code, set(made.json())) == (200, {"id", "credits_charged", "frame_cost"}), odd
            assert "set-cookie" not in made.headers


# --- projects -----------------------------------------------------------------------------------------------------


def test_a_deleted_project_stays_without_its_pictures(client, asset) -> None:
    made = edited(client, asset, model="qwen-edit", name="Gone soon")
    again = edited(client, made.downloads[0].url, model="qwen-edit")
    assert again.status == "complete", "a download is an input while it is there"
    assert client.v1.image_projects.delete(id=made.id) is None
    left = client.v1.image_projects.get(id=made.id)
    assert (left.enabled, left.downloads, left.name, left.status) == (False, [], None, "complete")
    assert left.credits_charged == 10
    assert httpx.get(made.downloads[0].url, trust_env=False).status_code == 404
    client.v1.image_projects.delete(id=made.id)
    with pytest.raises(ApiError) as caught:
        client.v1.image_projects.delete(id="cuid-example")
    assert (caught.value.status_code, caught.value.body) == (404, {"message": "Not Found"})


def test_a_slow_project_is_seen_waiting_and_cannot_be_deleted_yet(server, asset) -> None:
    client = client_of(server, **{FAULT: "slow:1"})
    made = client.v1.ai_image_editor.create(
        assets={"image_file_paths": [asset]}, style={"prompt": "a hat"}, model="qwen-edit"
    )
    seen = client.v1.image_projects.get(id=made.id)
    assert seen.status in ("queued", "rendering")
    assert (seen.downloads, seen.error, seen.credits_charged) == ([], None, 10)
    with pytest.raises(ApiError) as caught:
        client.v1.image_projects.delete(id=made.id)
    assert caught.value.status_code == 422
    ended = client.v1.image_projects.check_result(id=made.id, wait_for_completion=True, download_outputs=False)
    assert ended.status == "complete"


@pytest.mark.parametrize(("fault", "code"), [("fail", "unknown_error"), ("moderated", "content_policy_violation")])
def test_a_failure_is_told_and_paid_back(server, asset, fault, code) -> None:
    client = client_of(server, **{FAULT: fault})
    before = client.v1.account.list().credits
    made = client.v1.ai_image_editor.create(
        assets={"image_file_paths": [asset]}, style={"prompt": "a hat"}, model="qwen-edit"
    )
    assert (made.credits_charged, made.frame_cost) == (10, 10), "charged at once"
    ended = client.v1.image_projects.check_result(id=made.id, wait_for_completion=True, download_outputs=True)
    assert (ended.status, ended.error.code, ended.downloads) == ("error", code, [])
    assert ended.error.message
    assert (ended.credits_charged, ended.total_frame_cost) == (0, 0), "the refund is in it"
    assert client.v1.account.list().credits == before


def test_a_cancelled_project(server, asset) -> None:
    client = client_of(server, **{FAULT: "slow:20"})
    made = client.v1.ai_image_editor.create(assets={"image_file_paths": [asset]}, style={"prompt": "a hat"})
    with server.client(server.test_key) as native:
        job = native.get("/v1/jobs", params={"limit": 1}).json()["jobs"][0]
        assert native.post(f"/v1/jobs/{job['id']}/cancel").status_code == 200
    ended = client.v1.image_projects.check_result(id=made.id, wait_for_completion=True, download_outputs=True)
    assert (ended.status, ended.error, ended.downloads, ended.credits_charged) == ("canceled", None, [], 0)


# --- who asks -----------------------------------------------------------------------------------------------------


def test_a_bad_key_is_401(server) -> None:
    with pytest.raises(ApiError) as caught:
        client_of(server, "mhk_live_" + "x" * 40).v1.account.list()
    assert (caught.value.status_code, caught.value.body) == (401, {"message": "Unauthorized"})


def test_no_credits_are_402_and_too_many_jobs_429(server, asset) -> None:
    poor = client_of(server, open_account(server, "penniless", credits=0))
    with pytest.raises(ApiError) as caught:
        poor.v1.ai_image_generator.create(image_count=2, style={"prompt": "a duck"}, model="nano-banana")
    assert caught.value.status_code == 402
    assert caught.value.body == {"message": "Payment required: this costs 100 credits and the account has 0."}
    busy = client_of(server, **{FAULT: "rate_limited"})
    with pytest.raises(ApiError) as caught:
        busy.v1.ai_image_generator.create(image_count=1, style={"prompt": "a duck"})
    assert (caught.value.status_code, caught.value.response.headers["Retry-After"]) == (429, "1")


def test_a_free_account_has_the_free_models_at_the_lowest_resolution(server) -> None:
    client = client_of(server, open_account(server, "gratis", credits=100, tier="free"))
    account = client.v1.account.list()
    assert (account.tier, account.credits, account.email, account.subscription) == ("free", 1000, None, None)
    large = upload(client, png(size=(900, 600)))
    for model in ("nano-banana", "gpt-image-2"):
        with pytest.raises(ApiError) as caught:
            edited(client, large, model=model)
        assert caught.value.status_code == 403
        assert caught.value.body["message"].startswith(f"{model} is not for accounts of the tier free")
        assert "qwen-edit" in caught.value.body["message"]
    with pytest.raises(ApiError) as caught:
        edited(client, large, model="qwen-edit", resolution="1k")
    assert (caught.value.status_code, caught.value.body) == (
        403,
        {"message": 'resolution "1k" of qwen-edit is not for accounts of the tier free: they may have 640px.'},
    )
    assert client.v1.account.list().credits == 1000
    made = edited(client, large, model="qwen-edit", resolution="auto")
    assert (made.status, made.credits_charged, sizes(made)) == ("complete", 10, [(640, 427)])
    assert client.v1.account.list().credits == 990


# --- webhooks -----------------------------------------------------------------------------------------------------


def register(server: RunningServer, account: str, url: str, secret: str) -> None:
    """Register a target for all events, beside the server in its database."""
    events = ("started", "succeeded", "failed", "cancelled")
    target = Registration(
        id=new_id(),
        account_id=account,
        mode="test",
        dialect="magic_hour",
        url=url,
        secret=secret,
        events=events,
        created_at=now_microseconds(),
    )
    database = Database.open_sqlite(server.data_dir / "gesso.db")
    try:
        database.write_blocking(lambda connection: registrations.register(connection, target))
    finally:
        database.close()


def test_webhooks_bring_the_project_signed(server) -> None:
    key, secret = open_account(server, "listener"), "a secret of the account's"
    account = client_of(server, key).v1.account.list().id
    ask = {"image_count": 1, "style": {"prompt": "a duck"}, "model": "flux-schnell", "resolution": "640px"}
    with webhook_receiver() as receiver:
        register(server, account, receiver.url, secret)
        made = client_of(server, key).v1.ai_image_generator.create(**ask)
        failed = client_of(server, key, **{FAULT: "fail"}).v1.ai_image_generator.create(**ask)
        told: dict[tuple[str, str], dict] = {}
        while len(told) < 4:
            came = receiver.next()
            at = came.headers["magic-hour-event-timestamp"]
            signature = hmac.new(secret.encode(), f"{at}.".encode() + came.body, hashlib.sha256).hexdigest()
            assert came.headers["magic-hour-event-signature"] == signature
            assert abs(int(at) - time.time()) < 300, "receivers allow five minutes"
            event = json.loads(came.body)
            told[event["payload"]["id"], event["type"]] = event["payload"]
    assert set(told) == {
        (made.id, "image.started"),
        (made.id, "image.completed"),
        (failed.id, "image.started"),
        (failed.id, "image.errored"),
    }
    complete = V1ImageProjectsGetResponse.model_validate(told[made.id, "image.completed"])
    assert (complete.status, sizes(complete)) == ("complete", [(640, 640)])
    errored = told[failed.id, "image.errored"]
    assert (errored["status"], errored["credits_charged"], errored["error"]["code"]) == ("error", 0, "unknown_error")
    assert told[made.id, "image.started"]["status"] == "rendering"


# --- lost answers -------------------------------------------------------------------------------------------------


def test_a_lost_answer_is_one_job_one_charge_and_a_key_finds_it_again(server) -> None:
    key = open_account(server, "unlucky")
    ask = {"image_count": 1, "style": {"prompt": "a duck"}, "model": "flux-schnell", "resolution": "640px"}
    with CuttingProxy(server.url, lambda: None) as proxy:
        client = client_of(server, key, proxy.url, **{"Idempotency-Key": "duck-1", "Connection": "close"})
        with pytest.raises(httpx.TransportError):
            client.v1.ai_image_generator.create(**ask)
        assert len(proxy.requests) == 1, "this client repeats nothing by itself"
        made = client.v1.ai_image_generator.create(**ask)
    assert sorted(answer.header("idempotent-replayed") for answer in proxy.answers) == ["", "true"]
    ended = client_of(server, key).v1.image_projects.check_result(
        id=made.id, wait_for_completion=True, download_outputs=False
    )
    assert ended.status == "complete"
    assert [entry for entry in ledger(server, key) if entry[0] == "charge"] == [("charge", "-0.5")]


@pytest.mark.parametrize(("fault", "status"), [("rate_limited", 429), ("out_of_credits", 402)])
def test_a_refusal_is_sent_once_and_costs_nothing(server, fault, status) -> None:
    key = open_account(server, f"refused by {fault}")
    with pytest.raises(ApiError) as caught:
        client_of(server, key, **{FAULT: fault}).v1.ai_image_generator.create(image_count=1, style={"prompt": "a duck"})
    assert caught.value.status_code == status
    assert [kind for kind, _ in ledger(server, key)] == ["grant"]
