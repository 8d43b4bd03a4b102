"""The checker says nothing of a run in which all is well, and names each thing that is not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import checker
import planted_deliveries  # noqa: F401 - they plant when they are imported
import planted_jobs  # noqa: F401
import planted_money  # noqa: F401
import planted_stores  # noqa: F401
import pytest
from checker import Report, check, main
from history import FinalEnd, Record, Recorder, Unanswered
from hypothesis import given
from hypothesis import strategies as st
from invariants import INVARIANTS
from planting import PLANTED, changed, find
from valid_history import ACCOUNTS, EXAMPLE, Story, numbered, tell

_ENDS = ("succeeded", "fewer", "fails", "worn out", "cancelled waiting", "cancelled running", "refused")


@st.composite
def stories(draw: st.DrawFn) -> list[Story]:
    """Return asks of every kind, some of them at the same time."""
    told = []
    for number in range(1, draw(st.integers(0, 6)) + 1):
        end = draw(st.sampled_from(_ENDS))
        told.append(
            Story(
                number,
                end,
                account=draw(st.sampled_from(ACCOUNTS)),
                pictures=draw(st.integers(2 if end == "fewer" else 1, 3)),
                keyed=draw(st.booleans()),
                edits=draw(st.booleans()),
                tries=draw(st.lists(st.sampled_from(("lost", "busy", "full")), max_size=3).map(tuple)),
                interruptions=draw(st.integers(0, 2)),
                fetches=draw(st.integers(1, 2)),
                broken_fetches=draw(st.integers(0, 1)),
                hook_tries=draw(st.none() | st.lists(st.sampled_from((0, 400, 503, 200)), max_size=2).map(tuple)),
                start=draw(st.integers(0, 20)) * 700,
            )
        )
    return told


@given(told=stories())
def test_a_run_in_which_all_is_well_has_no_violations(told: list[Story]) -> None:
    report = check(numbered(tell(told)))
    assert report.violations == {}
    assert report.holds


def test_the_example_puts_every_invariant_to_the_test() -> None:
    report = check(numbered(tell(EXAMPLE)), claims=INVARIANTS)
    assert report.idle == []
    assert report.holds


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_violation_is_seen_by_its_invariant_and_by_no_other(name: str) -> None:
    plant = PLANTED[name]
    history = numbered(plant.records())
    report = check(history)
    assert set(report.violations) == {plant.invariant}
    found = report.violations[plant.invariant]
    assert plant.about in {each.subject for each in found}
    assert not report.holds
    # Nobody else would have noticed.
    others = {name: invariant for name, invariant in INVARIANTS.items() if name != plant.invariant}
    assert check(history, invariants=others).holds


@pytest.mark.parametrize("name", PLANTED)
def test_a_violation_is_proven_by_lines_that_are_there(name: str) -> None:
    plant = PLANTED[name]
    history = numbered(plant.records())
    for each in check(history).violations[plant.invariant]:
        assert all(1 <= line <= len(history) for line in each.lines)
        assert each.lines or name == "ledger_without_an_account"  # that a line is missing is proven by none
        assert each.message


def test_every_invariant_has_a_violation_planted() -> None:
    assert {plant.invariant for plant in PLANTED.values()} == set(INVARIANTS)


def test_every_invariant_says_what_it_promises() -> None:
    assert [name for name, invariant in INVARIANTS.items() if not invariant.__doc__] == []


def test_what_was_not_exercised_is_told_and_fails_a_claim() -> None:
    history = numbered(tell([Story(1, "fails")]))
    report = check(history, claims=["every_job_ends"])
    assert {"every_webhook_arrives", "every_picture_is_readable", "no_row_without_an_object"} <= set(report.idle)
    assert report.holds
    assert "every webhook arrives: NOT CHECKED\n" in report.as_text()
    claimed = check(history, claims=["every_webhook_arrives"])
    assert not claimed.holds
    assert claimed.unproven == ["every_webhook_arrives"]
    assert "every webhook arrives: NOT CHECKED (claimed)" in claimed.as_text()


def test_a_claim_must_name_an_invariant() -> None:
    with pytest.raises(ValueError, match="there are no invariants nothing_else"):
        check([], claims=["nothing_else"])


def test_an_empty_history_proves_nothing() -> None:
    report = check([], claims=INVARIANTS)
    assert report.idle == report.unproven == list(INVARIANTS)
    assert not report.holds


def test_ends_that_did_not_tell_their_lease_are_not_counted() -> None:
    records = [
        record.model_copy(update={"witnessed": False, "lease": None}) if isinstance(record, FinalEnd) else record
        for record in tell(EXAMPLE)
    ]
    report = check(numbered(records))
    assert report.idle == ["no_end_under_a_lost_lease"]
    assert report.holds


@pytest.mark.parametrize(("ahead", "holds"), [(0, True), (250_000, True), (250_001, False)])
def test_a_lease_is_over_as_far_as_its_end_can_be_told(ahead: int, holds: bool) -> None:
    assert _given_up(ahead).holds is holds


def _given_up(ahead: int) -> Report:
    """Check a run in which a job was given up so long before its lease was over."""
    records = tell([Story(1, "worn out")])
    end = find(records, FinalEnd)
    return check(numbered(changed(records, FinalEnd, {}, lease_until=end.moved_at + ahead)))


def test_repeats_that_cannot_have_made_a_job_before_try_no_key() -> None:
    assert check(numbered(tell([Story(1, tries=("lost",))]))).checked["one_job_for_one_key"] == 1
    assert check(numbered(tell([Story(1, tries=("busy", "full"))]))).checked["one_job_for_one_key"] == 0
    unreached = changed(tell([Story(1, tries=("lost",))]), Unanswered, {}, why="ConnectError")
    assert check(numbered(unreached)).checked["one_job_for_one_key"] == 0


# ── as a command ──────────────────────────────────────────────────────────────────────────────────────────


def _written(path: Path, records: list[Record]) -> Path:
    recorder = Recorder(path)
    recorder.write(*records)
    recorder.close()
    return path


def test_the_command_tells_people_that_all_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _written(tmp_path / "history.jsonl", tell(EXAMPLE))
    assert main([str(path), "--claim", "all"]) == 0
    said = capsys.readouterr().out
    assert "faults: 1 × kill -9" in said
    assert said.count(": holds") == len(INVARIANTS)


def test_the_command_shows_violations_with_their_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = PLANTED["ended_twice"].records()
    path = _written(tmp_path / "history.jsonl", records)
    assert main([str(path)]) == 1
    about = [(record.kind, getattr(record, "job", "")) for record in records]
    lines = [number for number, each in enumerate(about, 1) if each in (("final_job", "job-5"), ("final_end", "job-5"))]
    assert len(lines) == 3
    said = capsys.readouterr().out
    assert "every job ends once: 1 VIOLATIONS" in said
    assert f"job-5: it moved again after its end [lines {', '.join(map(str, lines))}]" in said


def test_the_command_shows_the_first_of_many_violations(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    records = tell([Story(number, "fails") for number in range(1, 31)])
    records = [record for record in records if record.kind != "final_job"]
    assert main([str(_written(tmp_path / "history.jsonl", records))]) == 1
    assert "… and 20 more" in capsys.readouterr().out


def test_the_command_speaks_json(tmp_path: Path) -> None:
    path = _written(tmp_path / "history.jsonl", PLANTED["refunded_twice"].records())
    command = [sys.executable, checker.__file__, str(path), "--json", "--claim", "ledgers_add_up"]
    done = subprocess.run(command, capture_output=True, check=False, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    said = json.loads(done.stdout)
    assert said["holds"] is False
    assert list(said["violations"]) == ["every_refund_is_exact"]
    assert said["violations"]["every_refund_is_exact"][0]["subject"] == "job-6"
    assert said["checked"].keys() == INVARIANTS.keys()


@pytest.mark.parametrize("line", [b'{"at":1,"kind":"fault"}\n', b'{"kind":"rumour"}\n', b'{"at":1,', b"\n"])
def test_the_command_refuses_what_is_no_history(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: bytes
) -> None:
    path = _written(tmp_path / "history.jsonl", tell(EXAMPLE)[:3])
    path.write_bytes(path.read_bytes() + line)
    assert main([str(path)]) == 2
    assert "line 4 is" in capsys.readouterr().err


def test_the_command_says_that_there_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nothing.jsonl")]) == 2
    assert "nothing.jsonl" in capsys.readouterr().err
