"""Where weights lie, and which devices there are."""

from __future__ import annotations

import pytest

from gesso.engines.diffusers import devices
from gesso.engines.diffusers.places import Place, Places, folder_of


def test_an_operators_own_place_goes_before_what_was_pulled(tmp_path):
    pulled = folder_of(tmp_path, "owner/name")
    pulled.mkdir()
    (pulled / "model_index.json").write_text("{}")
    (pulled / "gesso.json").write_text("{}")
    file = tmp_path / "own.safetensors"
    file.write_bytes(b"")
    assert pulled.name == "owner--name"
    assert Places(tmp_path, {}).find("owner/name") == Place(pulled, "folder")
    assert Places(tmp_path, {"owner/name": file}).find("owner/name") == Place(file, "single_file")
    assert Places(tmp_path, {"owner/name": tmp_path / "gone"}).find("owner/name") is None


def test_a_folder_of_one_file_is_that_file_and_a_part_is_a_folder(tmp_path):
    alone, part = tmp_path / "alone", tmp_path / "part"
    for folder in (alone, part):
        folder.mkdir()
        (folder / "weights.safetensors").write_bytes(b"")
    (part / "config.json").write_text("{}")
    places = Places(tmp_path / "weights", {"a/alone": alone, "a/part": part})
    assert places.find("a/alone") == Place(alone / "weights.safetensors", "single_file")
    assert places.find("a/part") == Place(part, "folder")
    assert places.all() == ("a/alone", "a/part")


@pytest.mark.parametrize(
    ("there", "visible", "found"),
    [
        (0, None, ("cpu",)),
        (2, None, ("cuda:0", "cuda:1")),
        (4, "3", ("cuda:0",)),
        (4, "0,2,-1,3", ("cuda:0", "cuda:1")),
        (2, "", ("cpu",)),
        (2, "-1", ("cpu",)),
        (0, "0", ("cpu",)),
    ],
)
def test_devices_are_those_that_may_be_seen(tmp_path, monkeypatch, there, visible, found):
    monkeypatch.setattr(devices, "_torch", lambda: "2.13.0")
    monkeypatch.setattr(devices.sys, "platform", "linux")
    for name in (*(f"nvidia{number}" for number in range(there)), "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert devices.devices_here(environment, tmp_path) == found


def test_a_torch_without_cuda_computes_on_the_processor(tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "_torch", lambda: "2.13.0+cpu")
    monkeypatch.setattr(devices.sys, "platform", "linux")
    (tmp_path / "nvidia0").touch()
    assert devices.devices_here({}, tmp_path) == ("cpu",)
