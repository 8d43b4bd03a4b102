"""Keys and money: secrets are never kept, balances never negative, every movement is in the ledger."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gesso.accounts.keys import create_key, find_caller, first_start, list_keys, revoke_key
from gesso.accounts.ledger import audit, balance, charge, entries, grant, refund
from gesso.accounts.priority import HIGH, LOW, NORMAL
from gesso.domain.errors import InsufficientCredits, InvalidInput, NotFound
from gesso.domain.faults import Fault


def test_the_first_start_makes_an_account_with_a_key_and_credits_of_each_mode(make_database):
    database = make_database()
    first = database.write_blocking(lambda c: first_start(c, 1, 5000))
    for mode, secret in (("live", first.live_secret), ("test", first.test_secret)):
        assert re.fullmatch(rf"gesso_{mode}_[0-9A-Za-z]{{43}}", secret)
        caller = database.read_blocking(lambda c, secret=secret: find_caller(c, secret))
        assert (caller.account_id, caller.mode, caller.tier) == (first.account_id, mode, "business")
        assert database.read_blocking(lambda c, mode=mode: balance(c, first.account_id, mode)) == 5000
    assert first.live_secret not in repr(first)
    assert database.write_blocking(lambda c: first_start(c, 2, 5000)) is None
    assert len(database.read_blocking(lambda c: list_keys(c, None))) == 2
    database.close()


def test_several_processes_that_start_at_once_make_one_account(make_database):
    database = make_database()
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: database.write_blocking(lambda c: first_start(c, 1, 5000)), range(6)))
    assert sum(first is not None for first in made) == 1
    assert len(database.read_blocking(lambda c: list_keys(c, None))) == 2
    database.close()


@pytest.mark.parametrize("priority", [HIGH, NORMAL, LOW])
def test_a_key_has_a_priority_and_says_it_when_listed_and_used(world, priority):
    row, secret = world.write(lambda c: create_key(c, world.me.account_id, "live", "", world.now, priority))
    assert row.priority == priority
    assert world.read(lambda c: find_caller(c, secret)).priority == priority
    assert row in world.read(lambda c: list_keys(c, world.me.account_id))


def test_keys_are_of_normal_priority(world):
    row, _ = world.write(lambda c: create_key(c, world.me.account_id, "live", "", world.now))
    assert (row.priority, world.me.priority) == (NORMAL, NORMAL)


@pytest.mark.parametrize("fault", [Fault("moderated"), Fault("slow", 90)])
def test_a_test_key_has_a_fault_and_says_it_when_listed_and_used(world, fault):
    row, secret = world.write(lambda c: create_key(c, world.me.account_id, "test", "", world.now, fault=fault))
    assert row.fault == str(fault)
    assert world.read(lambda c: find_caller(c, secret)).fault == str(fault)
    assert row in world.read(lambda c: list_keys(c, world.me.account_id))


@pytest.mark.parametrize("fault", [None, Fault("none")])
def test_a_key_has_no_fault_unless_it_is_given_one(world, fault):
    row, secret = world.write(lambda c: create_key(c, world.me.account_id, "test", "", world.now, fault=fault))
    assert row.fault is None
    assert world.read(lambda c: find_caller(c, secret)).fault is None


def test_a_live_key_with_a_fault_is_refused_and_not_made(world):
    before = world.read(lambda c: list_keys(c, None))
    with pytest.raises(InvalidInput, match="Only a test key"):
        world.write(lambda c: create_key(c, world.me.account_id, "live", "", world.now, fault=Fault("fail")))
    assert world.read(lambda c: list_keys(c, None)) == before


def test_only_the_hash_of_a_secret_is_stored(world, tmp_path):
    row, secret = world.write(lambda c: create_key(c, world.me.account_id, "test", "mine", world.now))
    stored = world.read(lambda c: repr(c.exec_driver_sql("SELECT * FROM keys").all()))
    assert secret not in stored
    assert secret.startswith(row.prefix)
    assert len(row.prefix) < len("gesso_test_") + 10
    assert row in world.read(lambda c: list_keys(c, world.me.account_id))


def test_a_revoked_key_is_nobodys(world):
    row, secret = world.write(lambda c: create_key(c, world.me.account_id, "live", "", world.now))
    assert world.read(lambda c: find_caller(c, secret)).key_id == row.id
    for _ in range(2):
        world.write(lambda c: revoke_key(c, row.id, world.now))
        world.now += 1
        assert world.read(lambda c: find_caller(c, secret)) is None
    (listed,) = [key for key in world.read(lambda c: list_keys(c, None)) if key.id == row.id]
    assert listed.revoked_at == world.now - 2


def test_revoking_what_is_not_there_says_so(world):
    with pytest.raises(NotFound):
        world.write(lambda c: revoke_key(c, "nothing", 1))


@pytest.mark.parametrize("secret", ["", "gesso_live_", "gesso_live_\ud800", "x" * 100_000, "\0"])
def test_junk_is_nobodys_key(world, secret):
    assert world.read(lambda c: find_caller(c, secret)) is None


def test_modes_have_balances_of_their_own(world):
    me = world.me.account_id
    world.write(lambda c: charge(c, me, "test", 10, None, world.now, ""))
    assert world.balance(mode="live") - world.balance(mode="test") == 10


def test_a_charge_that_is_too_large_takes_nothing(world):
    before = world.balance()
    with pytest.raises(InsufficientCredits):
        world.write(lambda c: charge(c, world.me.account_id, "live", before + 1, None, 1, ""))
    assert world.balance() == before


@pytest.mark.parametrize("move", [grant, charge, refund])
def test_moves_of_nothing_leave_no_entry_and_negative_ones_are_mistakes(world, move):
    me = world.me.account_id
    world.write(lambda c: move(c, me, "live", 0, None, 1, ""))
    assert len(world.read(lambda c: entries(c, me, "live", None, 10)).entries) == 1
    with pytest.raises(ValueError, match="negative"):
        world.write(lambda c: move(c, me, "live", -1, None, 1, ""))


def test_a_job_cannot_be_refunded_or_charged_twice(world):
    job = world.submit(price=100)
    world.cancel(job)
    before = world.balance()
    for move in (refund, charge):
        with pytest.raises(Exception, match=r"(?i)unique"):
            world.write(lambda c, move=move: move(c, world.me.account_id, "live", 100, job.id, 1, ""))
    assert world.balance() == before


def test_the_ledger_pages_from_new_to_old(world):
    me = world.me.account_id
    for amount in (1, 2, 3, 4):
        world.write(lambda c, amount=amount: grant(c, me, "live", amount, None, amount, f"gift {amount}"))
    first = world.read(lambda c: entries(c, me, "live", None, 3))
    second = world.read(lambda c: entries(c, me, "live", first.next_cursor, 3))
    assert [entry.micro for entry in first.entries] == [4, 3, 2]
    assert [entry.micro for entry in second.entries] == [1, 1_000_000]
    assert second.next_cursor is None
    assert first.entries[0].balance_after == world.balance()


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1.0", "9" * 40, "²"])
def test_a_ledger_cursor_of_ones_own_making_is_refused(world, cursor):
    with pytest.raises(InvalidInput):
        world.read(lambda c: entries(c, world.me.account_id, "live", cursor, 3))


def test_threads_cannot_spend_the_same_credit(world):
    poor = world.account(grant=100)

    def spend(_: int) -> bool:
        try:
            world.write(lambda c: charge(c, poor.account_id, "live", 30, None, 1, ""))
        except InsufficientCredits:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(spend, range(16))) == 3
    assert world.balance(poor) == 10


@pytest.fixture(scope="module")
def shared_database(make_database):
    """One database for all examples."""
    return make_database()


def test_jobs_submitted_at_once_spend_what_there_is_and_no_more(world):
    poor = world.account(grant=1000)

    def once(_: int) -> bool:
        try:
            world.submit(caller=poor, price=130)
        except InsufficientCredits:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(once, range(48))) == 7
    assert world.balance(poor) == 90
    assert world.audit() == []


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([grant, charge, refund]), st.integers(0, 400)), max_size=12))
def test_the_balance_is_what_the_ledger_adds_up_to_and_never_negative(shared_database, moves):
    def work(connection):
        from gesso.accounts.keys import create_account

        account_id, expected = create_account(connection, "", 1, 0), 0
        for move, amount in moves:
            try:
                with connection.begin_nested():
                    move(connection, account_id, "live", amount, None, 1, "")
            except InsufficientCredits:
                assert amount > expected
            else:
                expected += -amount if move is charge else amount
            assert balance(connection, account_id, "live") == expected >= 0
        assert audit(connection) == []

    shared_database.write_blocking(work)
