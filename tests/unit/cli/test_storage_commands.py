"""`gesso storage check`: what it counts, lists and leaves with."""

from __future__ import annotations

import hashlib
import json

import pytest

from gesso.accounts.keys import first_start
from gesso.cli.app import run
from gesso.domain.ids import new_id
from gesso.installation import open_database
from gesso.settings import Settings
from gesso.storage.rows import BlobRow, add_blob

DATA = b"a picture"


@pytest.fixture
def rows(tmp_path, monkeypatch):
    """Three rows, in the order of their ids, each with its object in the data folder."""
    monkeypatch.chdir(tmp_path)
    database = open_database(Settings())
    keys = database.write_blocking(lambda c: first_start(c, 1, 0))
    rows = [
        BlobRow(
            id=new_id(),
            account_id=keys.account_id,
            mode="live",
            owner="file",
            owner_id=keys.account_id,
            media_type="image/png",
            size_bytes=len(DATA),
            sha256=hashlib.sha256(DATA).hexdigest(),
            created_at=1,
        )
        for _ in range(3)
    ]
    for row in rows:
        database.write_blocking(lambda c, row=row: add_blob(c, row))
        path = tmp_path / "data" / "blobs" / row.account_id / row.id
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(DATA)
    database.close()
    rows.sort(key=lambda row: row.id)  # those of one millisecond are in no order
    return [(row, tmp_path / "data" / "blobs" / row.account_id / row.id) for row in rows]


def test_all_there(rows, capsys):
    assert run(["storage", "check"]) == 0
    assert "Every object is there: 3 rows." in capsys.readouterr().err
    assert run(["storage", "check", "--contents", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"rows": 3, "missing": 0, "other": 0, "found": []}


def test_what_is_not_is_counted_and_listed(rows, capsys):
    (gone, path), (cut, short), (other, changed) = rows
    path.unlink()
    short.write_bytes(DATA[:-1])
    changed.write_bytes(DATA[::-1])
    assert run(["storage", "check", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["rows"], told["missing"], told["other"]) == (3, 1, 1)
    assert {row["object"]: row["found"] for row in told["found"]} == {
        f"{gone.account_id}/{gone.id}": "missing",
        f"{cut.account_id}/{cut.id}": "other",
    }
    assert run(["storage", "check", "--contents", "--quiet"]) == 1
    assert capsys.readouterr().out.split() == [row.id for row in (gone, cut, other)]
    assert run(["storage", "check", "--most", "1"]) == 1
    shown = capsys.readouterr()
    assert gone.id in shown.out
    assert cut.id not in shown.out
    assert "Of 3 rows 1 have no object and 1 another one." in shown.err
