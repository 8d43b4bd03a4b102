"""Webhooks of Replicate's dialect as they arrive, proven with the client's own validator and secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import replicate
from replicate.exceptions import ReplicateError
from replicate.webhook import InvalidSignatureError, Webhooks, WebhookSigningSecret
from running_server import RunningServer, running_server
from webhook_receiver import Received, Receiver, webhook_receiver

pytestmark = pytest.mark.acceptance
SKETCH = "gesso/gesso-sketch"
SMALL = {"prompt": "a red balloon", "width": 64, "height": 64, "steps": 1, "seed": 7}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("hooks") / "data", outgoing_allow="127.0.0.1") as started:
        yield started


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as listening:
        yield listening


@pytest.fixture
def make_client(server: RunningServer):
    def make(**headers: str) -> replicate.Client:
        said = {"Authorization": f"Bearer {server.test_key}", **headers}
        client = replicate.Client(api_token=server.test_key, base_url=f"{server.url}/replicate", headers=said)
        made.append(client)
        return client

    made: list[replicate.Client] = []
    yield make
    for client in made:
        client._client.close()


def checked(received: Received, secret: WebhookSigningSecret) -> dict[str, Any]:
    """Return what was said, once the client's validator took it as it came and not a letter changed."""
    body, headers = received.body.decode(), dict(received.headers)
    assert Webhooks.validate(headers=headers, body=body, secret=secret, tolerance=60) is None
    with pytest.raises(InvalidSignatureError):
        Webhooks.validate(headers=headers, body=body.replace("balloon", "baloon"), secret=secret)
    return json.loads(body)


def test_the_end_is_told_with_the_prediction_as_it_is(make_client, receiver: Receiver) -> None:
    client = make_client()
    made = client.predictions.create(SKETCH, SMALL, webhook=receiver.url, webhook_events_filter=["completed"])
    said = checked(receiver.next(), client.webhooks.default.secret())
    shown = client._client.get(f"/v1/predictions/{made.id}").json()
    assert (said["id"], said["status"]) == (made.id, "succeeded")
    assert said == shown
    assert httpx.get(said["output"][0], trust_env=False).status_code == 200


def test_start_and_failure_are_told_and_output_is_not(make_client, receiver: Receiver) -> None:
    client = make_client(**{"Gesso-Test-Fault": "fail"})
    made = client.predictions.create(
        SKETCH, SMALL, webhook=receiver.url, webhook_events_filter=["start", "output", "logs"]
    )
    secret = client.webhooks.default.secret()
    told = [checked(receiver.next(), secret) for _ in range(2)]
    assert {one["id"] for one in told} == {made.id}
    by_status = {one["status"]: one for one in told}
    assert set(by_status) == {"processing", "failed"}
    assert by_status["failed"]["error"]
    assert by_status["processing"]["completed_at"] is None


async def test_the_secret_is_the_same_each_time(make_client) -> None:
    client = make_client()
    assert await client.webhooks.default.async_secret() == client.webhooks.default.secret()
    await client._async_client.aclose()


def test_a_target_nobody_may_reach_is_refused_by_name(make_client) -> None:
    with pytest.raises(ReplicateError, match=r"- webhook[^\n]*: "):
        make_client().predictions.create(SKETCH, SMALL, webhook="http://192.168.0.1/hook")
