"""What a server refuses to be assembled from, and what it says of its catalogue."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from gesso.cli.app import build as commands
from gesso.domain.errors import OperatorError, StorageFull
from gesso.settings import Settings
from gesso.wiring import build


def test_pictures_of_a_sqlite_database_are_not_given_to_another(tmp_path):
    """Without rows there they would be taken for orphans, and swept."""
    build(Settings(data_dir=tmp_path)).close()
    with pytest.raises(OperatorError, match="GESSO_DATA_DIR to a folder of its own"):
        build(Settings(data_dir=tmp_path, database_url="postgresql://nobody@localhost:1/none"))
    build(Settings(data_dir=tmp_path)).close()


def test_a_price_of_no_model_keeps_the_server_from_starting(tmp_path):
    with pytest.raises(OperatorError, match='GESSO_PRICES: there is no model "nobody"'):
        build(Settings(data_dir=tmp_path, prices="nobody=1 usd"))


def test_a_replaced_model_is_logged_at_the_start_and_told_by_the_doctor(tmp_path, monkeypatch):
    models = tmp_path / "models"
    models.mkdir()
    (models / "fashn-edit.yaml").write_text(
        "slug: fashn-edit\nname: Mine\nowner: Me\noperations: [generate]\n"
        "parameters: {prompt: {type: string, role: prompt, required: true}}\n"
    )
    with capture_logs() as lines:
        build(Settings(data_dir=tmp_path / "data", model_folders=(models,))).close()
    told = [(line["model"], line["by"]) for line in lines if line["event"] == "model_replaced"]
    assert told == [("fashn-edit", str(models / "fashn-edit.yaml"))]

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GESSO_MODEL_FOLDERS", str(models))
    shown = CliRunner().invoke(commands(), ["doctor", "--json"])
    assert "fashn-edit.yaml replaces the packaged one" in shown.output


def test_nodes_with_one_link_secret_know_each_others_links(tmp_path):
    secret, blob, now = "one secret of every node, 32 characters", "a-blob", 1_000
    parts = [
        build(Settings(data_dir=tmp_path / name, storage_url="memory://", **given))
        for name, given in (("a", {"link_secret": secret}), ("b", {"link_secret": secret}), ("c", {}))
    ]
    try:
        query = dict(parse_qsl(parts[0].links.sign(blob, "GET", now + 60)))
        known = [one.links.verify(blob, "GET", query["expires"], query["signature"], now) for one in parts]
        assert known == [True, True, False]
        assert [(tmp_path / name / "link.secret").exists() for name in "abc"] == [False, False, True]
        assert not list(tmp_path.glob("*/blobs"))
    finally:
        for one in parts:
            one.close()


def test_the_disk_is_guarded_while_anything_is_kept_there(tmp_path):
    """Pictures in an object store leave the database, which needs room too."""
    parts = build(Settings(data_dir=tmp_path, storage_url="memory://", min_free_bytes=1 << 62))
    try:
        with pytest.raises(StorageFull):
            parts.room.check()
    finally:
        parts.close()
