"""What `gesso doctor` says of open weights: the extra, the devices, their memory, and what is missing of each."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from gesso.engines.diffusers.engine import DiffusersEngine

State = Literal["ok", "missing", "broken"]
Said = tuple[State, str, str]  # of a finding: its state, what it is about, the detail
LIBRARIES = ("torch", "diffusers", "transformers")


def weights_findings(engine: DiffusersEngine) -> Iterator[Said]:
    """Yield what is there for open weights to run with. Loads none of it."""
    from gesso.engines.diffusers.machine import cards, device_bytes, host_bytes

    torch = _version("torch")
    if engine.installed:
        yield "ok", "open weights", ", ".join(f"{name} {_version(name)}" for name in LIBRARIES)
    else:
        yield "missing", "open weights", "to run them: pip install 'gesso[diffusers]'"
    here = cards()
    for number, card in enumerate(here):
        detail = f"{card.name}, {_gigabytes(card.bytes)} GB, driver {card.driver}"
        unused = torch.endswith("+cpu")
        if unused:
            detail += "; not used: this torch is built for processors alone, install one with CUDA"
        yield "missing" if unused else "ok", f"device cuda:{number}", detail
    for name in engine.device_names:
        known = device_bytes(name)
        if name.startswith("cuda") and known is None:
            yield "missing", f"device {name}", "nvidia-smi does not know it: is the driver installed?"
        elif name == "cpu":
            words = "open weights run on the processor, which takes minutes a picture with the large ones"
            yield "ok", "device cpu", f"{words}; {_gigabytes(host_bytes())} GB of main memory"
    for target in engine.targets:
        yield "ok", f"weights {target}", "are here"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.0f}"
