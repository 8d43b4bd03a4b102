"""A hub of weights: what a repository holds and under which terms, and its files, resumed where a download broke off."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import quote

import httpx

from gesso.domain.errors import OperatorError

HUB: Final = "https://huggingface.co"
PART: Final = ".part"  # ends the name of a file that is not all there yet
TRIES: Final = 5  # in a row without a byte more
_BLOCK: Final = 1 << 20
_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class RemoteFile:
    """A file of a repository: its path there, bytes, and what its content hashes to.

    `sha256` is that of the content, for large files; `git` that of the blob as git counts it, for small ones.
    """

    path: str
    bytes: int
    sha256: str = ""
    git: str = ""


@dataclass(frozen=True)
class Repository:
    """A repository as it was at one commit, and the terms its owner sets. `gated`: one has to be let in first."""

    name: str
    commit: str
    files: tuple[RemoteFile, ...]
    licence: str = ""
    gated: bool = False


class Stopping(Exception):
    """The download was told to stop."""


class Hub:
    """A client of one hub. `token` is the operator's own there, sent to the hub alone. Close it when done."""

    def __init__(
        self, address: str = HUB, token: str | None = None, *, wait: Callable[[float], None] = time.sleep
    ) -> None:
        self.address = address.rstrip("/")
        headers = {"User-Agent": "gesso", "Accept-Encoding": "identity"}
        if token:
            headers["Authorization"] = f"Bearer {token}"  # httpx leaves it out where a redirect leads elsewhere
        self._client = httpx.Client(headers=headers, timeout=httpx.Timeout(60, connect=20), follow_redirects=True)
        self._has_token, self._wait = bool(token), wait

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def repository(self, name: str) -> Repository:
        """Return what a repository holds now. Raises `OperatorError` where it is not there or cannot be seen."""
        url = f"{self.address}/api/models/{quote(name)}"
        with self._trouble(name):
            answer = self._client.get(url, params={"blobs": "true"})
            answer.raise_for_status()
            return _repository(name, answer.json())

    def read(self, repository: Repository, file: RemoteFile) -> bytes:
        """Return a small file's content."""
        with self._trouble(repository.name):
            answer = self._client.get(self._link(repository, file))
            answer.raise_for_status()
            return answer.content

    def fetch(
        self,
        repository: Repository,
        file: RemoteFile,
        place: Path,
        told: Callable[[int], None],
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Write a file to `place`, from where an earlier download of it broke off; `told` hears of bytes as they come.

        The file appears under its name once it is whole and its hash is right. Raises `OperatorError`, or `Stopping`
        when `wanted` says no; what came so far is kept then.
        """
        part = place.with_name(place.name + PART)
        place.parent.mkdir(parents=True, exist_ok=True)
        if part.exists() and part.stat().st_size > file.bytes:
            part.unlink()
        told(part.stat().st_size if part.exists() else 0)
        tries = 0
        while (had := part.stat().st_size if part.exists() else 0) < file.bytes or not part.exists():
            with self._trouble(repository.name):
                try:
                    self._more(self._link(repository, file), file, part, told, wanted)
                except (httpx.TransportError, httpx.HTTPStatusError) as error:
                    tries = tries + 1 if part.exists() and part.stat().st_size <= had else 0
                    if tries >= TRIES or not _may_pass(error):
                        raise
                    self._wait(2.0**tries)
        if not _is(file, part):
            part.unlink()
            raise OperatorError(
                f"{file.path} of {repository.name} came damaged and was thrown away; start the command again."
            )
        part.replace(place)

    def _more(
        self, url: str, file: RemoteFile, part: Path, told: Callable[[int], None], wanted: Callable[[], bool]
    ) -> None:
        """Add what is missing to a part."""
        with part.open("ab") as stream:
            had = stream.tell()
            with self._client.stream("GET", url, headers={"Range": f"bytes={had}-"} if had else {}) as answer:
                answer.raise_for_status()
                if had and answer.status_code != httpx.codes.PARTIAL_CONTENT:
                    stream.truncate(0)  # it sends all of it again
                    told(-had)
                    had = 0
                for block in answer.iter_raw():
                    if not wanted():
                        raise Stopping
                    if had + len(block) > file.bytes:
                        raise OperatorError(f"{file.path} is larger than the hub said. Nothing more was read.")
                    stream.write(block)
                    had += len(block)
                    told(len(block))

    def _link(self, repository: Repository, file: RemoteFile) -> str:
        return f"{self.address}/{quote(repository.name)}/resolve/{repository.commit}/{quote(file.path)}"

    @contextmanager
    def _trouble(self, name: str) -> Iterator[None]:
        """Say what went wrong, and what the operator can do about it."""
        try:
            yield
        except httpx.HTTPStatusError as error:
            raise OperatorError(self._said(name, error.response.status_code)) from error
        except httpx.TransportError as error:
            host = httpx.URL(self.address).host
            raise OperatorError(
                f"{host} could not be reached, or broke off: try again; what is here is kept."
            ) from error

    def _said(self, name: str, status: int) -> str:
        page = f"{self.address}/{name}"
        if status in (401, 403) and self._has_token:
            return f"The hub does not let your token have {name}: accept its terms at {page}, then try again."
        if status in (401, 403):
            return (
                f"{name} is not there, or its owner has to let you in: accept the terms at {page}, make a token at "
                f"{self.address}/settings/tokens and set it as HF_TOKEN."
            )
        if status == 404:
            return f"There is no repository {name} at {self.address}, or it no longer has a file it had a moment ago."
        return f"The hub answered with status {status} for {name}: try again later; what is here is kept."


def _repository(name: str, said: Any) -> Repository:
    card = said.get("cardData") or {}
    licence = card.get("license_name") or card.get("license") or ""
    files = tuple(_file(one) for one in said.get("siblings", ()))
    for file in files:
        parts = PurePosixPath(file.path).parts
        if file.path.startswith("/") or ".." in parts or "\\" in file.path or not parts:
            raise OperatorError(f"{name} has a file with a name that leads elsewhere; nothing of it was read.")
    return Repository(name, str(said["sha"]), files, str(licence), bool(said.get("gated")))


def _file(said: Any) -> RemoteFile:
    large = said.get("lfs") or {}
    size = large.get("size") or said.get("size") or 0
    return RemoteFile(
        said["rfilename"], int(size), large.get("sha256") or "", "" if large else said.get("blobId") or ""
    )


def _may_pass(error: Exception) -> bool:
    return not isinstance(error, httpx.HTTPStatusError) or error.response.status_code in _AGAIN


def _is(file: RemoteFile, place: Path) -> bool:
    """Tell whether a file's content is what the hub says it is; where it says nothing, its size decides."""
    size = place.stat().st_size
    if size != file.bytes:
        return False
    if not file.sha256 and not file.git:
        return True
    digest = hashlib.sha256() if file.sha256 else hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with place.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest() == (file.sha256 or file.git)
