"""What a device tells of a job, as events of the engine port."""

from __future__ import annotations

from collections.abc import Iterator

from gesso.domain.errors import ContentRefused, EngineFailed
from gesso.domain.events import Event, Preview, Progress, Timing
from gesso.domain.picture import DigitalSource, RawPicture
from gesso.engines.diffusers.messages import Failed, FromChild, Noted, Painted, Previewed, Stepped, Timed

OF_EACH = frozenset({"prior", "denoise", "decode"})  # stages that every picture goes through


class Told:
    """Counts the steps of all pictures of a job together, whether they are painted one after the other or at once."""

    def __init__(self, pictures: int, source: DigitalSource) -> None:
        self._pictures, self._source = pictures, source
        self._done: dict[str, dict[int, int]] = {}  # stage → picture → its steps
        self._last = Progress("denoise", 0, 1)

    def events(self, message: FromChild) -> Iterator[Event]:
        """Yield what a message means. Raises what the job failed with."""
        match message:
            case Stepped():
                self._last = self._progress(message)
                yield self._last
            case Previewed(index=index, number=number, pixels=pixels):
                at, shown = self._last, Preview(index, number, pixels, self._source)
                yield Progress(at.stage, at.done, at.total, shown)
            case Painted(index=index, pixels=pixels, seed=seed):
                yield RawPicture(index, pixels, seed, self._source)
            case Noted(note=note):
                yield note
            case Timed(stage=stage, seconds=seconds):
                yield Timing("prompt" if stage == "encode" else stage, seconds)  # "encode" is the server's, of files
            case Failed(trouble="unsafe", message=text):
                raise ContentRefused(text)
            case Failed(message=text):
                raise EngineFailed(text)

    def _progress(self, step: Stepped) -> Progress:
        if step.stage not in OF_EACH:
            return Progress(step.stage, step.done, step.total)
        done = self._done.setdefault(step.stage, {})
        done[step.index] = max(
            min(step.done, step.total), done.get(step.index, 0)
        )  # what is begun anew was shown before
        total = max(step.total, *done.values()) * self._pictures
        return Progress(step.stage, sum(done.values()), total)
