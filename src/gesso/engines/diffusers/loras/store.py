"""The fetched LoRA files of an installation: named by their content, limited in bytes, the least recently used go first.

Files are `SHA256.safetensors`; beside them, `of/KEY.json` says which one a reference led to and when. Processes that
share the folder see each other's files, and each keeps a lock on those it uses, so that none is removed under another.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from gesso.engines.diffusers.lora import LoraReady

_ENDING = ".safetensors"
_PARTIAL_SECONDS = 24 * 3600  # what has not come in a day is of a process that died


class LoraStore:
    """A folder of LoRA files. Used by one thread, but for `tidy`, which may run beside it: locks keep it from what is
    held."""

    def __init__(self, folder: Path, most_bytes: int, now: Callable[[], float] = time.time) -> None:
        self._folder, self._most_bytes, self._now = folder, most_bytes, now
        self._used: Counter[str] = Counter()
        self._locks: dict[str, int] = {}

    def find(self, reference: str, fresh_seconds: float) -> LoraReady | None:
        """Return the file a reference led to not longer ago than that, marked as used now; None where there is none."""
        try:
            known = json.loads(self._note(reference).read_text())
            name, fetched = known["sha256"], float(known["fetched"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if not isinstance(name, str) or not -60 <= self._now() - fetched <= fresh_seconds:
            return None
        return self._touched(name)

    def partial(self) -> Path:
        """Return where the next file may be written: in the folder, under a name of its own. Old leftovers go."""
        for old in self._folder.glob("*.partial"):
            with contextlib.suppress(OSError):
                if self._now() - old.stat().st_mtime > _PARTIAL_SECONDS:
                    old.unlink()
        (self._folder / "of").mkdir(parents=True, exist_ok=True)
        return self._folder / f"{uuid4().hex}.partial"

    def drop(self, partial: Path) -> None:
        """Remove what was written but not taken in; nothing where it was."""
        partial.unlink(missing_ok=True)

    def add(self, partial: Path, name: str, reference: str) -> LoraReady:
        """Take a written and checked file in under its SHA-256, and note what led to it. It is held, as by `hold`."""
        ready = self._touched(name)
        if ready is not None and self.hold(ready):
            self.drop(partial)
        else:
            partial.replace(self._file(name))
            ready = self._touched(name)
            if ready is None or not self.hold(ready):
                raise FileNotFoundError(name)
        note = self._note(reference)
        written = note.with_suffix(f".{uuid4().hex}.partial")
        written.write_text(json.dumps({"sha256": name, "fetched": self._now()}))
        written.replace(note)
        return ready

    def hold(self, ready: LoraReady) -> bool:
        """Keep a file until it is let go as often as it was held; False where it is gone."""
        name = ready.sha256
        if name not in self._locks:
            try:
                lock = os.open(ready.path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                return False
            fcntl.flock(lock, fcntl.LOCK_SH)
            if not ready.path.exists():  # removed between opening and locking
                os.close(lock)
                return False
            self._locks[name] = lock
        self._used[name] += 1
        return True

    def let_go(self, ready: LoraReady) -> None:
        """Take back one `hold`."""
        self._used[ready.sha256] -= 1
        if self._used[ready.sha256] <= 0:
            del self._used[ready.sha256]
            os.close(self._locks.pop(ready.sha256))

    def tidy(self) -> None:
        """Remove files, the least recently used first, until the rest is no more than allowed; never one in use."""
        found = []
        for file in self._folder.glob(f"*{_ENDING}"):
            with contextlib.suppress(OSError):
                about = file.stat()
                found.append((about.st_mtime_ns, file.name, about.st_size, file))
        too_much = sum(size for _, _, size, _ in found) - self._most_bytes
        gone = set()
        for _, _, size, file in sorted(found):
            if too_much > 0 and _removed(file):
                too_much -= size
                gone.add(file.stem)
        for note in self._folder.glob("of/*.json") if gone else ():
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                if json.loads(note.read_text())["sha256"] in gone:
                    note.unlink()

    def _touched(self, name: str) -> LoraReady | None:
        file = self._file(name)
        try:
            os.utime(file, (self._now(), self._now()))
            return LoraReady(name, file, file.stat().st_size)
        except OSError:
            return None

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}{_ENDING}"

    def _note(self, reference: str) -> Path:
        return self._folder / "of" / f"{sha256(reference.encode()).hexdigest()}.json"


def _removed(file: Path) -> bool:
    """Remove a file that no process holds."""
    try:
        lock = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.unlink(missing_ok=True)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True
