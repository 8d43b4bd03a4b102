"""docs/howto/scale-out.md, run on this machine as it is written, but for addresses; what it says there is seen."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack, closing

import pytest
from page_shell import blocks_of, page_shell
from PIL import Image

pytestmark = [pytest.mark.acceptance, pytest.mark.postgres, pytest.mark.heavy]
PAGE = blocks_of("scale-out.md")
DATABASE = "postgresql://gesso:secret@127.0.0.1/gesso"
PORTS = ("9000", "8001", "8002", "8003", "9101", "9102")


def free_ports() -> dict[str, str]:
    """Return for each port of the page one that is free here."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.create_server(("127.0.0.1", 0)))) for _ in PORTS]
        return {port: str(one.getsockname()[1]) for port, one in zip(PORTS, sockets, strict=True)}


def workers_in(printed: str) -> list[list[str]]:
    """Return the rows of a table of workers at the end of what was printed."""
    lines = printed.splitlines()
    return [line.split() for line in lines[max(i for i, line in enumerate(lines) if line.startswith("id ")) + 1 :]]


def job_in(printed: str) -> dict:
    """Return the job among the lines that were printed; the shell may say there whom it has seen end."""
    return next(json.loads(line) for line in printed.splitlines() if line.startswith('{"id"'))


def test_the_page_works_from_top_to_bottom(postgres_databases, tmp_path):
    url = postgres_databases.address(postgres_databases.make_bare())
    blocks = [(heading, block) for heading, some in PAGE.items() for block in some]
    printed: list[str] = []
    with page_shell(tmp_path, {}, {**free_ports(), DATABASE: url}) as shell:
        for _, block in blocks:
            printed.append(shell.run(block))
        last = job_in(shell.run('echo "$JOB"'))
    text = dict(zip((block for _, block in blocks), printed, strict=True))

    def of(heading: str) -> list[str]:
        return [text[block] for block in PAGE[heading]]

    started, watched = of("Servers and workers")
    assert [row[1] for row in workers_in(started)] == ["alive", "alive"]
    assert "event: progress" in watched
    events = [json.loads(line.removeprefix("data: ")) for line in watched.splitlines() if line.startswith("data: ")]
    assert events[-1]["state"] == "succeeded"
    with Image.open(tmp_path / "balloon.png") as picture:
        picture.load()
    (left,) = of("Add and remove")
    assert len(workers_in(left)) == 2, "who left is listed no more"
    (survived,) = of("When a part dies")
    assert job_in(survived)["state"] == "succeeded"
    (upgraded,) = of("Rolling upgrade")
    assert "nothing to do" in upgraded
    assert [row[1] for row in workers_in(upgraded)].count("alive") == 1
    assert last["state"] == "succeeded"
    for log in tmp_path.glob("*.log"):
        assert log.name == "store.log" or "Traceback" not in log.read_text(), log.name
