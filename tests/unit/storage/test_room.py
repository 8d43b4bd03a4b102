"""Whether the disk has room for more."""

from __future__ import annotations

import shutil

import pytest

from gesso.domain.errors import StorageFailed, StorageFull
from gesso.storage.room import DiskRoom


def test_a_disk_with_room_says_nothing(tmp_path):
    DiskRoom(tmp_path, 0).check()
    DiskRoom(tmp_path, 1).check()


def test_less_than_must_be_free_is_full(tmp_path, monkeypatch):
    usage = type(shutil.disk_usage(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1000, 901, 99))
    DiskRoom(tmp_path, 99).check()
    with pytest.raises(StorageFull) as caught:
        DiskRoom(tmp_path, 100).check()
    assert str(tmp_path) not in caught.value.message


def test_a_folder_that_is_gone_is_a_failure_without_its_place(tmp_path):
    with pytest.raises(StorageFailed) as caught:
        DiskRoom(tmp_path / "gone", 1).check()
    assert type(caught.value) is StorageFailed
    assert str(tmp_path) not in caught.value.message
