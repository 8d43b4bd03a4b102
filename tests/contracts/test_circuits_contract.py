"""What all processes together send to one receiver: no more than it may have, little to one that fails, all in the end."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, text
from store_world import World

from gesso.domain.circuit import FAILURES, FIRST_PAUSE, WELL, Circuit
from gesso.domain.clock import DAY, HOUR, SECOND
from gesso.domain.delivery import Attempt, Delivery
from gesso.domain.hook import Hook
from gesso.jobs import circuits, deliveries
from gesso.jobs.deliveries import Then, count_pending, give_up_waiting, record, send_again
from gesso.jobs.delivery_claim import LINES, PAGE, PAGES, Claimed, Room, claim_due, next_due
from gesso.jobs.delivery_log import own_delivery

CLAIM = 30 * SECOND
ROOM = Room(total=100, per_host=8, per_account=64)
DEAD = "dead.example"
SHARED = pytest.mark.parametrize(
    "make_database", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True, scope="session"
)


def told(world: World, host: str = DEAD, count: int = 1, **rest) -> None:
    """End so many jobs that are to be told to a host."""
    for number in range(count):
        world.settle(world.running(webhook=Hook(url=f"https://{host}/{number}"), **rest))


def many(world: World, host: str, count: int) -> None:
    """Put so many more deliveries beside a host's first, by a statement of their own: jobs would take too long."""
    told(world, host)
    columns = "account_id, mode, job_id, dialect, url, host, secret, state, attempts, tried, next_at, created_at"
    numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)"
    copy = text(
        f"{numbers} INSERT INTO webhook_deliveries (id, event, registration_id, {columns}) "
        f"SELECT d.id || '-' || n.i, d.event, 'r' || n.i, {columns} FROM webhook_deliveries AS d, n WHERE d.host = :host"
    )
    world.write(lambda c: c.execute(copy, {"host": host, "count": count - 1}))


def claimed(world: World, room: Room = ROOM) -> Claimed:
    return world.write(lambda c: claim_due(c, room, world.now, CLAIM))


def hosts(found: Claimed) -> list[str]:
    return sorted(delivery.host for delivery in found.deliveries)


def ends(world: World, delivery: Delivery, *, taken: bool, next_at: int | None = None) -> Circuit:
    """Record what came of an attempt, as a deliverer does; what is not taken is due again in an hour."""
    attempt = Attempt(number=delivery.attempts + 1, at=world.now, status=200 if taken else None)
    then = Then("delivered") if taken else Then("pending", next_at=next_at or world.now + HOUR)

    def work(connection):
        assert record(connection, delivery, attempt, then)
        return circuits.note(
            connection,
            (delivery.account_id, delivery.host),
            taken=taken,
            began=(delivery.claimed_until or 0) - CLAIM,
            now=world.now,
            most=ROOM.per_host,
            dice=lambda: 0.0,
        )

    return world.write(work)


def circuit(world: World, host: str = DEAD) -> Circuit:
    return world.read(lambda c: circuits.find_circuit(c, world.me.account_id, host))


def dies(world: World, host: str = DEAD) -> None:
    """Let as many attempts at a host fail as open its circuit."""
    told(world, host, FAILURES)
    for delivery in claimed(world, Room(FAILURES, 8, 64)).deliveries:
        ends(world, delivery, taken=False)
    assert circuit(world, host).state(world.now) == "open"


# ── how many at once ──────────────────────────────────────────────────────────────────────────────────


def test_all_processes_together_send_a_host_no_more_than_it_may_have(world):
    told(world, "busy.example", 20)
    told(world, "other.example")
    first, second = claimed(world, Room(5, 8, 64)), claimed(world)
    assert hosts(first) == ["busy.example"] * 5
    assert hosts(second) == ["busy.example"] * 3 + ["other.example"]
    assert second.left_some
    assert hosts(claimed(world)) == []
    ends(world, first.deliveries[0], taken=True)
    assert hosts(claimed(world)) == ["busy.example"]


def test_an_account_has_no_more_on_its_way_than_it_may(world):
    stranger = world.account()
    for number in range(6):
        told(world, f"{number}.example")
        told(world, f"{number}.example", caller=stranger)
    assert len(claimed(world, Room(100, 8, 4)).deliveries) == 8
    assert claimed(world, Room(100, 8, 4)).deliveries == ()


def test_claims_of_one_instant_do_not_pass_a_hosts_limit(world):
    """Sixteen claims on four threads, with deliveries that end in between: never is one too many on its way."""
    told(world, "busy.example", 30)
    told(world, "other.example", 6)
    room, most, lock = Room(4, 3, 64), 0, threading.Lock()
    count = text("SELECT host, COUNT(*) FROM webhook_deliveries WHERE claimed_until IS NOT NULL GROUP BY host")

    def work(_: int) -> list[str]:
        nonlocal most
        found = claimed(world, room).deliveries
        counts = [each for _, each in world.read(lambda c: c.execute(count).all())]
        with lock:
            most = max([most, *counts])
        for delivery in found:
            ends(world, delivery, taken=True)
        return [delivery.id for delivery in found]

    with ThreadPoolExecutor(4) as pool:
        ids = [identifier for found in pool.map(work, range(16)) for identifier in found]
    while found := claimed(world, room).deliveries:  # the rest
        ids += [delivery.id for delivery in found if ends(world, delivery, taken=True) == WELL]
    assert 1 <= most <= 3
    assert len(set(ids)) == len(ids) == 36


def test_who_waits_for_a_place_goes_in_the_order_of_the_events(world):
    told(world, "busy.example", 12)
    order = []
    while found := claimed(world, Room(9, 2, 9)).deliveries:
        order += [delivery.url for delivery in found]
        told(world, "busy.example") if len(order) == 4 else None
        for delivery in found:
            ends(world, delivery, taken=True)
    assert order == [f"https://busy.example/{number}" for number in (*range(12), 0)]
    assert world.read(lambda c: c.execute(text("SELECT COUNT(*) FROM webhook_circuits")).scalar()) == 0


# ── a receiver that fails ─────────────────────────────────────────────────────────────────────────────


def test_what_waits_for_a_dead_receiver_spends_no_attempts(world):
    dies(world)
    told(world, count=3)
    assert hosts(claimed(world)) == []
    open_until = circuit(world).open_until
    assert world.read(lambda c: next_due(c, -1)) == open_until
    world.now = open_until - 1
    assert hosts(claimed(world)) == []
    world.now += 1
    (probe,) = claimed(world).deliveries
    assert (probe.attempts, probe.tried) == (0, 0)
    assert hosts(claimed(world)) == []
    again = ends(world, probe, taken=False)
    assert again.open_until == world.now + 2 * FIRST_PAUSE
    assert hosts(claimed(world)) == []


def test_a_dead_receiver_of_one_account_is_not_dead_for_another(world):
    dies(world)
    told(world, caller=world.account())
    assert hosts(claimed(world)) == [DEAD]


def test_a_receiver_that_comes_back_gets_everything_by_degrees(world):
    """Also what had failed and would have been tried in an hour, which costs it no attempt."""
    dies(world)
    told(world, count=30)
    assert hosts(claimed(world)) == []
    world.now += FIRST_PAUSE
    (probe,) = claimed(world).deliveries
    ends(world, probe, taken=True)
    at_once, seen = [], [probe.id]
    while found := claimed(world).deliveries:
        at_once.append(len(found))
        for delivery in found:
            seen.append(delivery.id)
            assert delivery.tried == 0
            ends(world, delivery, taken=True)
    assert at_once[:3] == [2, 4, 8]
    assert max(at_once) == ROOM.per_host
    assert len(set(seen)) == len(seen) == FAILURES + 30
    assert (circuit(world), world.read(count_pending)) == (WELL, 0)
    assert world.read(lambda c: c.execute(text("SELECT COUNT(*) FROM webhook_circuits")).scalar()) == 0


@SHARED  # SQLite has one writer
def test_what_others_change_while_a_receiver_comes_back_is_left_to_them(world):
    """Neither waited for, as whoever claims may wait for the circuit that is held here, nor moved from its new place."""
    dies(world)
    world.now += FIRST_PAUSE
    told(world)
    (first,) = claimed(world).deliveries
    mine, own = world.read(lambda c: c.execute(text(_WAITING)).scalars().first()), (world.me.account_id, world.me.mode)
    begun, came_back = threading.Event(), threading.Event()

    def again(connection):
        send_again(connection, own_delivery(connection, mine, *own).delivery, world.now)
        begun.set()
        return came_back.wait(5)

    with ThreadPoolExecutor(1) as pool:
        sent_again = pool.submit(world.write, again)
        assert begun.wait(5)
        assert ends(world, first, taken=True).state(world.now) == "closed"
        came_back.set()
        assert sent_again.result(10)
    waiting = world.read(
        lambda c: c.execute(text("SELECT id, tried FROM webhook_deliveries WHERE state = 'pending'")).all()
    )
    assert {tried for _, tried in waiting} == {0}


_WAITING = "SELECT id FROM webhook_deliveries WHERE state = 'pending' AND claimed_until IS NULL AND lined = FALSE"


def test_one_that_fails_again_while_it_comes_back_gets_no_more(world):
    dies(world)
    told(world, count=9)
    claimed(world)
    world.now += FIRST_PAUSE
    (probe,) = claimed(world).deliveries
    ends(world, probe, taken=True)
    first, second = claimed(world).deliveries
    world.now += SECOND
    ends(world, first, taken=False)
    ends(world, second, taken=False)  # it was on its way already
    assert circuit(world).open_until == world.now + 2 * FIRST_PAUSE
    assert hosts(claimed(world)) == []


def test_when_the_process_that_tries_dies_another_does(world):
    dies(world)
    told(world)
    claimed(world)
    world.now += FIRST_PAUSE
    (probe,) = claimed(world).deliveries
    world.now += CLAIM - 1
    assert hosts(claimed(world)) == []
    world.now += 1
    assert hosts(claimed(world)) == []  # it is put back in line
    (again,) = claimed(world).deliveries
    assert again.id == probe.id
    assert not world.write(lambda c: record(c, probe, Attempt(number=1, at=world.now, status=200), Then("delivered")))


def test_ten_thousand_for_a_dead_receiver_are_in_nobodys_way(world):
    """Each is met once; from then on a claim reads only what may go."""
    dies(world)
    many(world, DEAD, 10_000)
    told(world, "well.example")
    claims = 0
    while not (found := claimed(world)).deliveries:
        claims += 1
        assert found.unseen
    assert claims <= 10_000 / (PAGE * PAGES) + 1
    while claimed(world).unseen:
        pass
    due = world.read(lambda c: c.execute(_COUNT_DUE, {"now": world.now}).scalar())
    assert due == 0
    assert hosts(found) == ["well.example"]
    statements: list[str] = []

    def note(_c, _cursor, statement, *_rest):
        statements.append(statement)

    def work(connection):
        event.listen(connection, "before_cursor_execute", note)
        try:
            return claim_due(connection, ROOM, world.now, CLAIM)
        finally:
            event.remove(connection, "before_cursor_execute", note)

    told(world, "well.example")
    assert hosts(world.write(work)) == ["well.example"]
    assert len(statements) <= 7
    world.now += FIRST_PAUSE
    assert hosts(claimed(world)) == [DEAD]


_COUNT_DUE = text(
    "SELECT COUNT(*) FROM webhook_deliveries WHERE state = 'pending' AND lined = FALSE AND next_at <= :now"
)


@SHARED  # the plans of SQLite are tested by themselves
def test_each_query_of_a_claim_reads_its_index(world):
    dies(world)
    many(world, DEAD, 5_000)
    while claimed(world).unseen:
        pass
    many(world, "well.example", 5_000)
    claimed(world)
    world.write(lambda c: c.execute(text("ANALYZE webhook_deliveries")))
    from gesso.jobs import delivery_claim

    due = delivery_claim._due(False, "")

    def explain(connection):
        rows = connection.execute(text(f"EXPLAIN ANALYZE {due.text}"), {"now": world.now, "most": PAGE}).scalars()
        return "\n".join(rows)

    plan = world.read(explain)
    assert "webhook_deliveries_due" in plan
    assert "Rows Removed" not in plan


# ── the end of waiting ────────────────────────────────────────────────────────────────────────────────


def test_what_waited_for_days_is_given_up(world):
    dies(world)
    told(world, count=3)
    claimed(world)
    began = world.now
    assert world.write(lambda c: give_up_waiting(c, began, world.now, 99)) == 0  # it has not failed for long
    world.write(lambda c: c.execute(text("UPDATE webhook_circuits SET openings = :dead"), {"dead": deliveries.DEAD}))
    assert world.write(lambda c: give_up_waiting(c, began - DAY, world.now, 99)) == 0
    assert world.write(lambda c: give_up_waiting(c, began, world.now, 2)) == 2
    assert world.write(lambda c: give_up_waiting(c, began, world.now, 2)) == 1
    world.now += FIRST_PAUSE
    assert hosts(claimed(world)) == []
    assert world.read(lambda c: next_due(c, -1)) > world.now + SECOND  # its line is over


def test_what_only_waits_for_a_place_is_not_given_up(world):
    """After an outage of ours of a week, everything is old and none was tried."""
    told(world, "well.example", 12)
    world.now += 7 * DAY
    assert len(claimed(world).deliveries) == ROOM.per_host
    assert world.write(lambda c: give_up_waiting(c, world.now, world.now, 99)) == 0


def test_what_is_to_be_told_again_is_tried_now(world):
    """The circuit lets one through, and the time until it is given up begins anew."""
    dies(world)
    told(world)
    claimed(world)
    row = world.read(lambda c: c.execute(text("SELECT id FROM webhook_deliveries WHERE lined = TRUE")).scalar())
    found = world.read(lambda c: own_delivery(c, row, world.me.account_id, "live")).delivery
    assert found.lined
    world.write(lambda c: send_again(c, found, world.now))
    assert [delivery.id for delivery in claimed(world).deliveries] == [row]
    again = world.read(lambda c: own_delivery(c, row, world.me.account_id, "live")).delivery
    assert (again.lined, again.since) == (False, world.now)


def test_circuits_are_counted_and_forgotten(world):
    assert world.read(lambda c: circuits.count_circuits(c, world.now)) == {"open": 0, "half_open": 0}
    dies(world)
    assert world.read(lambda c: circuits.count_circuits(c, world.now)) == {"open": 1, "half_open": 0}
    later = world.now + FIRST_PAUSE
    assert world.read(lambda c: circuits.count_circuits(c, later)) == {"open": 0, "half_open": 1}
    assert world.write(lambda c: circuits.forget_circuits(c, later)) == 0  # deliveries wait for it
    world.write(lambda c: c.execute(text("UPDATE webhook_deliveries SET state = 'failed', next_at = NULL")))
    assert world.write(lambda c: circuits.forget_circuits(c, world.now)) == 0
    assert world.write(lambda c: circuits.forget_circuits(c, later)) == 1


def test_a_deleted_job_leaves_its_line(world):
    dies(world)
    told(world)
    claimed(world)
    job_id = world.read(lambda c: c.execute(text("SELECT job_id FROM webhook_deliveries WHERE lined = TRUE")).scalar())
    world.delete(world.job(job_id))
    assert world.read(lambda c: c.execute(text("SELECT COUNT(*) FROM webhook_deliveries WHERE lined")).scalar()) == 0


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://A.example/x", "a.example"),
        ("https://a.example:8443/x", "a.example:8443"),
        ("http://[::1]:80/", "[::1]:80"),
        ("http://user:pass@a.example/", "a.example"),
        ("http://a.example:99999/", ""),
    ],
)
def test_a_host_has_its_port(url, host):
    assert circuits.host_of(url) == host


def test_lines_that_only_wait_for_their_time_keep_no_other_from_its_turn(world):
    """As a process of the version before leaves them, which knows no lines: it takes from one, and tries again later."""
    told(world, "old.example")
    columns = "account_id, mode, job_id, dialect, url, secret, state, attempts, tried, created_at"
    numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)"
    later = text(
        f"{numbers} INSERT INTO webhook_deliveries (id, event, registration_id, host, lined, next_at, {columns}) "
        f"SELECT d.id || '-' || n.i, d.event, 'r' || n.i, 'h' || n.i, TRUE, :later, {columns} "
        "FROM webhook_deliveries AS d, n"
    )
    begin = text(
        "INSERT INTO webhook_circuits (account_id, host, failures, openings, look_at) "
        "SELECT account_id, host, 0, 0, :now FROM webhook_deliveries WHERE lined = TRUE"
    )
    world.write(lambda c: c.execute(later, {"count": LINES, "later": world.now + HOUR}))
    world.write(lambda c: c.execute(begin, {"now": world.now - SECOND}))
    assert hosts(claimed(world)) == ["old.example"]
    told(world, "busy.example", 2)
    served = []
    for _ in range(3):
        world.now += SECOND
        taken = claimed(world, Room(100, 1, 64)).deliveries
        served += [ends(world, delivery, taken=True) for delivery in taken]
    assert len(served) == 2
    world.now += HOUR
    room = Room(200, 8, 200)
    assert {f"h{number}" for number in range(1, LINES + 1)} <= {
        *hosts(claimed(world, room)),
        *hosts(claimed(world, room)),
    }


def test_a_take_over_leaves_lines_alone(world):
    dies(world)
    told(world)
    claimed(world)
    assert world.write(lambda c: deliveries.take_over(c, world.now)) == 0
    assert hosts(claimed(world)) == []
