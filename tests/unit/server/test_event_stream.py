"""Server-sent events of dialects as they are written, and which of them a reader still has to be told."""

from __future__ import annotations

import pytest

from gesso.dialects.wanted import ServerEvent
from gesso.server.dialects.watch import Told, event_bytes


@pytest.mark.parametrize(
    ("event", "written"),
    [
        (ServerEvent("done", {}), b"event: done\ndata: {}\n\n"),
        (ServerEvent("logs", "one\ntwo", "logs:1"), b"event: logs\nid: logs:1\ndata: one\ndata: two\n\n"),
        (ServerEvent("output", "", "output:0"), b"event: output\nid: output:0\ndata: \n\n"),
        (ServerEvent("error", {"a": "é"}), b'event: error\ndata: {"a": "\\u00e9"}\n\n'),
    ],
)
def test_events_are_written_in_lines(event: ServerEvent, written: bytes) -> None:
    assert event_bytes(event) == written


def test_an_event_is_told_once_and_one_without_an_id_each_time() -> None:
    first, second, nameless = ServerEvent("logs", "1", "a"), ServerEvent("logs", "2", "b"), ServerEvent("tick", "")
    told = Told(None)
    assert told.new([first, nameless]) == [first, nameless]
    assert told.new([first, nameless, second]) == [nameless, second]


def test_a_reader_who_comes_again_is_told_what_followed() -> None:
    events = [ServerEvent("logs", str(number), f"logs:{number}") for number in range(4)]
    assert Told("logs:1").new(events) == events[2:]
    assert Told("logs:9").new(events) == events
    late = Told("logs:1")
    assert late.new(events[:1]) == events[:1]
    assert late.new(events) == events[2:]
