"""Owner rows of stored objects: whose they are and how long they are kept."""

from __future__ import annotations

import pytest

from gesso.domain.errors import Conflict, NotFound
from gesso.domain.ids import new_id
from gesso.storage.rows import (
    add_blob,
    blobs_of_account,
    delete_blob_row,
    get_blob,
    get_own_blob,
    ids_with_row,
    take_expired,
)


def keep(world, **changes):
    row = world.blob(**{"owner": "file", "owner_id": world.me.account_id} | changes)
    world.write(lambda c: add_blob(c, row))
    return row


def test_a_row_reads_back_as_it_was_written(world):
    row = keep(world, filename="ça va.png", expires_at=5)
    assert world.read(lambda c: get_blob(c, row.id)) == row
    assert world.read(lambda c: get_own_blob(c, row.id, world.me.account_id, "live")) == row


def test_anothers_row_is_as_absent_as_none(world):
    row = keep(world)
    for account_id, mode in ((world.account().account_id, "live"), (world.me.account_id, "test")):
        with pytest.raises(NotFound):
            world.read(lambda c, account_id=account_id, mode=mode: get_own_blob(c, row.id, account_id, mode))
    assert world.read(lambda c: get_blob(c, "nothing")) is None


def test_an_id_is_used_once(world):
    row = keep(world)
    with pytest.raises(Conflict):
        world.write(lambda c: add_blob(c, row))


def test_deleting_tells_whether_there_was_something(world):
    row = keep(world)
    assert world.write(lambda c: delete_blob_row(c, row.id))
    assert not world.write(lambda c: delete_blob_row(c, row.id))
    assert world.read(lambda c: get_blob(c, row.id)) is None


def test_expired_rows_go_oldest_first_and_those_without_an_end_never(world):
    late, early = keep(world, expires_at=20), keep(world, expires_at=10)
    kept = {keep(world, expires_at=21).id, keep(world).id}
    assert world.write(lambda c: take_expired(c, 20, 1)) == [early]
    assert world.write(lambda c: take_expired(c, 20, 10)) == [late]
    assert world.write(lambda c: take_expired(c, 20, 10)) == []
    assert world.read(lambda c: ids_with_row(c, [late.id, early.id, *kept])) == kept


def test_which_of_many_ids_have_a_row(world):
    rows = [keep(world) for _ in range(3)]
    asked = [row.id for row in rows] + [new_id() for _ in range(497)]
    assert world.read(lambda c: ids_with_row(c, asked)) == {row.id for row in rows}
    assert world.read(lambda c: ids_with_row(c, [])) == set()


def test_an_id_that_is_taken_undoes_only_its_own_work(world):
    """On PostgreSQL a violated constraint would end the whole transaction."""
    row, other = keep(world), world.blob(owner="file", owner_id=world.me.account_id)

    def work(connection):
        with pytest.raises(Conflict):
            add_blob(connection, row)
        add_blob(connection, other)

    world.write(work)
    assert world.read(lambda c: get_blob(c, other.id)) == other


def test_an_accounts_newest_files_come_first(world):
    rows = [keep(world, created_at=time) for time in (1, 3, 2)]
    keep(world, caller=world.account())
    keep(world, mode="test")
    keep(world, owner="job_input", owner_id="x")
    found = world.read(lambda c: blobs_of_account(c, world.me.account_id, "live", "file", 2))
    assert [row.id for row in found] == [rows[1].id, rows[2].id]
