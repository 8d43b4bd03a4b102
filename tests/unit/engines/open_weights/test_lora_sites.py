"""LoRAs by a hub id or a CivitAI number: which file of the site that leads to, and what a site may say instead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lora_bytes import lora
from lora_library import asked, library, refusal

from gesso.engines.diffusers.loras.settings import LoraSettings
from unit.outgoing.local_server import LocalServer, by_path, fixed, response, serving


def told(about: object) -> bytes:
    return response(json.dumps(about).encode(), content_type="application/json")


def siblings(*names: str) -> bytes:
    return told({"sha": "c0ffee", "siblings": [{"rfilename": name} for name in names]})


async def had(server: LocalServer, folder: Path, reference: str) -> bytes:
    async with library(folder, hub=server.url, civitai=server.url) as made:
        return (await made.ready(asked(reference))).path.read_bytes()


@pytest.mark.parametrize(
    "reference",
    ["o/n/a b.safetensors", "huggingface.co/o/n/a b.safetensors", "huggingface.co/o/n/blob/main/a b.safetensors"],
)
async def test_a_file_of_the_hub(reference: str, tmp_path: Path) -> None:
    if " " in reference and reference.startswith("huggingface"):
        reference = reference.replace(" ", "%20")
    async with serving(by_path({"/o/n/resolve/main/a%20b.safetensors": response(lora(7))})) as server:
        assert await had(server, tmp_path, reference) == lora(7)


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["README.md", "one.safetensors", "one.bin"], "one.safetensors"),
        (["a.safetensors", "pytorch_lora_weights.safetensors"], "pytorch_lora_weights.safetensors"),
        (["checkpoint-500/a.safetensors", "lora.safetensors", "z.safetensors"], "lora.safetensors"),
        (["checkpoint-500/a.safetensors", "z.safetensors"], "z.safetensors"),
        (["deep/only.safetensors"], "deep/only.safetensors"),
    ],
)
async def test_a_repository_without_a_file_is_looked_at(names: list[str], chosen: str, tmp_path: Path) -> None:
    answers = {"/api/models/o/n/revision/main": siblings(*names), f"/o/n/resolve/c0ffee/{chosen}": response(lora(8))}
    async with serving(by_path(answers)) as server:
        assert await had(server, tmp_path, "o/n") == lora(8)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (siblings("a.bin"), "no .safetensors"),
        (siblings("a.safetensors", "b.safetensors"), "name one of them: a.safetensors, b.safetensors"),
        (told([]), "cannot be read"),
        (response(b"<html>"), "cannot be read"),
        (told({"siblings": "x"}), "no .safetensors"),
        (response(b"", status=404), "status 404"),
        (response(b" " * (9 << 20)), "more than the allowed"),
    ],
)
async def test_a_repository_that_says_nothing_useful(answer: bytes, said: str, tmp_path: Path) -> None:
    async with serving(fixed(answer)) as server, library(tmp_path, hub=server.url) as made:
        assert said in await refusal(made, "o/n", tmp_path)


async def test_a_hostile_list_of_files_leads_nowhere_else(tmp_path: Path) -> None:
    about = told(
        {"sha": "../..", "siblings": [{"rfilename": name} for name in ("../../x.safetensors", "x?.safetensors")]}
    )
    async with serving(fixed(about)) as server, library(tmp_path, hub=server.url) as made:
        assert "no .safetensors" in await refusal(made, "o/n", tmp_path)
    assert server.paths == ["/api/models/o/n/revision/main"]


@pytest.mark.parametrize("reference", ["civitai:12@34", "civitai.com/models/12?modelVersionId=34", "civitai:12"])
async def test_a_number_of_civitai(reference: str, tmp_path: Path) -> None:
    answers = {
        "/api/v1/models/12": told({"type": "LORA", "modelVersions": [{"id": 34}, {"id": 33}]}),
        "/api/download/models/34?type=Model&format=SafeTensor": response(lora(9)),
    }
    async with serving(by_path(answers)) as server:
        assert await had(server, tmp_path, reference) == lora(9)


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"type": "Checkpoint", "modelVersions": [{"id": 34}]}, "no LoRA"),
        ({"type": "LORA", "modelVersions": []}, "no version"),
        ({"type": "LORA", "modelVersions": [5]}, "no version"),
        ({"type": "LORA", "modelVersions": [{"id": "../x"}]}, "no version"),
        ({"error": "not found"}, "no version"),
    ],
)
async def test_a_model_of_civitai_that_has_no_lora(about: object, said: str, tmp_path: Path) -> None:
    async with serving(fixed(told(about))) as server, library(tmp_path, civitai=server.url) as made:
        assert said in await refusal(made, "civitai:12", tmp_path)
    assert len(server.heads) == 1


async def test_the_real_sites_are_those_by_default(tmp_path: Path) -> None:
    settings = LoraSettings(tmp_path)
    assert (settings.hub, settings.civitai) == ("https://huggingface.co", "https://civitai.com")
    assert settings.sources == {"url"}
