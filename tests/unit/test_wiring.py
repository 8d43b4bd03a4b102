"""What a server refuses to be assembled from."""

from __future__ import annotations

import pytest

from gesso.domain.errors import OperatorError
from gesso.settings import Settings
from gesso.wiring import build


def test_pictures_of_a_sqlite_database_are_not_given_to_another(tmp_path):
    """Without rows there they would be taken for orphans, and swept."""
    build(Settings(data_dir=tmp_path)).close()
    with pytest.raises(OperatorError, match="GESSO_DATA_DIR to a folder of its own"):
        build(Settings(data_dir=tmp_path, database_url="postgresql://nobody@localhost:1/none"))
    build(Settings(data_dir=tmp_path)).close()
