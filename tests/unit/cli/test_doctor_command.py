"""`gesso doctor` on a node of a fleet: what it needs is elsewhere, and asked for also before the first start."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from gesso.cli.app import build

NOBODY = "postgresql://gesso:hush@127.0.0.1:1/gesso"


@pytest.fixture
def findings(tmp_path, monkeypatch):
    def found(**settings: str) -> dict[str, dict[str, str]]:
        monkeypatch.chdir(tmp_path)
        for name, value in settings.items():
            monkeypatch.setenv(f"GESSO_{name.upper()}", value)
        shown = CliRunner().invoke(build(), ["doctor", "--json"])
        assert "hush" not in shown.output
        return {row["what"]: row for row in json.loads(shown.stdout)}

    return found


def test_a_database_that_is_away_is_found_out_before_there_is_a_data_folder(findings, tmp_path):
    row = findings(database_url=NOBODY)["database"]
    assert row["state"] == "broken"
    assert not (tmp_path / "data").exists()


def test_without_one_the_first_start_makes_it(findings):
    row = findings()["data folder"]
    assert (row["state"], "not there yet" in row["detail"]) == ("ok", True)


def test_a_node_with_a_link_secret_of_its_own_is_told_to_share_one(findings, monkeypatch):
    assert "link secret" not in findings()
    told = findings(database_url=NOBODY, storage_url="memory://")["link secret"]
    assert (told["state"], "GESSO_LINK_SECRET" in told["detail"]) == ("missing", True)
    assert "link secret" not in findings(link_secret="s" * 32)
