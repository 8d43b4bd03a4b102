"""Whether weights fit this machine, and how: by estimate, before any of them is here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

from gesso.engines.diffusers.checkpoint import Offload

DEVICE_SHARE: Final = 0.9  # of a device's memory is for weights
HOST_SHARE: Final = 0.5  # of main memory
A_LAYER: Final = 1 / 16  # of the largest part, as in `needs.py`
_WAYS: Final[tuple[Offload, ...]] = ("none", "model", "group")


@dataclass(frozen=True)
class Fit:
    """Whether weights fit, in which way first (None: in none), and that in a sentence."""

    offload: Offload | None
    words: str

    @property
    def fits(self) -> bool:
        return self.offload is not None


def fit(
    target: str,
    device: str,
    device_bytes: int | None,
    host_bytes: int,
    *,
    budget: int | None = None,
    host_budget: int | None = None,
) -> Fit | None:
    """Return how a target's weights would fit a device; None where nobody knows how large they are.

    The budgets are what the operator gives to weights, of the device and of main memory for those that wait there;
    None: the usual shares.
    """
    size = _sizes().get(target)
    if size is None:
        return None
    numbers = 4 if device == "cpu" else 2  # bytes: float32, bfloat16
    whole, largest = (float(size[word]) * 1e9 * numbers for word in ("all", "largest"))
    weights = f"about {_gigabytes(whole)} GB of weights"
    if device_bytes is None and budget is None:
        return Fit("none", f"{weights}; how much memory {device} has could not be told")
    if device == "cpu":
        room = budget or host_bytes * HOST_SHARE
        words = f"{weights} as computed on the processor, for which {_gigabytes(room)} GB of main memory are meant"
        return Fit("none" if whole <= room else None, words if whole <= room else f"{words}: they do not fit")
    room, waiting = budget or (device_bytes or 0) * DEVICE_SHARE, host_budget or host_bytes * HOST_SHARE
    takes = {"none": whole, "model": largest, "group": largest * A_LAYER}
    for way in _WAYS:
        if takes[way] <= room and (way == "none" or whole <= waiting):
            if way == "none":
                return Fit(way, f"{weights} fit {device} ({_gigabytes(room)} GB of it are for weights)")
            setting = f"GESSO_DIFFUSERS_OFFLOAD_OF={target}={way}"
            return Fit(way, f"{weights} fit {device} part by part, waiting in main memory: {setting}")
    rooms = f"{_gigabytes(room)} GB of {device} and {_gigabytes(waiting)} GB of main memory are for weights"
    return Fit(None, f"{weights} do not fit: {rooms}")


@cache
def _sizes() -> Mapping[str, Mapping[str, Any]]:
    text = files("gesso.engines.diffusers").joinpath("sizes.yaml").read_text()
    found: Mapping[str, Mapping[str, Any]] = yaml.safe_load(text)
    return found


def _gigabytes(count: float) -> str:
    return f"{count / 1e9:.0f}" if count >= 1e10 else f"{count / 1e9:.1f}"
