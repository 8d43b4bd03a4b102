"""Steps of several pictures are counted together, whatever order they come in; previews say where it is."""

from __future__ import annotations

import numpy as np

from gesso.domain.events import Progress, Timing
from gesso.engines.diffusers.messages import Ended, Previewed, Stepped, Timed
from gesso.engines.diffusers.told import Told


def progress(told: Told, *steps: tuple[int, str, int, int]) -> list[tuple[str, int, int]]:
    events = [event for step in steps for event in told.events(Stepped("job", *step))]
    return [(event.stage, event.done, event.total) for event in events if isinstance(event, Progress)]


def test_pictures_after_one_another_and_at_once_are_counted_alike():
    after = progress(
        Told(2, "trained"), (0, "denoise", 1, 2), (0, "denoise", 2, 2), (1, "denoise", 1, 2), (1, "denoise", 2, 2)
    )
    at_once = progress(
        Told(2, "trained"), (0, "denoise", 1, 2), (1, "denoise", 1, 2), (0, "denoise", 2, 2), (1, "denoise", 2, 2)
    )
    assert after == at_once == [("denoise", done, 4) for done in (1, 2, 3, 4)]


def test_what_is_begun_anew_does_not_go_back():
    told = progress(
        Told(1, "trained"), (0, "denoise", 3, 4), (0, "load", 0, 2), (0, "denoise", 1, 4), (0, "denoise", 4, 4)
    )
    assert told == [("denoise", 3, 4), ("load", 0, 2), ("denoise", 3, 4), ("denoise", 4, 4)]


def test_more_steps_than_were_foreseen_stay_within_the_total():
    assert progress(Told(1, "trained"), (0, "denoise", 4, 4), (0, "denoise", 5, 4)) == [("denoise", 4, 4)] * 2


def test_a_preview_is_shown_where_the_job_is():
    told, pixels = Told(2, "composite"), np.zeros((8, 8, 3), np.uint8)
    progress(told, (0, "denoise", 2, 2), (1, "denoise", 1, 2))
    (shown,) = told.events(Previewed("job", 1, 0, pixels))
    assert (shown.stage, shown.done, shown.total) == ("denoise", 3, 4)
    assert (shown.preview.picture, shown.preview.number, shown.preview.source) == (1, 0, "composite")


def test_the_time_words_took_is_not_that_of_encoding_files():
    assert list(Told(1, "trained").events(Timed("job", "encode", 0.5))) == [Timing("prompt", 0.5)]
    assert list(Told(1, "trained").events(Timed("job", "denoise", 0.5))) == [Timing("denoise", 0.5)]
    assert list(Told(1, "trained").events(Ended("job"))) == []
