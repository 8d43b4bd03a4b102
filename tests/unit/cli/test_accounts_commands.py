"""`gesso keys`, `gesso accounts`, `gesso credits` and `gesso jobs` on a data folder."""

import json

import pytest

from gesso.accounts.keys import create_account, create_key, find_caller, first_start
from gesso.cli.app import run
from gesso.domain.credits import MICRO
from gesso.installation import open_database
from gesso.settings import Settings


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder after its first start, current for the commands."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GESSO_DATA_DIR", str(tmp_path / "data"))
    database = open_database(Settings())
    database.write_blocking(lambda connection: first_start(connection, 1, 10_000 * MICRO))
    yield database
    database.close()


def answer(capsys, *words):
    """Run a command that must work and return its JSON."""
    assert run([*words, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def test_a_new_key_works_until_it_is_revoked(data, capsys):
    made = answer(capsys, "keys", "create", "--test", "--name", "ci")
    assert made["mode"] == "test"
    assert made["secret"].startswith("gesso_test_")
    assert data.read_blocking(lambda c: find_caller(c, made["secret"])).key_id == made["id"]

    assert answer(capsys, "keys", "revoke", made["id"]) == {"id": made["id"], "revoked": True}
    assert data.read_blocking(lambda c: find_caller(c, made["secret"])) is None


def test_listed_keys_show_no_secret(data, capsys):
    made = answer(capsys, "keys", "create", "--name", "shop")

    assert run(["keys", "list"]) == 0
    listed = capsys.readouterr().out
    assert made["id"] in listed
    assert made["secret"] not in listed
    assert "shop" in listed
    assert made["secret"] not in json.dumps(answer(capsys, "keys", "list"))


def test_a_key_has_the_priority_it_was_given_and_normal_otherwise(data, capsys):
    made = [answer(capsys, "keys", "create", "--priority", name) for name in ("high", "normal", "low")]
    made.append(answer(capsys, "keys", "create"))
    assert [key["priority"] for key in made] == ["high", "normal", "low", "normal"]
    used = [data.read_blocking(lambda c, key=key: find_caller(c, key["secret"])).priority for key in made]
    assert used == [-10, 0, 10, 0]
    listed = {key["id"]: key["priority"] for key in answer(capsys, "keys", "list")}
    assert [listed[key["id"]] for key in made] == ["high", "normal", "low", "normal"]


def test_an_unknown_priority_is_refused_and_makes_no_key(data, capsys):
    before = answer(capsys, "keys", "list")
    assert run(["keys", "create", "--priority", "urgent"]) == 1
    assert "allowed: high, normal, low" in capsys.readouterr().err
    assert answer(capsys, "keys", "list") == before


def test_a_test_key_carries_the_fault_it_was_given(data, capsys):
    made = [answer(capsys, "keys", "create", "--test", "--fault", word) for word in ("out-of-credits", "slow", "none")]
    made.append(answer(capsys, "keys", "create", "--test"))
    wanted = ["out_of_credits", "slow:10", None, None]
    assert [key["fault"] for key in made] == wanted
    used = [data.read_blocking(lambda c, key=key: find_caller(c, key["secret"])).fault for key in made]
    assert used == wanted
    listed = {key["id"]: key["fault"] for key in answer(capsys, "keys", "list")}
    assert [listed[key["id"]] for key in made] == wanted
    assert run(["keys", "list"]) == 0
    shown = capsys.readouterr().out
    assert "test fault" in shown
    assert "out_of_credits" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fault", "moderated"], "Only a test key can carry a fault"),
        (["--test", "--fault", "explode"], "--fault is 'explode', which is no test fault. Allowed: none, fail, slow"),
    ],
)
def test_a_live_key_with_a_fault_and_an_unknown_fault_make_no_key(data, capsys, words, said):
    before = answer(capsys, "keys", "list")
    assert run(["keys", "create", *words]) == 1
    assert said in capsys.readouterr().err
    assert answer(capsys, "keys", "list") == before


def test_revoking_an_unknown_key_fails(data, capsys):
    assert run(["keys", "revoke", "nothing"]) == 1
    assert capsys.readouterr().err == "gesso: There is no key nothing. List them with: gesso keys list\n"


def test_an_account_gets_another_tier_by_name_or_id_and_its_keys_with_it(data, capsys):
    (first,) = answer(capsys, "accounts", "list")
    assert (first["name"], first["tier"]) == ("first account", "business")
    secret = answer(capsys, "keys", "create")["secret"]

    for asked, tier in (("first account", "free"), (first["id"], "pro")):
        assert answer(capsys, "accounts", "tier", asked, tier) == first | {"tier": tier}
        assert answer(capsys, "accounts", "list") == [first | {"tier": tier}]
        assert data.read_blocking(lambda c: find_caller(c, secret)).tier == tier

    assert run(["accounts", "tier", "first account", "creator"]) == 0
    assert capsys.readouterr().out == f"first account ({first['id']}) has the tier creator.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("first account", "gold"), "gold is not a tier; allowed: free, creator, pro, business."),
        (("nobody", "free"), "There is no account nobody. List them with: gesso accounts list"),
        (("shop", "free"), "2 accounts are named shop; say which by its id: "),
    ],
)
def test_a_tier_that_cannot_be_set_changes_nothing(data, capsys, words, said):
    for moment in (2, 3):
        data.write_blocking(lambda c, moment=moment: create_account(c, "shop", moment))
    before = answer(capsys, "accounts", "list")

    assert run(["accounts", "tier", *words]) == 1
    assert capsys.readouterr().err.startswith(f"gesso: {said}")
    assert answer(capsys, "accounts", "list") == before


def test_an_id_goes_before_another_accounts_name(data, capsys):
    (first,) = answer(capsys, "accounts", "list")
    other = data.write_blocking(lambda c: create_account(c, first["id"], 2))

    assert answer(capsys, "accounts", "tier", first["id"], "free")["id"] == first["id"]
    assert {row["id"]: row["tier"] for row in answer(capsys, "accounts", "list")} == {
        first["id"]: "free",
        other: "business",
    }


def test_a_grant_changes_one_mode_only(data, capsys):
    assert answer(capsys, "credits", "show") == {"live": "10000", "test": "10000"}

    assert answer(capsys, "credits", "grant", "0.25", "--test") == {
        "granted": "0.25",
        "mode": "test",
        "balance": "10000.25",
    }
    assert answer(capsys, "credits", "show") == {"live": "10000", "test": "10000.25"}


@pytest.mark.parametrize("amount", ["0", "-5", "much", "0.0000001", "NaN", "Infinity", "1e40"])
def test_a_senseless_grant_is_refused_and_changes_nothing(data, capsys, amount):
    assert run(["credits", "grant", "--", amount]) == 1
    assert f"gesso: {amount} is not a number of credits" in capsys.readouterr().err
    assert answer(capsys, "credits", "show")["live"] == "10000"


def test_the_check_passes_and_finds_a_forged_balance(data, capsys):
    from sqlalchemy import text

    assert run(["credits", "check"]) == 0
    said = "Every balance is what its ledger adds up to, and every job was charged and refunded what it should be.\n"
    assert capsys.readouterr().out == said

    data.write_blocking(lambda c: c.execute(text("UPDATE balances SET balance_micro = 1 WHERE mode = 'live'")))
    assert run(["credits", "check"]) == 1
    assert "live balance" in capsys.readouterr().err


def test_with_several_accounts_one_must_be_named(data, capsys):
    other = data.write_blocking(lambda c: create_account(c, "other", 2, 5 * MICRO))
    data.write_blocking(lambda c: create_key(c, other, "live", "", 2))

    assert run(["credits", "show"]) == 1
    assert "--account" in capsys.readouterr().err
    assert answer(capsys, "credits", "show", "--account", other)["live"] == "5"
    assert run(["credits", "show", "--account", "nobody"]) == 1
    assert "There is no account nobody" in capsys.readouterr().err


def test_no_jobs_is_said_and_an_unknown_one_is_an_error(data, capsys):
    assert run(["jobs", "list"]) == 0
    assert capsys.readouterr().err == "There are no live jobs. Jobs of test keys are listed with --test.\n"
    assert run(["jobs", "show", "nothing"]) == 1
    assert "gesso jobs list" in capsys.readouterr().err
    assert run(["jobs", "list", "--state", "sleeping"]) == 1
    assert "queued, running, succeeded, failed, cancelled" in capsys.readouterr().err


def test_a_key_has_the_limits_it_was_given(data, capsys):
    words = ("--requests-per-minute", "60", "--concurrent-jobs", "none", "--credits-per-day", "12.5")
    made = answer(capsys, "keys", "create", *words)
    shown = {"requests_per_minute": 60, "concurrent_jobs": "none", "credits_per_day": "12.5"}
    assert {name: made[name] for name in shown} == shown
    limits = data.read_blocking(lambda c: find_caller(c, made["secret"])).limits
    assert (limits.requests_per_minute, limits.concurrent_jobs, limits.credits_per_day_micro) == (60, 0, 12_500_000)

    changed = answer(capsys, "keys", "limit", made["id"], "--concurrent-jobs", "4", "--credits-per-day", "default")
    assert changed == {"id": made["id"], "requests_per_minute": 60, "concurrent_jobs": 4, "credits_per_day": None}
    assert answer(capsys, "keys", "limit", made["id"]) == changed
    (listed,) = [key for key in answer(capsys, "keys", "list") if key["id"] == made["id"]]
    assert {name: listed[name] for name in shown} == {name: changed[name] for name in shown}


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "nan", "1e9"])
def test_what_is_no_limit_is_refused(data, capsys, text):
    assert run(["keys", "create", "--requests-per-minute", text]) == 1
    assert "is no limit" in capsys.readouterr().err


def test_there_is_no_limiting_a_key_that_is_not_there(data, capsys):
    assert run(["keys", "limit", "nobody", "--concurrent-jobs", "1"]) != 0
    assert "no key nobody" in capsys.readouterr().err
