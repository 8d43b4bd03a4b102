"""`GET /v1/credits/report` from outside: what an account's jobs cost, its own only, and what is refused by its field."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from second_account import open_account

from gesso.accounts.retention import set_retention
from gesso.database.connect import Database

pytestmark = pytest.mark.acceptance
SUMS = {"jobs", "succeeded", "failed", "cancelled", "unfinished", "pictures", "charged", "refunded", "kept"}
EMPTY = dict.fromkeys(SUMS, 0) | dict.fromkeys(("charged", "refunded", "kept"), "0")


def run(client, model, fault="none", **values):
    body = {"model": model, "input": {"prompt": "a duck"} | values}
    answer = client.post("/v1/jobs", json=body, headers={"Prefer": "wait=60", "Gesso-Test-Fault": fault})
    assert answer.status_code == 200, answer.text
    return answer.json()


def report(client, **query):
    answer = client.get("/v1/credits/report", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def mine(server):
    """A client of an account with three jobs: two of one model, one of another, which fails."""
    with server.client(open_account(server, "mine")) as client:
        states = [
            run(client, "gesso-sketch", num_images=2, width=64, height=64)["state"],
            run(client, "qwen-image")["state"],
            run(client, "qwen-image", fault="fail")["state"],
        ]
        assert states == ["succeeded", "succeeded", "failed"]
        yield client


def test_an_account_without_jobs_has_an_empty_report(server):
    with server.client(open_account(server, "idle")) as client:
        said = report(client)
    assert (said["rows"], said["total"], said["by"], said["mode"]) == ([], EMPTY, "model", "test")
    since, until = (datetime.fromisoformat(said[name]) for name in ("since", "until"))
    assert until - since == timedelta(days=30)
    assert said["complete_since"] is None


def test_by_model_it_is_what_jobs_cost_and_the_ledger_says(mine):
    said = report(mine)
    sketch, dear = said["rows"]
    assert [(row["model"], row["day"]) for row in said["rows"]] == [("gesso-sketch", None), ("qwen-image", None)]
    assert (sketch["jobs"], sketch["succeeded"], sketch["failed"], sketch["pictures"]) == (1, 1, 0, 2)
    assert (dear["jobs"], dear["succeeded"], dear["failed"], dear["pictures"]) == (2, 1, 1, 1)
    entries = mine.get("/v1/account/ledger", params={"limit": 100}).json()["entries"]
    moved = {
        kind: sum(Decimal(one["credits"]) for one in entries if one["kind"] == kind) for kind in ("charge", "refund")
    }
    total = said["total"]
    assert set(total) == SUMS
    assert (Decimal(total["charged"]), Decimal(total["refunded"])) == (-moved["charge"], moved["refund"])
    assert Decimal(total["kept"]) == -moved["charge"] - moved["refund"] > 0
    assert moved["refund"] > 0
    assert total["jobs"] == 3


def test_by_day_the_same_jobs_stand_at_their_day(mine):
    said = report(mine, by="day")
    assert said["total"] == report(mine)["total"]
    days = {row["day"] for row in said["rows"]}
    assert {row["model"] for row in said["rows"]} == {None}
    created = {job["created_at"][:10] for job in mine.get("/v1/jobs").json()["jobs"]}
    assert days == created


def test_times_narrow_it_and_days_are_their_midnight(mine):
    oldest = mine.get("/v1/jobs").json()["jobs"][-1]["created_at"]
    assert report(mine, since=oldest)["total"]["jobs"] == 3
    assert report(mine, until=oldest)["total"]["jobs"] == 0
    day = datetime.now(UTC).date()
    said = report(mine, since=str(day - timedelta(days=7)), until=str(day + timedelta(days=1)))
    assert (said["since"], said["until"]) == (
        f"{day - timedelta(days=7)}T00:00:00.000000Z",
        f"{day + timedelta(days=1)}T00:00:00.000000Z",
    )
    assert said["total"]["jobs"] == 3
    assert report(mine, since="2001-01-01T00:00:00+02:00", until="2001-02-01")["since"] == "2000-12-31T22:00:00.000000Z"


def test_a_deleted_job_stays_in_the_sums(server):
    with server.client(open_account(server, "deleting")) as client:
        job = run(client, "qwen-image")
        before = report(client)
        assert client.delete(f"/v1/jobs/{job['id']}").status_code in (200, 204)
        assert report(client)["rows"] == before["rows"] != []


def test_another_account_and_the_other_mode_see_nothing_of_it(server, mine):
    for mode in ("test", "live"):
        with server.client(open_account(server, f"other {mode}", mode=mode)) as client:
            said = report(client)
            assert (said["mode"], said["rows"]) == (mode, [])
    with server.client("gesso_test_nobody") as client:
        assert client.get("/v1/credits/report").status_code == 401


def test_it_says_nothing_of_vendors_and_since_when_it_is_complete(server):
    with server.client(open_account(server, "forgetful")) as client:
        run(client, "gesso-sketch", width=64, height=64)
        keep_jobs(server, client.get("/v1/account").json()["id"], 40 * 24 * 3600)
        said = report(client)
    assert set(said) == {"mode", "by", "since", "until", "complete_since", "rows", "total"}
    assert set(said["rows"][0]) == SUMS | {"model", "day"}
    complete, until = (datetime.fromisoformat(said[name]) for name in ("complete_since", "until"))
    assert until - complete == timedelta(days=40)


def keep_jobs(server, account_id, seconds):
    database = Database.open_sqlite(server.data_dir / "gesso.db")
    try:
        database.write_blocking(lambda c: set_retention(c, account_id, {"jobs_seconds": seconds}))
    finally:
        database.close()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"by": "vendor"}, "by"),
        ({"by": ""}, "by"),
        ({"since": "yesterday"}, "since"),
        ({"since": ""}, "since"),
        ({"since": "2026-13-01"}, "since"),
        ({"since": "2026-01-01T00:00:00"}, "since"),
        ({"since": "1969-12-31"}, "since"),
        ({"since": "20260101"}, "since"),
        ({"since": "2026-01-01T00:00:00Z" + "0" * 40}, "since"),
        ({"until": "9999-12-31T23:59:59-23:59"}, "until"),
        ({"until": "0001-01-01T00:00:00+23:59"}, "until"),
        ({"until": "1970-01-01"}, "until"),
        ({"since": "2026-02-01", "until": "2026-02-01"}, "since"),
        ({"since": "2026-02-02", "until": "2026-02-01"}, "since"),
        ({"since": "9998-01-01"}, "since"),
        ({"since": "2024-01-01", "until": "2025-01-02"}, "since"),
    ],
)
def test_what_cannot_be_reported_is_refused_by_its_field(mine, query, field):
    answer = mine.get("/v1/credits/report", params=query)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input"), answer.text
    assert [item["field"] for item in answer.json()["errors"]] == [field]


def test_a_year_is_not_too_much(mine):
    assert report(mine, since="2024-01-01", until="2025-01-01")["rows"] == []
