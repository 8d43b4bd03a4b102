"""Taking deliveries that are due, so that no receiver and no account gets more at once than it may, over all processes.

What is due and may not go is put in line for its account and host, once, and is in no later claim's way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from sqlalchemy import BindParameter, Connection, bindparam, text
from sqlalchemy.sql.elements import TextClause

from gesso.database.dialect import skip_locked, take_free
from gesso.domain.circuit import WELL, Circuit
from gesso.domain.clock import SECOND
from gesso.domain.delivery import Delivery
from gesso.jobs.circuits import Target, begin_line, end_line, find_circuits, next_look
from gesso.jobs.deliveries import to_delivery

# Of one claim, so that its transaction stays short and holds few names.
PAGE, PAGES = 128, 4  # deliveries looked at in one statement, and such statements
LINES, FEW = 128, 16
BLOCKED = SECOND  # until a line is looked at again whose receiver may have no more now

Found = tuple[str, str, str, int]  # a delivery's id, its host, its account's id, since when it is due
COLUMNS = ", ".join(Delivery.model_fields)
# Conditions are spelt out: a partial index is used only for a condition that reads like its own.
_DUE = "state = 'pending' AND lined = FALSE AND next_at <= :now"
_TAKE = text(
    "UPDATE webhook_deliveries SET next_at = :until, claimed_until = :until, lined = FALSE "  # noqa: S608 - made of constants
    f"WHERE id IN :ids AND state = 'pending' RETURNING {COLUMNS}"
).bindparams(bindparam("ids", expanding=True))
_LINE_UP = text("UPDATE webhook_deliveries SET lined = TRUE, claimed_until = NULL WHERE id IN :ids").bindparams(
    bindparam("ids", expanding=True)
)
_ON_THEIR_WAY = text(
    "SELECT host, account_id, COUNT(*) FROM webhook_deliveries WHERE claimed_until IS NOT NULL "
    "AND claimed_until > :now GROUP BY host, account_id"
)
_IN_LINE = (
    "SELECT id, next_at FROM webhook_deliveries WHERE account_id = :account_id AND host = :host AND state = 'pending' "
    "AND lined = TRUE AND next_at <= :now ORDER BY next_at LIMIT :most"
)
_NEXT_DUE = text(
    "SELECT MIN(next_at) FROM webhook_deliveries WHERE state = 'pending' AND lined = FALSE AND next_at > :after"
)


@dataclass(frozen=True)
class Room:
    """How many this process may take now, and how many each host and account may have on their way, from anywhere."""

    total: int
    per_host: int
    per_account: int


@dataclass(frozen=True)
class Claimed:
    """What was taken, and since when each was due by its id.

    `left_some`: more was perhaps due for which there was no room; `unseen`: some was not looked at.
    """

    deliveries: tuple[Delivery, ...]
    left_some: bool
    unseen: bool = False
    due: Mapping[str, int] = field(default_factory=dict)


def claim_due(connection: Connection, room: Room, now: int, lease: int) -> Claimed:
    """Take what is due, oldest first, for `lease` microseconds; what may not go yet is put in line.

    No host gets more than it may: its name is held from the count to the end of the transaction, and a claim passes
    over names that another holds. Claims of the same instant for other hosts of one account are not seen: each may fill
    the account's room.
    """
    this = _Claim(connection, room, now, lease)
    this.serve_lines()
    unseen = this.serve_due()
    return Claimed(tuple(this.taken), this.left_some or this.left < 1, unseen, this.due)


def next_due(connection: Connection, after: int) -> int | None:
    """Return when the next delivery becomes due after that time, an unfinished one's claim and the lines included."""
    due: int | None = connection.execute(_NEXT_DUE, {"after": after}).scalar()
    look_at = next_look(connection)
    return min((time for time in (due, look_at) if time is not None), default=None)


class _Claim:
    """One claim: what is on its way already, whose names are held, and what was taken."""

    def __init__(self, connection: Connection, room: Room, now: int, lease: int) -> None:
        self.connection, self.room, self.now, self.lease = connection, room, now, lease
        self.taken: list[Delivery] = []
        self.due: dict[str, int] = {}
        self.left_some = False
        self._held: set[str] = set()
        self._elsewhere: set[str] = set()  # hosts that another claim holds
        self._circuits: dict[Target, Circuit] = {}
        self._lined: set[Target] = set()
        self._count()

    @property
    def left(self) -> int:
        """How many more may be taken."""
        return self.room.total - len(self.taken)

    def serve_lines(self) -> None:
        """Take from lines whose time has come, the one that was served longest ago first."""
        full_hosts = [host for host, count in self._hosts.items() if count >= self.room.per_host]
        full_accounts = [account for account, count in self._accounts.items() if count >= self.room.per_account]
        values: dict[str, object] = {"now": self.now, "most": min(LINES, max(self.left, FEW))}
        values |= {"hosts": full_hosts} if full_hosts else {}
        values |= {"accounts": full_accounts} if full_accounts else {}
        found = self.connection.execute(_lines(bool(full_hosts), bool(full_accounts)), values).all()
        lines = [(account_id, host) for account_id, host in found]
        self.left_some = bool(full_hosts or full_accounts)
        self._hold(lines)
        for target in lines:
            if self.left < 1:
                return
            if target[1] in self._held:
                self._serve_line(target)

    def _serve_line(self, target: Target) -> None:
        room = min(self._room_for(target), self.left)
        if room < 1:
            most = self._circuits.get(target, WELL).room(self.now, self.room.per_host)
            if self._targets[target] >= most < self.room.per_host:
                # What the attempts on their way say of the receiver makes it due again before that.
                begin_line(self.connection, target, self.now + BLOCKED)
            self.left_some = True
            return
        values = {"account_id": target[0], "host": target[1], "now": self.now, "most": room}
        rows = self.connection.execute(text(_IN_LINE + skip_locked(self.connection)), values)
        due = {row.id: row.next_at for row in rows}
        self._take(due)
        if len(due) < room and end_line(self.connection, target):
            self._lined.discard(target)
        else:
            begin_line(self.connection, target, self.now)  # behind the others, also where the rest is due later
            self.left_some = True

    def serve_due(self) -> bool:
        """Take what is due and in no line, page by page; return whether there may be more that was not looked at."""
        most = min(PAGE, self.left)  # names of others are left to other claims, if all of these may go
        for _ in range(PAGES):
            if self.left < 1:
                return True
            rows = self._page(most)
            self._hold({(account_id, host) for _, host, account_id, _ in rows})
            self._sort(rows)
            if len(rows) < most:
                return False
            most = PAGE
        return True

    def _page(self, most: int) -> list[Found]:
        elsewhere = {"hosts": list(self._elsewhere)} if self._elsewhere else {}
        statement = _due(bool(elsewhere), skip_locked(self.connection))
        rows = self.connection.execute(statement, {"now": self.now, "most": most} | elsewhere)
        return [(identifier, host, account_id, next_at) for identifier, host, account_id, next_at in rows]

    def _sort(self, rows: Iterable[Found]) -> None:
        """Take those that may go; put the others in line."""
        going: dict[str, int] = {}
        waiting: dict[Target, list[str]] = {}
        for identifier, host, account_id, next_at in rows:
            target = (account_id, host)
            if host not in self._held:
                continue
            if len(going) >= self.left:
                break
            if target in self._lined or target in waiting or self._room_for(target) < 1:
                waiting.setdefault(target, []).append(identifier)
            else:
                going[identifier] = next_at
                self._add(target)
        self._take(going, counted=True)
        for target, ids in sorted(waiting.items()):
            self.connection.execute(_LINE_UP, {"ids": ids})
            begin_line(self.connection, target, self.now)
            self._lined.add(target)
            self.left_some = True

    def _room_for(self, target: Target) -> int:
        account_id, host = target
        of_target = self._circuits.get(target, WELL).room(self.now, self.room.per_host) - self._targets[target]
        of_host = self.room.per_host - self._hosts[host]
        return min(of_target, of_host, self.room.per_account - self._accounts[account_id])

    def _hold(self, targets: Collection[Target]) -> None:
        """Hold the names of these hosts, where no other claim does, and learn what is so of them now."""
        unknown = {host for _, host in targets} - self._held - self._elsewhere
        if unknown:
            held = take_free(self.connection, [f"webhooks to {host}" for host in sorted(unknown)])
            self._held |= {host for host in unknown if f"webhooks to {host}" in held}
            self._elsewhere |= unknown - self._held
            self.left_some = self.left_some or bool(unknown - self._held)
            self._count()
        # After the count: an attempt that ended in between freed its place together with what it says of the circuit.
        for target, (circuit, lined) in find_circuits(self.connection, targets).items():
            self._circuits[target] = circuit
            if lined:
                self._lined.add(target)

    def _count(self) -> None:
        self._hosts: Counter[str] = Counter()
        self._accounts: Counter[str] = Counter()
        self._targets: Counter[Target] = Counter()
        for host, account_id, count in self.connection.execute(_ON_THEIR_WAY, {"now": self.now}):
            self._add((account_id, host), count)

    def _add(self, target: Target, count: int = 1) -> None:
        self._accounts[target[0]] += count
        self._hosts[target[1]] += count
        self._targets[target] += count

    def _take(self, due: Mapping[str, int], *, counted: bool = False) -> None:
        if not due:
            return
        self.due |= due
        rows = self.connection.execute(_TAKE, {"ids": list(due), "until": self.now + self.lease}).mappings()
        taken = sorted((to_delivery(row) for row in rows), key=lambda delivery: delivery.created_at)
        for delivery in () if counted else taken:
            self._add((delivery.account_id, delivery.host))
        self.taken += taken


@cache
def _due(passing_hosts: bool, lock: str) -> TextClause:
    query = f"SELECT id, host, account_id, next_at FROM webhook_deliveries WHERE {_DUE}"  # noqa: S608 - made of constants
    parameters: list[BindParameter[object]] = []
    if passing_hosts:
        query += " AND host NOT IN :hosts"
        parameters.append(bindparam("hosts", expanding=True))
    return text(f"{query} ORDER BY next_at LIMIT :most{lock}").bindparams(*parameters)


@cache
def _lines(passing_hosts: bool, passing_accounts: bool) -> TextClause:
    query = "SELECT account_id, host FROM webhook_circuits WHERE look_at <= :now"
    parameters: list[BindParameter[object]] = []
    if passing_hosts:
        query += " AND host NOT IN :hosts"
        parameters.append(bindparam("hosts", expanding=True))
    if passing_accounts:
        query += " AND account_id NOT IN :accounts"
        parameters.append(bindparam("accounts", expanding=True))
    return text(f"{query} ORDER BY look_at LIMIT :most").bindparams(*parameters)
