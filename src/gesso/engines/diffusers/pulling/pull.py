"""Bring a target's weights here: looked at first, then fetched, several files at once, and marked when all is there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock
from typing import Final

from gesso.domain.errors import OperatorError
from gesso.engines.diffusers.checkpoint import Quantisation
from gesso.engines.diffusers.places import MARKER, folder_of
from gesso.engines.diffusers.pulling.marker import Mark, read_mark
from gesso.engines.diffusers.pulling.wanted import INDEX, wanted
from gesso.outgoing.hub import PART, Hub, RemoteFile, Repository

AT_ONCE: Final = 4  # files
SPARE_BYTES: Final = 1 << 30  # left free on the disk


@dataclass(frozen=True)
class Pull:
    """What would be brought here: the files that are loaded (`files`), and those of them that are missing."""

    repository: Repository
    folder: Path
    files: tuple[RemoteFile, ...]
    missing: tuple[RemoteFile, ...]

    @property
    def bytes(self) -> int:
        """Return how large all of it is."""
        return sum(file.bytes for file in self.files)

    @property
    def missing_bytes(self) -> int:
        """Return how much is still to come; what an earlier download left counts as here."""
        return sum(file.bytes - self._begun(file) for file in self.missing)

    @property
    def free_bytes(self) -> int:
        """Return how much room the disk has where it is put."""
        return shutil.disk_usage(next(one for one in (self.folder, *self.folder.parents) if one.exists())).free

    @property
    def fits(self) -> bool:
        """Tell whether the disk has room for what is missing."""
        return not self.missing or self.missing_bytes + SPARE_BYTES <= self.free_bytes

    def _begun(self, file: RemoteFile) -> int:
        part = (self.folder / file.path).with_name(Path(file.path).name + PART)
        return min(part.stat().st_size, file.bytes) if part.exists() else 0


def look(hub: Hub, target: str, weights: Path, use: str = "") -> Pull:
    """Return what bringing a target into the folder `weights` would do. Raises `OperatorError`."""
    name, _, file = _parted(target)
    repository = hub.repository(name)
    if file:
        files = tuple(one for one in repository.files if one.path == file)
        if not files:
            raise OperatorError(f"{name} has no file {file}.")
    else:
        index = next((one for one in repository.files if one.path == INDEX), None)
        said = None if index is None else hub.read(repository, index)
        try:
            files = wanted(repository.files, said, use)
        except OperatorError as error:
            raise OperatorError(f"{name} cannot be used. {error.message}") from error
    folder = folder_of(weights, name)
    mark = read_mark(folder)
    same = mark is None or mark.commit == repository.commit
    missing = tuple(one for one in files if not (same and _is_here(folder / one.path, one)))
    return Pull(repository, folder, files, missing)


def carry_out(hub: Hub, pull: Pull, told: Callable[[int, int], None], quantisation: Quantisation | None = None) -> Mark:
    """Fetch what is missing and mark the folder; `told` hears how many bytes of how many are here.

    `quantisation` None leaves it as an earlier pull said. Raises `OperatorError`; what came so far is kept.
    """
    if not pull.fits:
        raise OperatorError(
            f"{pull.repository.name} needs {_gigabytes(pull.missing_bytes + SPARE_BYTES)} GB more, and the disk has "
            f"{_gigabytes(pull.free_bytes)} GB free: make room, or set GESSO_DIFFUSERS_FOLDER to a larger disk."
        )
    before = read_mark(pull.folder)
    pull.folder.mkdir(parents=True, exist_ok=True)
    if pull.missing:
        (pull.folder / MARKER).unlink(missing_ok=True)
        _fetch(hub, pull, told)
    kept = before.files if before is not None and before.commit == pull.repository.commit else {}
    mark = Mark(
        target=pull.repository.name,
        commit=pull.repository.commit,
        files={**kept, **{file.path: file.bytes for file in pull.files}},
        licence=pull.repository.licence,
        gated=pull.repository.gated,
        quantisation=quantisation or (before.quantisation if before else "none"),
    )
    mark.write(pull.folder)
    return mark


def _fetch(hub: Hub, pull: Pull, told: Callable[[int, int], None]) -> None:
    lock, stop = Lock(), Event()
    here, total = pull.bytes - sum(file.bytes for file in pull.missing), pull.bytes

    def came(count: int) -> None:
        nonlocal here
        with lock:
            here += count
            told(here, total)

    def one(file: RemoteFile) -> None:
        if not stop.is_set():
            hub.fetch(pull.repository, file, pull.folder / file.path, came, lambda: not stop.is_set())

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="pull") as threads:
        running = [threads.submit(one, file) for file in pull.missing]
        try:
            for each in running:
                each.result()
        except BaseException:
            stop.set()
            raise


def _parted(target: str) -> tuple[str, str, str]:
    """Return the repository's name and the one file of it that is meant, "" for what is usual."""
    owner, slash, rest = target.partition("/")
    name, _, file = rest.partition("/")
    if not slash or not name:
        raise OperatorError(f"{target} is no repository of a hub: those are called owner/name.")
    return f"{owner}/{name}", "/", file


def _is_here(place: Path, file: RemoteFile) -> bool:
    return place.is_file() and place.stat().st_size == file.bytes


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f}"
