"""One job at a vendor that a server of ours plays, with faults: run by the real engine, over TCP, and all that it told."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any, Literal

import httpcore
import httpx
from PIL import Image
from planned import CATALOGUE, least, planned
from played_vendors import Played
from script import Time
from structlog.testing import capture_logs

from faulty_server import Answer, Asked, Broken, FaultyServer, serving
from gesso.domain.clock import SECOND
from gesso.domain.errors import JobFailed
from gesso.domain.events import Checkpoint, Note, Task
from gesso.domain.picture import RawPicture
from gesso.domain.upstream import CallEnded, Standing
from gesso.engines.upstream.engine import UpstreamEngine, VendorSettings
from gesso.engines.upstream.sender import Sender
from gesso.engines.upstream.vendors import UPSTREAMS
from gesso.engines.upstream.world import World
from gesso.imaging.decode import DecodeLimits
from gesso.outgoing.fetch import Outgoing
from gesso.outgoing.policy import Policy

Kind = Literal["upload", "create", "look", "cancel", "picture"]
RAW = "raw words of a vendor"  # in bodies of which nothing may be told
RAW_BYTES = RAW.encode()
LINK_SECRET = "signature-of-a-link"
_PAYS: ContextVar[bool] = ContextVar("pays", default=False)


@dataclass(frozen=True)
class Fault:
    """What is answered to the first of this kind of call instead: one after the other, the last one for ever if so."""

    at: Kind
    answers: tuple[Answer | Broken, ...]
    for_ever: bool = False


@dataclass
class Ran:
    """What came of a job: `standings` are those of its calls as they were committed last, `creates` calls that cost."""

    pictures: list[RawPicture] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    calls: list[CallEnded] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    error: JobFailed | None = None
    asked: Counter[str] = field(default_factory=Counter)
    strangers: int = 0
    slept: float = 0
    logged: str = ""
    sent: str = ""

    @property
    def creates(self) -> int:
        return self.asked["create"]

    @property
    def standings(self) -> list[str]:
        if not self.tokens:
            return []
        return [call.standing for call in Standing.model_validate_json(self.tokens[-1]).calls.values()]

    @property
    def told(self) -> str:
        """All that people are told, or that is logged."""
        error = "" if self.error is None else f"{self.error!r} {self.error} {self.error.message}"
        return "\n".join([error, *map(repr, self.notes), *map(repr, self.calls), self.logged])


class Player:
    """Plays a vendor, with at most one fault. `links` take the place of its pictures' links."""

    def __init__(
        self,
        played: Played,
        fault: Fault | None,
        *,
        refuses: bool = False,
        finishes: bool = True,
        makes: int | None = None,
        links: list[str] | None = None,
        file: bytes | None = None,
        media_type: str | None = None,
    ) -> None:
        self._played, self._fault, self._refuses, self._finishes = played, fault, refuses, finishes
        self._makes, self._links, self._file, self._media_type = makes, links, file or png(), media_type
        self.url, self.count, self.seen = "", 1, Counter[str]()
        self._good = Counter[str]()  # how many of a kind were answered without a fault

    def __call__(self, asked: Asked) -> Answer | Broken:
        kind = self._kind(asked)
        self.seen[kind] += 1
        if self._fault is not None and self._fault.at == kind:
            number = self.seen[kind] - 1
            if number < len(self._fault.answers) or self._fault.for_ever:
                return self._fault.answers[min(number, len(self._fault.answers) - 1)]
        answer = self._answer(kind)
        self._good[kind] += 1
        return answer if self._media_type is None else replace(answer, headers={"content-type": self._media_type})

    def _kind(self, asked: Asked) -> Kind:
        if asked.target.startswith("/pictures/"):
            return "picture"
        if self._played.creates(asked):
            return "create"
        if self._played.cancels(asked):
            return "cancel"
        return "look" if self.seen["create"] else "upload"

    def _answer(self, kind: Kind) -> Answer:
        played, number = self._played, self._good[kind]
        match kind:
            case "picture":
                return Answer(self._file, headers={"content-type": "image/png"})
            case "cancel":
                return Answer({})
            case "upload":
                return Answer(played.uploads[number](self.url))
            case "create":
                if played.created is not None:
                    return Answer(played.created(self.url))
                return self._end()
        ready = () if self._refuses and not played.refused_late else played.ready
        looks = [played.working, *ready]
        if not self._finishes:
            return Answer(played.working)
        return Answer(looks[number]) if number < len(looks) else self._end()

    def _end(self) -> Answer:
        if self._refuses:
            return self._played.refusal
        data = self._played.done(self._pictures())
        return Answer(data, headers={"content-type": "image/png"} if isinstance(data, bytes) else {})

    def _pictures(self) -> list[str]:
        count = self.count if self._makes is None else self._makes
        if self._played.inline:
            return [base64.b64encode(self._file).decode()] * count
        if self._links is not None:
            return self._links
        return [f"{self.url}/pictures/{one}.png?signature={LINK_SECRET}" for one in range(count)]


@cache
def png() -> bytes:
    """Return a picture's file."""
    data = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 60, 20)).save(data, "PNG")
    return data.getvalue()


def task_of(played: Played, count: int = 1) -> Task:
    """Return the job: the least input the model takes, for so many pictures."""
    model = CATALOGUE.get(played.model)
    route = next(one for one in model.routes if one.vendor == played.name)
    given = {**least(model)}
    if (parameter := model.with_role("count")) is not None:
        given[parameter.name] = count
    return planned(model, route, given).task


def several(played: Played) -> int:
    """Return the least number of pictures beyond one that its model makes at once; 1 where it makes one."""
    parameter = CATALOGUE.get(played.model).with_role("count")
    if parameter is None:
        return 1
    return min(one for one in parameter.allowed if one > 1) if parameter.allowed else 2


def repeats(played: Played) -> bool:
    """Tell whether several pictures are as many calls."""
    return task_of(played, several(played)).route.repeats


async def run(
    played: Played,
    fault: Fault | None = None,
    *,
    count: int = 1,
    connecting: Literal["refused", "hang"] | None = None,
    picture_seconds: float = 30,
    total_seconds: float = 600,
    **options: Any,
) -> Ran:
    """Return what came of a job there; nothing of what is secret was told. `options` are the `Player`'s.

    No time passes: what rests goes on at once, and a call is out of time when its exchange has come to where nothing
    happens any more.
    """
    player = Player(played, fault, **options)
    player.count = count
    ran, limits, time = Ran(asked=player.seen), _Limits(), Time()
    async with serving(player, limits.end) as server, serving(lambda asked: Answer(png())) as stranger:
        player.url = server.url
        _aim(player, fault, stranger)
        with _refusing_port() as closed:
            dial = _Dial(connecting, limits, closed)
            world = World(
                sender=partial(_Watched, dial=dial, tls=_tls(), within=limits.within),
                outgoing=partial(Outgoing, tls=_tls()),
                rest=time.rest,
                now=lambda: time() / SECOND,
            )
            settings = VendorSettings(
                key=played.key,
                base=f"{server.url}{played.path}",
                limits=replace(UPSTREAMS[played.name].limits, total_seconds=total_seconds),
                targets=played.targets,
            )
            engine = UpstreamEngine(
                {played.name: UPSTREAMS[played.name]},
                {played.name: settings},
                policy=Policy(allow=(f"127.0.0.1:{server.port}",), total_seconds=picture_seconds),
                decode_limits=DecodeLimits(),
                clock=time,
                world=world,
            )
            with capture_logs() as lines, _heard() as heard:
                await _carry_out(engine, task_of(played, count), ran)
        ran.logged, ran.slept, ran.strangers = f"{lines} {heard}", sum(time.slept), len(stranger.asked)
        ran.sent = " ".join(f"{value}" for asked in server.asked for value in asked.headers.values())
        _check_nothing_leaked(ran, played, (server, stranger))
    return ran


async def _carry_out(engine: UpstreamEngine, task: Task, ran: Ran) -> None:
    try:
        async for event in engine.run(task):
            match event:
                case Checkpoint(token):
                    ran.tokens.append(token)
                case Note():
                    ran.notes.append(event)
                case CallEnded():
                    ran.calls.append(event)
                case RawPicture():
                    ran.pictures.append(event)
    except JobFailed as error:
        ran.error = error
    finally:
        await engine.close()


def _aim(player: Player, fault: Fault | None, stranger: FaultyServer) -> None:
    """Put the stranger's address where the test wrote STRANGER."""
    if player._links is not None:
        player._links = [link.replace("STRANGER", f"127.0.0.1:{stranger.port}") for link in player._links]
    if fault is not None:
        player._fault = replace(fault, answers=tuple(_aimed(one, stranger.port) for one in fault.answers))


def _aimed(answer: Answer | Broken, port: int) -> Answer | Broken:
    if isinstance(answer, Broken):
        return answer
    headers = {name: value.replace("STRANGER", f"127.0.0.1:{port}") for name, value in answer.headers.items()}
    return replace(answer, headers=headers)


def _check_nothing_leaked(ran: Ran, played: Played, servers: tuple[FaultyServer, ...]) -> None:
    told = ran.told
    for word in (*played.key.split(":"), RAW, LINK_SECRET, "://", "/pictures/", *(f":{one.port}" for one in servers)):
        assert word not in told, f"{word!r} was told:\n{told}"
    for part in played.key.split(":"):
        assert all(part not in token for token in ran.tokens)


@contextmanager
def _heard() -> Iterator[list[str]]:
    """Keep what is logged the standard way, as far as a server shows it."""
    lines: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    try:
        yield lines
    finally:
        logging.getLogger().removeHandler(handler)


class _Limits:
    """Limits of time that end when nothing more can happen, instead of with a clock."""

    def __init__(self) -> None:
        self._running: set[asyncio.Timeout] = set()

    @asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        assert seconds > 0
        async with asyncio.timeout(None) as limit:
            self._running.add(limit)
            try:
                yield
            finally:
                self._running.discard(limit)

    def end(self) -> None:
        for limit in self._running:
            limit.reschedule(asyncio.get_running_loop().time())


class _Watched(Sender):
    """Says which call a connection is made for."""

    async def send(self, call: Any, seconds: float) -> Any:
        _PAYS.set(call.pays)
        return await super().send(call, seconds)


class _Dial(httpcore.AnyIOBackend):
    """Dials, but not for calls that pay where that is the fault."""

    def __init__(self, fault: str | None, limits: _Limits, closed: int) -> None:
        super().__init__()
        self._fault, self._limits, self._closed = fault, limits, closed

    async def connect_tcp(self, host: str, port: int, *more: Any, **named: Any) -> httpcore.AsyncNetworkStream:
        if self._fault is None or not _PAYS.get():
            return await super().connect_tcp(host, port, *more, **named)
        if self._fault == "hang":
            self._limits.end()
            await asyncio.Event().wait()
        return await super().connect_tcp(host, self._closed, *more, **named)


@contextmanager
def _refusing_port() -> Iterator[int]:
    """Hold a port that nobody listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@cache
def _tls() -> Any:
    return httpx.create_ssl_context(trust_env=False)


def answer(data: Any = RAW_BYTES, status: int = 200, **headers: str) -> Answer:
    """Return an answer whose words nobody may be told."""
    return Answer(data, status, {name.replace("_", "-"): value for name, value in headers.items()})


def words_everywhere(words: str) -> list[dict[str, Any]]:
    """Return bodies of errors with these words wherever a vendor has its own."""
    at_once = {"detail": words, "message": words, "error_message": words, "title": words, "errors": [words]}
    deeper = {
        "base_resp": {"status_code": 2013, "status_msg": words},
        "Response": {"Error": {"Code": "InvalidParameter", "Message": words}},
    }
    return [{**at_once, **deeper, "error": words}, {**at_once, **deeper, "error": {"message": words}}]


def said(ran: Ran, code: str) -> list[str]:
    """Return the sentences of a job's notes of a kind, with their data."""
    return [f"{note.message} {json.dumps(note.data)}" for note in ran.notes if note.code == code]
