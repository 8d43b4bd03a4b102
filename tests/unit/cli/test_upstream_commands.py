"""`gesso credits report` and `gesso upstream`: what they add up, list and refuse, on a data folder."""

from __future__ import annotations

import json
import re

import pytest
from sqlalchemy import insert

from gesso.accounts.keys import create_account, create_key, first_start
from gesso.catalogue.vendors import VENDORS
from gesso.cli.app import run
from gesso.database.job_tables import removed_jobs
from gesso.database.upstream_tables import upstream_calls
from gesso.domain.clock import DAY, HOUR, now_microseconds, to_iso
from gesso.engines.upstream.vendors import UPSTREAMS
from gesso.installation import open_database
from gesso.settings import Settings

CREDIT = 1_000_000


class Data:
    """A data folder after its first start, with ways to write down calls."""

    def __init__(self):
        self.database = open_database(Settings())
        self.me = self.database.write_blocking(lambda c: first_start(c, 1, 0)).account_id
        self.now = now_microseconds()

    def call(self, job_id, outcome="done", *, charged=10, kept=10, **values):
        """Write down a call of a job of its own, whose row was removed."""
        call = {
            "job_id": job_id,
            "number": 0,
            "account_id": self.me,
            "model": "flux-2-pro",
            "vendor": "fal",
            "target": "fal-ai/flux-2-pro",
            "outcome": outcome,
            "billed": None,
            "pictures": 1 if outcome == "done" else 0,
            "reckoned": False,
            "kept_micro": kept * CREDIT,
            "ended_at": self.now - HOUR,
            "looks": 0,
        }
        call |= values
        job = {
            "id": job_id,
            "account_id": call["account_id"],
            "mode": "live",
            "state": "succeeded" if outcome == "done" else "failed",
            "picture_count": 1,
            "charged_micro": charged * CREDIT,
            "refunded_micro": (charged - kept) * CREDIT,
            "ended_at": call["ended_at"],
        }

        def write(connection):
            connection.execute(insert(upstream_calls), call)
            if charged:
                connection.execute(insert(removed_jobs), job)

        self.database.write_blocking(write)

    def account(self):
        def write(connection):
            account_id = create_account(connection, "other", 1)
            create_key(connection, account_id, "live", "a key", 1)
            return account_id

        return self.database.write_blocking(write)


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = Data()
    yield data
    data.database.close()


@pytest.fixture
def several(data):
    """Four calls at two vendors."""
    data.call("j1", micro_usd=40_000, cost="0.04 usd", billed=True, ended_at=data.now - 4 * HOUR)
    data.call("j2", "refused", kept=0, billed=False, micro_usd=0, ended_at=data.now - 3 * HOUR)
    data.call("j3", micro_usd=30_000, reckoned=True, vendor="openai", ended_at=data.now - 2 * HOUR)
    data.call("j4", "unknown", kept=0, ended_at=data.now - HOUR)
    return data


def answer(capsys, *words):
    """Run a command that must work and return its JSON."""
    assert run([*words, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def refused(capsys, *words):
    """Run a command that must not, and return its problem."""
    assert run([*words, "--json"]) == 1
    (problem,) = json.loads(capsys.readouterr().err)["error"]["problems"]
    return problem


def test_a_report_of_nothing(data, capsys):
    said = answer(capsys, "credits", "report")
    assert (said["by"], said["rows"], said["total"]["calls"], said["total"]["margin"]) == (["vendor"], [], 0, "0")
    assert run(["credits", "report"]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "There were none." in shown.err


def test_a_report_says_what_vendors_took_and_what_is_left(several, capsys):
    fal, openai = answer(capsys, "credits", "report")["rows"]
    assert fal == {
        "vendor": "fal",
        "calls": 3,
        "made": 1,
        "failed": 1,
        "unknown": 1,
        "late": 0,
        "pictures": 1,
        "unpriced": 1,
        "told_usd": "0.04",
        "reckoned_usd": "0",
        "cost_usd": "0.04",
        "kept": "10",
        "margin": None,
        "margin_at_most": "6",
    }
    assert (openai["reckoned_usd"], openai["kept"], openai["margin"], openai["margin_at_most"]) == (
        "0.03",
        "10",
        "7",
        "7",
    )


def test_a_report_s_last_line_is_the_total(several, capsys):
    assert run(["credits", "report", "--by", "vendor,model"]) == 0
    title, *lines = capsys.readouterr().out.splitlines()
    assert title.split()[:3] == ["vendor", "model", "calls"]
    assert [line.split()[0] for line in lines] == ["fal", "openai", "total"]
    assert lines[-1].endswith("≤ 13")
    assert run(["credits", "report", "--quiet"]) == 0
    assert capsys.readouterr().out.split() == ["0.04", "0.03", "0.07"]


def test_a_report_by_several_of_one_account_and_time(several, capsys):
    other = several.account()
    several.call("j5", account_id=other, micro_usd=1, ended_at=several.now - 40 * DAY)
    assert answer(capsys, "credits", "report")["total"]["calls"] == 4
    said = answer(capsys, "credits", "report", "--since", "50d", "--by", "account, day,account")
    assert said["by"] == ["account", "day"]
    assert said["total"]["calls"] == 5
    assert {row["account"] for row in said["rows"]} == {several.me, other}
    assert to_iso(several.now - 40 * DAY)[:10] in {row["day"] for row in said["rows"]}
    assert answer(capsys, "credits", "report", "--since", "50d", "--account", other)["total"]["calls"] == 1
    said = answer(capsys, "credits", "report", "--since", "1970-01-01", "--until", "30d")
    assert (said["since"], said["total"]["calls"]) == ("1970-01-01T00:00:00.000000Z", 1)


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (["--by", "vendor,colour"], "by"),
        (["--by", ""], "by"),
        (["--since", "yesterday"], "since"),
        (["--since", "0d"], "since"),
        (["--until", "2026-02-30"], "until"),
        (["--since", "2026-02-01", "--until", "2026-02-01"], "since"),
        (["--since", "9999-01-01"], "since"),
        (["--account", "nobody"], "account"),
    ],
)
def test_what_cannot_be_reported_is_refused(data, capsys, words, field):
    assert refused(capsys, "credits", "report", *words)["field"] == field


def test_calls_are_listed_newest_first_with_what_was_decided(several, capsys):
    listed = answer(capsys, "upstream", "calls")
    assert [call["job_id"] for call in listed] == ["j4", "j3", "j2", "j1"]
    assert [call["decided"] for call in listed] == [
        "failed, refunded 10",
        "succeeded, kept 10",
        "failed, refunded 10",
        "succeeded, kept 10",
    ]
    unknown, *_, made = listed
    assert (unknown["outcome"], unknown["vendor"], unknown["usd"]) == ("unknown", "fal", None)
    assert unknown["ended_at"] == to_iso(several.now - HOUR)
    assert (made["cost"], made["usd"], made["billed"], made["pictures"]) == ("0.04 usd", "0.04", True, 1)


def test_those_nobody_can_know_of_are_found(several, capsys):
    assert run(["upstream", "calls", "--outcome", "unknown"]) == 0
    title, line = capsys.readouterr().out.splitlines()
    titles = ("job", "ended", "vendor", "model", "outcome", "heard later", "pictures", "vendor took", "the job")
    assert tuple(re.split(r" {2,}", title)) == titles
    assert "j4" in line
    assert "failed, refunded 10" in line
    assert run(["upstream", "calls", "--outcome", "unknown", "--quiet"]) == 0
    assert capsys.readouterr().out == "j4\n"


def test_the_list_of_calls_is_narrowed(several, capsys):
    other = several.account()
    several.call("late", "timed_out", charged=9, kept=0, late_outcome="done", late_at=several.now, account_id=other)
    several.call("free", charged=0, kept=0, vendor="openai", ended_at=several.now)
    several.call("half", charged=9, kept=3, ended_at=several.now)

    def jobs(*words):
        return [call["job_id"] for call in answer(capsys, "upstream", "calls", *words)]

    assert jobs("--vendor", "openai") == ["free", "j3"]
    assert jobs("--account", other) == jobs("--outcome", "timed_out") == ["late"]
    assert jobs("--outcome", "done") == ["half", "free", "late", "j3", "j1"]
    assert jobs("--limit", "1") == ["half"]
    decided = {call["job_id"]: call["decided"] for call in answer(capsys, "upstream", "calls")}
    assert decided["half"] == "succeeded, kept 3, refunded 6"
    assert decided["free"] == "removed, cost nothing"
    assert answer(capsys, "upstream", "calls", "--account", other)[0]["late_at"] == to_iso(several.now)


def test_no_calls_are_said_to_be_none(data, capsys):
    assert run(["upstream", "calls"]) == 0
    assert capsys.readouterr().err == "There are no calls at vendors yet.\n"
    assert run(["upstream", "calls", "--outcome", "unknown"]) == 0
    assert capsys.readouterr().err == "There are no calls at vendors like that.\n"


@pytest.mark.parametrize(
    ("words", "field"),
    [(["--outcome", "lost"], "outcome"), (["--vendor", "nobody"], "vendor"), (["--account", "nobody"], "account")],
)
def test_calls_of_nothing_known_are_refused(data, capsys, words, field):
    problem = refused(capsys, "upstream", "calls", *words)
    assert problem["field"] == field
    assert problem["allowed"]


def test_vendors_say_whether_there_is_a_key_and_never_the_key(several, capsys, monkeypatch):
    monkeypatch.setenv("FAL_KEY", "secret-of-fal")
    monkeypatch.setenv("OPENAI_API_KEY", "secret-of-openai")
    monkeypatch.setenv("GESSO_UPSTREAM_OFF", "openai")
    monkeypatch.setenv("GESSO_UPSTREAM_URLS", "openai=http://me:word@127.0.0.1:30000/v1")
    for day in range(2):  # today, and tomorrow, if it should be midnight now
        several.call(f"day {day}", micro_usd=40_000, ended_at=now_microseconds() + day * DAY)
    assert run(["upstream", "vendors", "--json"]) == 0
    said = capsys.readouterr().out
    rows = {row["vendor"]: row for row in json.loads(said)}
    assert list(rows) == list(UPSTREAMS)
    assert (rows["fal"]["key"], rows["fal"]["off"], rows["fal"]["base_url"]) == (True, False, None)
    assert (rows["openai"]["key"], rows["openai"]["off"]) == (True, True)
    assert rows["openai"]["base_url"] == "http://…@127.0.0.1:30000/v1"
    assert (rows["tencent"]["key"], rows["tencent"]["needs"]) == (False, list(VENDORS["tencent"].variables))
    assert {row["checked"] for row in rows.values()} <= {"documented", "sdk", "live"}
    assert rows["fal"]["calls_today"] >= 1
    assert float(rows["fal"]["usd_today"]) >= 0.04
    assert run(["upstream", "vendors"]) == 0
    shown = capsys.readouterr().out
    lines = {line.split()[0]: line for line in shown.splitlines()}
    assert " set " in lines["fal"]
    assert " off " in lines["openai"]
    for secret in ("secret-of-fal", "secret-of-openai", "word"):
        assert secret not in said + shown


def test_vendors_are_told_before_the_first_start(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = answer(capsys, "upstream", "vendors")
    assert [row["vendor"] for row in rows] == list(UPSTREAMS)
    assert {(row["calls_today"], row["usd_today"], row["unpriced_today"]) for row in rows} == {(0, "0", 0)}
    assert list(tmp_path.iterdir()) == []
    assert run(["credits", "report"]) == 1
    assert "gesso serve" in capsys.readouterr().err
