"""Whether weights fit a machine: by what is known of their size, on devices of every size."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gesso.catalogue.load import load_catalogue
from gesso.engines.diffusers import machine
from gesso.engines.diffusers.fits import fit
from gesso.engines.diffusers.machine import Card, cards_of, device_bytes, host_bytes

GB = 10**9
FLUX2 = "black-forest-labs/FLUX.2-dev"
WAYS = ("none", "model", "group", None)


@pytest.mark.parametrize(
    ("device", "of_device", "host", "way"),
    [
        ("cuda:0", 141 * GB, 64 * GB, "none"),
        ("cuda:0", 80 * GB, 256 * GB, "model"),
        ("cuda:0", 24 * GB, 256 * GB, "group"),
        ("cuda:0", 80 * GB, 128 * GB, None),  # 112 GB would wait where 64 are meant for it
        ("cpu", None, 512 * GB, None),
    ],
)
def test_flux_2_takes_a_large_machine(device: str, of_device: int | None, host: int, way: str | None) -> None:
    found = fit(FLUX2, device, of_device if device != "cpu" else host, host)
    assert found is not None
    if device == "cpu":
        assert found.fits, "224 GB of 512"
        return
    assert found.offload == way
    assert ("do not fit" in found.words) == (way is None)
    assert (f"GESSO_DIFFUSERS_OFFLOAD_OF={FLUX2}={way}" in found.words) == (way in ("model", "group"))


@given(st.integers(1, 400), st.integers(1, 800), st.integers(0, 400))
def test_a_larger_machine_never_fits_worse(device: int, host: int, more: int) -> None:
    small = fit(FLUX2, "cuda:0", device * GB, host * GB)
    large = fit(FLUX2, "cuda:0", (device + more) * GB, (host + more) * GB)
    assert small is not None
    assert large is not None
    assert WAYS.index(large.offload) <= WAYS.index(small.offload)


@pytest.mark.parametrize(
    ("device", "budget", "host_budget", "way"),
    [
        ("cpu", None, None, None),
        ("cpu", 240 * GB, None, "none"),
        ("cuda:0", None, None, None),
        ("cuda:0", None, 120 * GB, "model"),
        ("cuda:0", 20 * GB, 120 * GB, "group"),
    ],
)
def test_what_the_operator_gives_to_weights_counts(
    device: str, budget: int | None, host_budget: int | None, way: str | None
) -> None:
    of_device = (128 if device == "cpu" else 80) * GB
    found = fit(FLUX2, device, of_device, 128 * GB, budget=budget, host_budget=host_budget)
    assert found is not None
    assert found.offload == way


def test_nothing_is_guessed() -> None:
    assert fit("somebody/else", "cuda:0", 24 * GB, 64 * GB) is None
    unknown = fit(FLUX2, "cuda:0", None, 64 * GB)
    assert unknown is not None
    assert "could not be told" in unknown.words


def test_every_repository_of_the_catalogue_has_a_size() -> None:
    targets = {
        route.target
        for model in load_catalogue().models
        for route in model.routes
        if route.engine == "diffusers" and not route.target.startswith("friendli/")  # the operator's own
    }
    assert [target for target in sorted(targets) if fit(target, "cuda:0", 1 << 40, 1 << 40) is None] == []


def test_cards_are_read_from_what_the_driver_tells() -> None:
    told = "NVIDIA H100 80GB HBM3, 81559, 550.54.15\nTesla, the old one, 16160, 550.54.15\nNo devices were found\n"
    assert cards_of(told) == (
        Card("NVIDIA H100 80GB HBM3", 81559 << 20, "550.54.15"),
        Card("Tesla, the old one", 16160 << 20, "550.54.15"),
    )


@pytest.mark.parametrize(
    "error", [FileNotFoundError(), subprocess.TimeoutExpired("x", 1), subprocess.CalledProcessError(9, "x")]
)
def test_without_a_driver_there_are_no_cards(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    machine.cards.cache_clear()
    monkeypatch.setattr(subprocess, "run", fails)
    assert machine.cards() == ()
    assert device_bytes("cuda:0") is None
    machine.cards.cache_clear()


def test_main_memory_is_what_the_container_may_use(tmp_path: Path) -> None:
    whole = host_bytes(tmp_path / "none")
    assert whole > 1 << 28
    (tmp_path / "limit").write_text("1000000\n")
    assert host_bytes(tmp_path / "limit") == 1_000_000
    (tmp_path / "limit").write_text("max\n")
    assert host_bytes(tmp_path / "limit") == whole
    assert device_bytes("cpu") == host_bytes()
