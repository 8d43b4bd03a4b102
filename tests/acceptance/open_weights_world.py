"""A server with tiny weights for every route to open weights, inputs for its models, and what must come of them."""

from __future__ import annotations

import io
import json
import os
import random
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from few_pixels import smaller
from PIL import Image
from sqlalchemy import Connection
from valid_inputs import least, picture, value_for

from gesso.accounts.keys import create_account, create_key
from gesso.catalogue.canonical import format_of
from gesso.catalogue.check import check
from gesso.catalogue.load import load_catalogue
from gesso.catalogue.model import Model, Parameter, Route
from gesso.catalogue.sizes import parse_sides
from gesso.domain.clock import now_microseconds
from gesso.domain.credits import MICRO
from gesso.installation import open_database
from gesso.settings import Settings

SERVER = Path(__file__).parent / "weights_server.py"
SECONDS = 100
CREDITS = 1_000_000
MODELS = [smaller(one) for one in load_catalogue().models if any(route.pipeline for route in one.routes)]
UNPUBLISHED = "photomaker"  # its package is in no registry: its route is not ready
HERE = [one for one in MODELS if one.slug != UNPUBLISHED]
# Which LoRAs fit a model: those of its weights' family.
LORAS = {
    "black-forest-labs/FLUX.1-dev": "flux1",
    "black-forest-labs/FLUX.1-Kontext-dev": "kontext",
    "black-forest-labs/FLUX.2-dev": "flux2",
    "Tongyi-MAI/Z-Image-Turbo": "z-image",
    "stabilityai/stable-diffusion-xl-base-1.0": "sdxl",
}
WORDS = ("a red fox in the snow", "two women drinking coffee in a small kitchen", "a lighthouse at night")


def weights_of(model: Model) -> Route:
    """Return the first of a model's routes to open weights."""
    return next(route for route in model.routes if route.pipeline)


def paint(client: httpx.Client, model: Model, given: dict[str, Any]) -> None:
    """Have it painted by open weights, and hold what comes against what was asked: how many, how large, which format."""
    answer = client.post("/v1/jobs", json={"model": model.slug, "input": given}, headers={"Prefer": "wait=90"})
    assert answer.status_code == 200, answer.text
    job = answer.json()
    assert job["state"] == "succeeded", (given, job["error"])
    assert job["route"]["engine"] == "diffusers"
    assert [one["parameter"] for one in job["parameters"]] == [one.name for one in model.parameters]
    checked = check(model, given)
    wanted, count, pictures = format_of(model, checked.values), model.with_role("count"), job["pictures"]
    assert len(pictures) == (1 if count is None else int(checked.values[count.name]))
    assert [one["seed"] for one in pictures] == [(pictures[0]["seed"] + i) % 2**32 for i in range(len(pictures))]
    sizes = {(one["width"], one["height"]) for one in pictures}
    for one in pictures:
        with Image.open(io.BytesIO(client.get(one["url"]).content)) as opened:
            opened.load()
        assert opened.format is not None
        assert opened.format.lower() == wanted
        assert opened.size == (one["width"], one["height"])
    for one in job["parameters"]:
        if isinstance(one["used"], str) and (said := parse_sides(one["used"])) is not None and not varied(given):
            assert sizes == {said}, one


def varied(given: Mapping[str, Any]) -> bool:
    """Tell whether a picture is varied or enlarged, which says how large it comes out."""
    return "uov_input_image" in given and given.get("uov_method", "Disabled") != "Disabled"


def settings_of(places: Mapping[str, Path], loras: Mapping[str, Path]) -> dict[str, str]:
    """Return the settings of a server with these weights."""
    return {
        "diffusers_checkpoints": ",".join(f"{target}={place}" for target, place in places.items()),
        "diffusers_loras": ",".join(f"{name}={place}" for name, place in loras.items()),
        "diffusers_devices": "cpu",
        "diffusers_threads": "1",
        "allow_fidelity": "stand_in",
    }


def short(model: Model, given: dict[str, Any]) -> dict[str, Any]:
    """Return an input that takes few steps and one picture, where it says nothing else."""
    found = dict(given)
    for one in model.parameters:
        if one.role == "steps":
            found.setdefault(one.name, int(max(one.minimum or 0, 2)))
        if one.role == "prior_steps":
            found.setdefault(one.name, 2)
        if one.role == "count" and (one.default or 1) > 1:
            found.setdefault(one.name, 1)
        if one.role in ("width", "height"):
            found.setdefault(one.name, 64)
        if one.name == "performance_selection":
            found.setdefault(one.name, "Extreme Speed")
        if one.name == "generation_mode":
            found.setdefault(one.name, "fast")
    return found


def drawn(model: Model, dice: random.Random) -> dict[str, Any]:
    """Return an input with whatever of the model's parameters the dice say, in few pixels and steps."""
    given = least(model) | {one.name: fitting(model, one, dice) for one in model.parameters if dice.random() < 0.5}
    image, mask = model.with_role("image"), model.with_role("mask")
    if image is not None and mask is not None and mask.name in given:
        given.setdefault(image.name, picture())
    return given


def fitting(model: Model, one: Parameter, dice: random.Random) -> Any:
    """Return a value a parameter takes, with few steps, few pictures, small sizes, and LoRAs that are there."""
    lora = f"{LORAS.get(weights_of(model).target, 'none')}-{dice.choice((1, 2))}"
    match one.role:
        case "prompt":
            return dice.choice(WORDS)
        case "steps" | "prior_steps":
            return dice.randint(int(max(one.minimum or 0, 1)), int(max(one.minimum or 0, 1)) + 2)
        case "count":
            return dice.choice([number for number in one.enum if number < 5] if one.enum else (1, 2))  # type: ignore[operator]
        case "width" | "height":
            return dice.choice((64, 128))
        case "loras" if one.type == "array":
            return [{"path": lora, "scale": dice.choice((0.5, 1.0))}]
        case "prompt_expansion":
            return False  # FLUX.2 writes at length: its word is tried where parameters are
        case "loras" | "lora_weights":
            return lora
    if one.also_size is not None and dice.random() < 0.3:
        return {"width": 80, "height": 112}
    if one.name.startswith("outpaint_distance"):
        return dice.choice((0, 16))
    if one.name == "outpaint_selections":
        return dice.choice(("Left", "Top,Right"))
    if one.name == "style_selections":
        return dice.choice(("Fooocus Enhance", "Fooocus V2,Fooocus Sharp"))
    if one.name == "uov_upscale_value":
        return 1.5
    return value_for(one, dice)


@contextmanager
def painting(folder: Path) -> Iterator[httpx.Client]:
    """Write the weights and run the server; yield a client of it. Skips where the extra is not installed."""
    pytest.importorskip("diffusers", reason="needs the extra diffusers")
    from tiny_checkpoints.places import save_every, save_loras

    places = save_every(folder)
    with weights_server(folder / "data", **settings_of(places, save_loras(folder, places))) as client:
        yield client


@contextmanager
def weights_server(folder: Path, **settings: str) -> Iterator[httpx.Client]:
    """Run a server with these settings; yield a client with a live key of it."""
    folder.mkdir(parents=True)
    database = open_database(Settings(data_dir=folder, database_url=None))
    secret = database.write_blocking(make_key)
    database.close()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GESSO_")}
    environment |= {f"GESSO_{name.upper()}": value for name, value in settings.items()}
    environment |= {"GESSO_DATA_DIR": str(folder), "GESSO_GRACE_SECONDS": "0", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SERVER)]
    log_path = folder.with_suffix(".log")
    with (
        log_path.open("wb") as log,
        subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], SECONDS)[0], log_path.read_text()
            url = json.loads(process.stdout.readline())["url"]
            headers = {"Authorization": f"Bearer {secret}"}
            with httpx.Client(base_url=url, headers=headers, timeout=SECONDS, trust_env=False) as client:
                yield client
            process.send_signal(signal.SIGTERM)
            assert process.wait(SECONDS) == 0, log_path.read_text()
        finally:
            process.kill()
    assert "Traceback" not in log_path.read_text()


def make_key(connection: Connection) -> str:
    """Return the secret of a live key."""
    now = now_microseconds()
    return create_key(connection, create_account(connection, "painter", now, CREDITS * MICRO), "live", "a key", now)[1]
