"""The recorder: whoever writes, in whatever thread or process, each line comes out whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import history
import pytest
from history import BadHistory, Fault, Recorder, Unanswered, now, parse_lines, read_history
from valid_history import EXAMPLE, numbered, tell

WRITERS, LINES = 4, 200
_PROCESS = """
import sys
from pathlib import Path
from history import Recorder, Unanswered
recorder = Recorder(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    recorder.write(Unanswered(ask=sys.argv[2], attempt=number, why="x" * (number * 7 % 300)))
print("written", flush=True)
sys.stdin.read()
"""


def test_every_kind_of_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    records = [record.model_copy(update={"at": record.at or 7}) for record in tell(EXAMPLE)]
    assert {record.kind for record in records} == {
        kind.model_fields["kind"].default for kind in history.Record.__args__
    }
    recorder = Recorder(tmp_path / "history.jsonl")
    recorder.write(*records)
    recorder.close()
    assert read_history(tmp_path / "history.jsonl") == numbered(records)


def test_the_recorder_tells_the_time_of_what_has_none(tmp_path: Path) -> None:
    before = now()
    recorder = Recorder(tmp_path / "history.jsonl")
    recorder.write(Fault(what="kill -9", target="node-a", on="begin"), Fault(at=5, what="cut", target="s3", on="begin"))
    recorder.close()
    first, second = read_history(tmp_path / "history.jsonl")
    assert before <= first.record.at <= now()
    assert second.record.at == 5


def test_threads_write_whole_lines_in_the_order_of_their_times(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "history.jsonl")

    def write(name: str) -> None:
        for number in range(LINES):
            recorder.write(Unanswered(ask=name, attempt=number, why="x" * (number % 50)))

    threads = [threading.Thread(target=write, args=(f"ask-{number}",)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.close()
    records = [line.record for line in read_history(tmp_path / "history.jsonl")]
    assert len(records) == WRITERS * LINES
    assert [record.at for record in records] == sorted(record.at for record in records)
    for number in range(WRITERS):
        assert [record.attempt for record in records if record.ask == f"ask-{number}"] == list(range(LINES))


def test_processes_write_whole_lines_and_what_a_killed_one_saw_is_there(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    environment = os.environ | {"PYTHONPATH": str(Path(history.__file__).parent)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _PROCESS, str(path), f"ask-{number}", str(LINES)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for number in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        process.stdin.close()
    records = [line.record for line in read_history(path)]
    for number in range(2):
        assert [record.attempt for record in records if record.ask == f"ask-{number}"] == list(range(LINES))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"at":1,"kind":"fault","what":"cut","target":"s3","on":"begin"}', "cut off"),
        (b'{"at":1,"kind":"fault","what":"cut","target":"s3","on":"perhaps"}\n', "no record"),
        (b'{"at":1,"kind":"fault","what":"cut","target":"s3","on":"begin","more":1}\n', "no record"),
        (b'{"at":1,"kind":"rumour"}\n', "no record"),
    ],
)
def test_a_line_that_is_no_record_is_refused(line: bytes, why: str) -> None:
    good = b'{"at":1,"kind":"fault","what":"cut","target":"s3","on":"end"}\n'
    with pytest.raises(BadHistory, match=f"line 2 is {why}"):
        list(parse_lines([good, line]))
