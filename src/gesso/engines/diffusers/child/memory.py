"""How much memory there is, and how what is no longer used is really given back. A fake counts instead."""

from __future__ import annotations

import ctypes
import errno
import gc
import traceback
from pathlib import Path
from typing import Final, Protocol

import psutil
import torch

_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")  # of the container
_FULL: Final = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory")


class Memory(Protocol):
    """The memory that weights lie in, of one device."""

    def device_bytes(self) -> int:
        """Return how much memory the device has."""
        ...

    def host_bytes(self) -> int:
        """Return how much main memory this process may use."""
        ...

    def free_bytes(self) -> int:
        """Return how much of the device's could be taken now."""
        ...

    def give_back(self) -> None:
        """Return what nothing uses any more to the system."""
        ...


class TorchMemory:
    """The memory of a device as torch uses it; the CPU's is main memory."""

    def __init__(self, device: str) -> None:
        self._device = torch.device(device)

    def device_bytes(self) -> int:
        if self._device.type == "cuda":
            return int(torch.cuda.get_device_properties(self._device).total_memory)
        if self._device.type == "mps":
            return int(torch.mps.recommended_max_memory())
        return self.host_bytes()

    def host_bytes(self) -> int:
        limit = _LIMIT.read_text().strip() if _LIMIT.is_file() else "max"
        there = int(psutil.virtual_memory().total)
        return min(there, int(limit)) if limit.isdigit() else there

    def free_bytes(self) -> int:
        if self._device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self._device)
            kept = torch.cuda.memory_reserved(self._device) - torch.cuda.memory_allocated(self._device)
            return int(free + kept)
        return int(psutil.virtual_memory().available)

    def give_back(self) -> None:
        gc.collect()
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
            torch.cuda.empty_cache()
            torch.cuda.ipc_collect()
        elif self._device.type == "mps":
            torch.mps.empty_cache()
        _trim()


class CountingMemory:
    """A fake: has as much as it was told, says how much of it is free, counts what is given back."""

    def __init__(self, device: int, host: int = 0) -> None:
        self.device, self.host, self.free = device, host, device
        self.given_back = 0

    def device_bytes(self) -> int:
        return self.device

    def host_bytes(self) -> int:
        return self.host

    def free_bytes(self) -> int:
        return self.free

    def give_back(self) -> None:
        gc.collect()
        self.given_back += 1


def ran_out(error: BaseException) -> bool:
    """Tell whether an error means that memory was not enough, of the device or of the machine."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(said in str(error).lower() for said in _FULL)


def forget_frames(error: BaseException) -> None:
    """Have an error's traceback hold no variables: what was half made goes when it is handled, not when it is gone."""
    at: BaseException | None = error
    while at is not None:
        traceback.clear_frames(at.__traceback__)
        at = at.__cause__ or at.__context__


def _trim() -> None:
    """Have the C library return free pages: it keeps them otherwise, and the process stays as large as it ever was."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; others have none
    if trim is not None:
        trim(0)
