"""Short ways to ask Eachlabs' API of a running server, as its skills and independent clients do."""

from __future__ import annotations

import io
import time
from typing import Any

import httpx
from PIL import Image

SECONDS = 60
MODEL = "z-image-turbo-text-to-image"  # takes small sizes; its owner asks half a cent a picture
SMALL: dict[str, Any] = {"prompt": "a red fox", "image_size": {"width": 128, "height": 64}, "num_inference_steps": 4}


def client_of(server, **headers: str) -> httpx.Client:
    return httpx.Client(base_url=f"{server.url}/eachlabs", headers=headers, timeout=SECONDS, trust_env=False)


def create(client: httpx.Client, given: dict[str, Any], model: str = MODEL, fault: str = "none", **rest: Any) -> str:
    body = {"model": model, "version": "0.0.1", "input": given, **rest}
    answer = client.post("/v1/prediction", json=body, headers={"Gesso-Test-Fault": fault})
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"status", "message", "predictionID"}
    return answer.json()["predictionID"]


def ended(client: httpx.Client, prediction: str) -> dict[str, Any]:
    """Poll as the vendor's skills do, until the status is one they stop at."""
    deadline = time.monotonic() + SECONDS
    while (found := client.get(f"/v1/prediction/{prediction}").json())["status"] in ("starting", "processing"):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
    return picture
