"""Replicate's own client, sync and async, against the server: predictions by every name, files, lists, failures."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import replicate
from cutting_proxy import CuttingProxy
from PIL import Image
from replicate.exceptions import ModelError, ReplicateError
from replicate.helpers import FileOutput
from running_server import RunningServer, running_server
from second_account import open_account

pytestmark = pytest.mark.acceptance
SKETCH = "gesso/gesso-sketch"
SCHNELL = "black-forest-labs/flux-schnell"
SMALL = {"prompt": "a red balloon over a hill", "width": 128, "height": 64, "steps": 2, "seed": 7}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("replicate") / "data") as started:
        yield started


@pytest.fixture
def make_client(server: RunningServer):
    def make(key: str | None = None, url: str | None = None, **headers: str) -> replicate.Client:
        token = key or server.test_key
        said = {"Authorization": f"Bearer {token}", **headers}
        client = replicate.Client(api_token=token, base_url=f"{url or server.url}/replicate", headers=said)
        client.poll_interval = 0.05
        made.append(client)
        return client

    made: list[replicate.Client] = []
    yield make
    for client in made:
        client._client.close()


@pytest.fixture
def client(make_client) -> replicate.Client:
    return make_client()


def photograph(width: int = 96, height: int = 64) -> io.BytesIO:
    data = io.BytesIO()
    Image.new("RGB", (width, height), "navy").save(data, "PNG")
    data.seek(0)
    return data


def picture_of(data: bytes) -> tuple[str | None, tuple[int, int]]:
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        return picture.format, picture.size


def fetch(link: str) -> bytes:
    """Fetch a result as anybody would: without a key."""
    answer = httpx.get(link, trust_env=False)
    assert answer.status_code == 200
    return answer.content


# ── run ───────────────────────────────────────────────────────────────────────────────────────────────


def test_run_uploads_a_local_file_and_gives_files_that_can_be_read(client: replicate.Client) -> None:
    picture = photograph()
    picture.name = "room.png"  # type: ignore[attr-defined]
    output = client.run(SKETCH, input={"prompt": "add a red balloon", "image": picture, "steps": 2})
    assert [type(one) for one in output] == [FileOutput]
    assert picture_of(output[0].read()) == ("PNG", (96, 64))
    uploaded = client.files.list()[0]
    assert (uploaded.name, uploaded.content_type, uploaded.size) == ("room.png", "image/png", len(picture.getvalue()))
    [said] = [one.input["image"] for one in client.predictions.list() if one.input and one.input.get("image")]
    assert said == uploaded.urls["get"]


def test_run_with_the_file_inline_says_the_input_without_its_bytes(client: replicate.Client) -> None:
    asked = {"prompt": "add a blue cube", "image": photograph(), "steps": 2}
    output = client.run(SKETCH, input=asked, file_encoding_strategy="base64")
    assert picture_of(output[0].read()) == ("PNG", (96, 64))
    newest = client.predictions.list()[0]
    assert newest.input is not None
    assert newest.input["image"] == "data:application/octet-stream;base64,…"


def test_run_of_a_version_fetches_it_first_and_a_single_output_is_no_list(client: replicate.Client) -> None:
    model = client.models.get("black-forest-labs/flux-1.1-pro")
    assert model.latest_version is not None
    output = client.run(f"{model.id}:{model.latest_version.id}", input={"prompt": "a duck", "seed": 1})
    assert isinstance(output, FileOutput)
    assert picture_of(output.read())[0] == "JPEG"


def test_run_without_holding_the_answer_polls_and_gives_links(client: replicate.Client) -> None:
    output = client.run(SCHNELL, input={"prompt": "a duck", "num_outputs": 2, "output_format": "png"}, wait=False)
    assert [picture_of(fetch(link))[0] for link in output] == ["PNG", "PNG"]


def test_run_goes_on_polling_when_the_job_outlasts_the_wait(make_client) -> None:
    client = make_client(**{"Gesso-Test-Fault": "slow:2"})
    output = client.run(SKETCH, input=SMALL, wait=1)
    assert picture_of(output[0].read()) == ("PNG", (128, 64))


async def test_async_run_with_a_file(client: replicate.Client) -> None:
    output = await client.async_run(SKETCH, input={"prompt": "a tree", "image": photograph(64, 96), "steps": 2})
    assert picture_of(await output[0].aread()) == ("PNG", (64, 96))
    await client._async_client.aclose()


async def test_async_predictions(client: replicate.Client) -> None:
    made = await client.models.predictions.async_create(model=SKETCH, input=SMALL)
    assert made.status == "starting"
    await made.async_wait()
    assert (made.status, made.error) == ("succeeded", None)
    again = await client.predictions.async_get(made.id)
    assert again.output
    assert picture_of(fetch(again.output[0])) == ("PNG", (128, 64))
    version = (await client.models.async_get(SKETCH)).latest_version
    assert version is not None
    blocking = await client.predictions.async_create(version, SMALL, wait=True)
    assert blocking.output[0].startswith("data:image/png;base64,")
    canceled = await client.predictions.async_cancel(made.id)
    assert canceled.status == "succeeded"
    page = await client.predictions.async_list()
    assert {made.id, blocking.id} <= {one.id for one in page}
    await client._async_client.aclose()


# ── predictions ───────────────────────────────────────────────────────────────────────────────────────


def test_a_prediction_of_a_model_is_created_waited_for_and_reloaded(client: replicate.Client) -> None:
    made = client.models.predictions.create(model=SKETCH, input={**SMALL, "num_images": 2})
    assert (made.status, made.model, made.output, len(made.id)) == ("starting", SKETCH, None, 26)
    made.wait()
    made.reload()
    assert (made.status, made.error, made.input) == ("succeeded", None, {**SMALL, "num_images": 2})
    assert [picture_of(fetch(link)) for link in made.output] == [("PNG", (128, 64))] * 2
    assert made.metrics is not None
    assert 0 < made.metrics["predict_time"] <= made.metrics["total_time"]
    assert made.logs is not None
    assert made.logs.startswith("Using seed: 7")
    version = client.models.get(SKETCH).latest_version
    assert version is not None
    assert made.version == version.id


@pytest.mark.parametrize("name", ["version", "name", "name and version", "slug"])
def test_a_prediction_names_its_version_in_every_form(client: replicate.Client, name: str) -> None:
    latest = client.models.get(SKETCH).latest_version
    assert latest is not None
    names = {"version": latest.id, "name": SKETCH, "name and version": f"{SKETCH}:{latest.id}", "slug": "gesso-sketch"}
    made = client.predictions.create(version=names[name], input=SMALL, wait=True)
    assert (made.status, made.version) == ("succeeded", latest.id)
    assert made.output[0].startswith("data:image/png;base64,")
    assert picture_of(base64.b64decode(made.output[0].partition(",")[2])) == ("PNG", (128, 64))


def test_a_prediction_of_a_deployment(client: replicate.Client) -> None:
    deployment = client.deployments.get("gesso/flux-schnell")
    assert deployment.current_release is not None
    assert deployment.current_release.model == SCHNELL
    made = deployment.predictions.create(input={"prompt": "a duck", "aspect_ratio": "16:9"})
    made.wait()
    assert picture_of(fetch(made.output[0]))[0] == "WEBP"
    assert len(client.deployments.list().results) == 25


def test_outputs_are_links_or_data_as_the_header_asks(make_client) -> None:
    linked = make_client(**{"Gesso-Outputs": "links"}).predictions.create(SKETCH, SMALL, wait=True)
    assert picture_of(fetch(linked.output[0])) == ("PNG", (128, 64))
    client = make_client(**{"Gesso-Outputs": "data"})
    inline = client.models.predictions.create(model=SKETCH, input=SMALL)
    inline.wait()
    assert inline.output[0].startswith("data:image/png;base64,")
    [listed] = [one for one in client.predictions.list() if one.id == inline.id]
    assert listed.output[0].startswith("http:")
    with pytest.raises(ReplicateError, match="Gesso-Outputs must be data or links"):
        make_client(**{"Gesso-Outputs": "both"}).predictions.create(SKETCH, SMALL)


def test_a_canceled_prediction_has_no_output_and_says_so(make_client) -> None:
    client = make_client(**{"Gesso-Test-Fault": "slow:30"})
    made = client.models.predictions.create(model=SKETCH, input=SMALL)
    made.cancel()
    made.reload()
    assert (made.status, made.output, made.error) == ("canceled", None, None)
    assert made.completed_at is not None


def test_cancel_after_ends_a_job_that_takes_too_long(make_client) -> None:
    client = make_client(**{"Gesso-Test-Fault": "slow:30", "Cancel-After": "1s"})
    made = client.models.predictions.create(model=SKETCH, input=SMALL)
    made.wait()
    assert made.status == "canceled"
    quick = make_client(**{"Cancel-After": "1m"}).predictions.create(SKETCH, SMALL, wait=True)
    assert quick.status == "succeeded"
    with pytest.raises(ReplicateError, match="Cancel-After must be a time"):
        make_client(**{"Cancel-After": "soon"}).predictions.create(SKETCH, SMALL)


def test_a_stream_tells_logs_outputs_and_the_end(client: replicate.Client) -> None:
    made = client.models.predictions.create(model=SKETCH, input={**SMALL, "num_images": 2}, stream=True)
    told = [(one.event.value, one.data, one.id) for one in made.stream()]
    assert told[0][:2] == ("logs", "Using seed: 7")
    assert told[-1] == ("done", "{}", "done:0")
    links = [data for event, data, _ in told if event == "output"]
    assert [picture_of(fetch(link)) for link in links] == [("PNG", (128, 64))] * 2
    assert len({identifier for _, _, identifier in told}) == len(told)


async def test_a_stream_of_a_failed_prediction_raises_its_error(make_client) -> None:
    client = make_client(**{"Gesso-Test-Fault": "fail"})
    made = client.models.predictions.create(model=SKETCH, input=SMALL)
    with pytest.raises(RuntimeError):
        async for _ in made.async_stream():
            pass
    made.reload()
    assert made.status == "failed"
    await client._async_client.aclose()


def test_a_stream_taken_up_again_leaves_out_what_was_told(server: RunningServer, client: replicate.Client) -> None:
    made = client.predictions.create(SKETCH, SMALL, wait=True)
    assert made.urls is not None
    headers = {"Authorization": f"Token {server.test_key}", "Last-Event-ID": "logs:0"}
    answer = httpx.get(made.urls["stream"], headers=headers, trust_env=False)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "logs:0" not in answer.text
    assert "id: output:0" in answer.text
    assert answer.text.endswith("event: done\nid: done:0\ndata: {}\n\n")


# ── what is wrong ─────────────────────────────────────────────────────────────────────────────────────


def test_a_failed_prediction_raises_with_its_error(make_client) -> None:
    with pytest.raises(ModelError) as caught:
        make_client(**{"Gesso-Test-Fault": "fail"}).run(SKETCH, input=SMALL)
    assert caught.value.prediction.status == "failed"
    assert caught.value.prediction.error
    assert caught.value.prediction.output is None


def refusal(call: Any) -> dict[str, Any]:
    with pytest.raises(ReplicateError) as caught:
        call()
    return caught.value.to_dict()


def test_mistakes_are_told_in_the_vendors_form(make_client, server: RunningServer) -> None:
    client = make_client()
    bad = refusal(lambda: client.run(SKETCH, input={"prompt": "a duck", "steps": 1000, "width": "wide"}))
    assert (bad["status"], bad["title"]) == (422, "Input validation failed")
    assert "- input.steps: " in bad["detail"]
    assert "- input.width: " in bad["detail"]
    assert "- input.prompt: " in refusal(lambda: client.run(SKETCH, input={}))["detail"]
    unknown = refusal(lambda: client.run("gesso/no-such-model", input=SMALL))
    assert (unknown["status"], unknown["title"]) == (404, "Not Found")
    version = refusal(lambda: client.predictions.create(version="0" * 64, input=SMALL))
    assert (version["status"], version["title"]) == (422, "Invalid version or not permitted")
    wrong = refusal(lambda: client.predictions.create(version=f"{SKETCH}:{'0' * 64}", input=SMALL))
    assert wrong["status"] == 422
    key = refusal(lambda: make_client("gesso_test_" + "x" * 43).run(SKETCH, input=SMALL))
    assert (key["status"], key["title"]) == (401, "Unauthenticated")
    poor = open_account(server, "poor", credits=0)
    no_money = refusal(lambda: make_client(poor).run(SCHNELL, input={"prompt": "a duck"}))
    assert (no_money["status"], no_money["title"]) == (402, "Insufficient credit")
    missing = refusal(lambda: client.predictions.get("0" * 26))
    assert (missing["status"], missing["detail"]) == (404, "There is no such job.")
    refused = refusal(lambda: client.models.create("me", "mine", hardware="cpu", visibility="private"))
    assert (refused["status"], refused["title"]) == (403, "Forbidden")


def test_a_throttled_post_raises_at_once(make_client) -> None:
    throttled = refusal(lambda: make_client(**{"Gesso-Test-Fault": "rate_limited"}).run(SKETCH, input=SMALL))
    assert throttled["status"] == 429
    assert throttled["detail"].startswith("Request was throttled. Expected available in ")


def test_fields_the_model_does_not_know_are_ignored_and_the_log_says_so(client: replicate.Client) -> None:
    made = client.predictions.create(SKETCH, {**SMALL, "sparkle": 3}, wait=True)
    assert made.status == "succeeded"
    assert made.logs is not None
    assert "sparkle: ignored" in made.logs
    assert made.input == {**SMALL, "sparkle": 3}


def test_an_answer_that_is_lost_leaves_one_job_and_one_charge(server: RunningServer, make_client) -> None:
    with server.client(server.test_key) as native:

        def charges() -> list[dict[str, Any]]:
            entries = native.get("/v1/account/ledger", params={"limit": 100}).json()["entries"]
            return [entry for entry in entries if entry["kind"] == "charge"]

        before = len(charges())

        def wait_for_charge() -> None:
            deadline = time.monotonic() + 30
            while len(charges()) == before and time.monotonic() < deadline:
                time.sleep(0.01)

        with CuttingProxy(server.url, wait_for_charge) as proxy:
            client = make_client(url=proxy.url)
            with pytest.raises(httpx.RemoteProtocolError):  # this client never repeats a POST
                client.run(SCHNELL, input={"prompt": "a duck"})
        assert len(charges()) == before + 1


def test_a_post_sent_again_with_an_idempotency_key_is_the_same_prediction(make_client) -> None:
    client = make_client(**{"Idempotency-Key": "one-balloon"})
    first, again = (client.models.predictions.create(model=SKETCH, input=SMALL) for _ in range(2))
    assert again.id == first.id
    other = refusal(lambda: client.models.predictions.create(model=SKETCH, input={**SMALL, "seed": 8}))
    assert other["status"] == 422


# ── lists, models, files, account ─────────────────────────────────────────────────────────────────────


def test_a_long_list_is_walked_forwards_and_back(server: RunningServer, make_client) -> None:
    client = make_client(open_account(server, "many"), **{"Gesso-Test-Fault": "fail"})
    made = [client.models.predictions.create(model=SKETCH, input=SMALL).id for _ in range(102)]
    first, second = replicate.pagination.paginate(client.predictions.list)
    assert [one.id for one in (*first, *second)] == made[::-1]
    assert (len(first), first.previous, second.next) == (100, None, None)
    assert second.previous is not None
    assert [one.id for one in client.predictions.list(second.previous)] == [one.id for one in first]


def test_models_are_listed_found_and_described(client: replicate.Client) -> None:
    pages = list(replicate.pagination.paginate(client.models.list))
    names = [f"{model.owner}/{model.name}" for page in pages for model in page]
    assert len(names) == len(set(names)) >= 74
    assert {SKETCH, SCHNELL} <= set(names)
    assert pages[1].previous is not None
    assert len(client.models.list(pages[1].previous)) == 25
    found = client.models.search("flux schnell")
    assert f"{found[0].owner}/{found[0].name}" == SCHNELL
    assert client.models.search("no such thing anywhere").results == []
    model = client.models.get(SCHNELL)
    [version] = model.versions.list()
    schemas = model.versions.get(version.id).openapi_schema["components"]["schemas"]
    assert schemas["Input"]["properties"]["num_outputs"]["maximum"] == 4
    assert schemas["Input"]["required"] == ["prompt"]
    assert schemas["Output"]["type"] == "array"
    assert refusal(lambda: model.versions.get("1" * 64))["status"] == 404


def test_a_file_is_kept_shown_used_and_deleted(client: replicate.Client) -> None:
    kept = client.files.create(photograph(), filename="sea.png")
    assert (kept.name, kept.content_type, set(kept.checksums)) == ("sea.png", "image/png", {"sha256"})
    assert client.files.get(kept.id) == kept
    made = client.predictions.create(SKETCH, {"prompt": "a boat", "image": kept.urls["get"], "steps": 2}, wait=True)
    assert made.status == "succeeded"
    assert client.files.delete(kept.id)
    assert refusal(lambda: client.files.get(kept.id))["status"] == 404
    gone = refusal(lambda: client.predictions.create(SKETCH, {"prompt": "a boat", "image": kept.urls["get"]}))
    assert gone["status"] == 422
    text = refusal(lambda: client.files.create(io.BytesIO(b"no picture"), filename="a.txt"))
    assert text["status"] == 422


async def test_async_files_and_account(client: replicate.Client) -> None:
    kept = await client.files.async_create(photograph())
    assert kept.id in [one.id for one in await client.files.async_list()]
    assert await client.files.async_delete(kept.id)
    account = await client.accounts.async_current()
    assert (account.type, account.name) == ("organization", client.accounts.current().name)
    await client._async_client.aclose()
