"""One process owns a data directory; the second is told whose it is."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gesso.database.lock import own_data_directory
from gesso.domain.errors import OperatorError

HOLDER = """
import sys
from pathlib import Path
from gesso.database.lock import own_data_directory
with own_data_directory(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_told_which_is_the_first(tmp_path):
    folder = tmp_path / "data"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(OperatorError, match=rf"process {holder.pid}\b.*GESSO_DATA_DIR"), own_data_directory(folder):
            pytest.fail("two processes own one directory")
        holder.kill()  # however it dies, the directory is free
    with own_data_directory(folder):
        pass


def test_the_directory_is_free_again_afterwards(tmp_path):
    for _ in range(2):
        with own_data_directory(tmp_path):
            pass
    with pytest.raises(LookupError), own_data_directory(tmp_path):
        raise LookupError
    with own_data_directory(tmp_path):
        pass


def test_a_new_directory_is_its_owners_alone(tmp_path):
    with own_data_directory(tmp_path / "new"):
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
