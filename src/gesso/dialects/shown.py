"""What of a job may be told: pictures that are gone, or private and not in this very answer, are as if deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gesso.domain.job import Job


@dataclass(frozen=True)
class Shown:
    """A job as it is told, with a link to each of its pictures and, where the answer carries them, their bytes."""

    job: Job
    links: tuple[str, ...]
    files: tuple[bytes | None, ...] | None


def shown(job: Job, files: Sequence[bytes | None] | None, link: Callable[[str], str], now: int) -> Shown:
    """Return what may be told. `files` are the bytes of the pictures where the answer is to carry them.

    Links to private pictures are empty: their bytes are there, or they are not told of at all.
    """
    kept = None if files is None else tuple(files)
    if job.is_private:
        if job.shows_pictures(now) and kept and None not in kept:
            return Shown(job, ("",) * len(job.pictures), kept)
        return _without(job, kept)
    if not job.shows_pictures(now):
        return _without(job, kept)
    return Shown(job, tuple(link(picture.blob) for picture in job.pictures), kept)


def _without(job: Job, files: tuple[bytes | None, ...] | None) -> Shown:
    return Shown(job.model_copy(update={"pictures": ()}), (), None if files is None else ())
