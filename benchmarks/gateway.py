"""What a gateway costs: OpenAI's Images API before an upstream that answers at once, by Gesso and by LiteLLM's proxy.

    python benchmarks/gateway.py [--json] [--rounds 3] [--seconds 6] [--clients 1 32 200] [--pictures small large] [--quick]

A stand-in of OpenAI answers with a picture it made before: 64 by 64 pixels, or 1024 by 1024 (a megabyte). It is asked
directly, through `gesso serve` and through LiteLLM, by 1, 32 and 200 kept-alive clients, in turns; each is one process
with its defaults. What a gateway adds is its latency less that of asking directly with as many clients.

They do not do the same. Gesso keeps every request as a job: committed to SQLite (WAL, synchronous=FULL) before the
vendor is asked, before and after the call that costs, with the picture decoded, marked as made by a machine, stored, and charged; it
has no mode that is less durable. LiteLLM without a database, which is its default, keeps nothing and hands the
answer on.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import litellm_proxy
from gesso_process import Served, cpu_seconds, gesso_serve, stand_in
from machine import write_result
from overhead import flush_seconds, ms

HERE = Path(__file__).resolve().parent
PICTURES = {"small": 64, "large": 1024}  # sides in pixels
MODEL = "gpt-image-1"
PATH = "/v1/images/generations"
WARM_UP = {"small": 64, "large": 8}  # requests of the round that does not count
FEWEST = 8  # requests of a round, however slow
MOST = 20_000


@dataclass(frozen=True)
class Subject:
    """One way to the upstream: its name, its address and the key it wants."""

    name: str
    url: str
    key: str
    path: str = PATH
    pid: int | None = None  # of the gateway's process


def main() -> None:
    """Measure, print, write the result."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments.add_argument("--rounds", type=int, default=3, help="how often each is measured, in turns")
    arguments.add_argument("--seconds", type=float, default=6.0, help="about how long each round of each is")
    arguments.add_argument("--clients", type=int, nargs="+", default=[1, 32, 200], help="how many at once")
    arguments.add_argument(
        "--pictures", nargs="+", choices=PICTURES, default=[*PICTURES], help="what the upstream makes"
    )
    arguments.add_argument("--quick", action="store_true", help="one short round, to try it; writes no result")
    chosen = arguments.parse_args()
    if chosen.quick:
        chosen.rounds, chosen.seconds, chosen.clients = 1, 0.5, [1, 4]
    measured = measure(chosen)
    path = None if chosen.quick else write_result("gateway", measured)
    if chosen.json:
        print(json.dumps(measured, indent=2))
    else:
        show(measured)
        print(f"\nwritten to {path.relative_to(HERE.parent)}" if path else "\nnothing written")


def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return every number of one run."""
    with ExitStack() as held:
        columns = (TextColumn("{task.description:<60}"), MofNCompleteColumn(), TimeElapsedColumn())
        bar = held.enter_context(Progress(*columns, transient=True))
        rounds = len(chosen.pictures) * len(chosen.clients) * (chosen.rounds + 1)
        task = bar.add_task("LiteLLM's virtual environment (minutes, the first time)", total=3 * rounds)
        programs = litellm_proxy.environment()
        bar.update(task, description="starting")
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="gesso-bench-", dir=HERE / "results")))
        upstream = held.enter_context(stand_in("instant_vendor.py"))
        ours = held.enter_context(gesso_serve(folder / "gesso", settings(upstream, max(chosen.clients))))
        theirs, their_pid = held.enter_context(
            litellm_proxy.proxy(folder / "litellm", f"{upstream}/v1", key_of("litellm"), MODEL)
        )
        subjects = (
            Subject("direct", upstream, key_of("direct")),
            Subject("gesso", ours.url, ours.key, f"/openai{PATH}", ours.pid),
            Subject("litellm", theirs, litellm_proxy.KEY, pid=their_pid),
        )
        flush_before = flush_seconds(folder)
        loads: list[dict[str, Any]] = []
        sent: dict[str, int] = {subject.name: 0 for subject in subjects}
        for picture in chosen.pictures:
            for clients in chosen.clients:
                found: dict[str, list[dict[str, Any]]] = {subject.name: [] for subject in subjects}
                share: dict[str, int] = {}
                for turn in range(-1, chosen.rounds):
                    for subject in subjects if turn % 2 == 0 else reversed(subjects):
                        bar.update(task, description=f"{picture} picture, {clients} clients, {subject.name}", advance=1)
                        result = load(
                            subject, picture, clients, share.get(subject.name, max(WARM_UP[picture], clients))
                        )
                        sent[subject.name] += len(result["seconds"])
                        if turn < 0:  # a round that does not count: how fast is it?
                            speed = len(result["seconds"]) / result["wall_seconds"]
                            share[subject.name] = min(max(FEWEST, clients, round(speed * chosen.seconds)), MOST)
                        else:
                            found[subject.name].append(result)
                loads.append(compared(picture, clients, found))
        return {
            "upstream": "answers at once, one process",
            "model": MODEL,
            "durable": {"gesso": "SQLite in WAL, synchronous=FULL, every picture stored", "litellm": "nothing is kept"},
            "litellm": litellm_proxy.versions(programs),
            "disk_flush_ms": {"before_p50": ms(flush_before, 50), "after_p50": ms(flush_seconds(folder), 50)},
            "requests": sent,
            "paid_upstream": paid(upstream, sent),
            "gesso_peak_mib": round(peak(ours) / 1024),
            "loads": loads,
        }


def key_of(name: str) -> str:
    """Return the key by which the upstream knows who asks."""
    return f"key-of-{name}"


def settings(upstream: str, clients: int) -> dict[str, str]:
    """Return what our server is told: where the upstream is, and that as many calls may be open there as there are clients."""
    return {
        "OPENAI_API_KEY": key_of("gesso"),
        "GESSO_UPSTREAM_URLS": f"openai={upstream}/v1",
        "GESSO_UPSTREAM_AT_ONCE": f"openai={clients}",
    }


def load(subject: Subject, picture: str, clients: int, requests: int) -> dict[str, Any]:
    """Run the client process and return what it measured; every picture must be as the upstream's."""
    body = {"model": MODEL, "prompt": f"a {picture} duck", "size": "1024x1024", "quality": "low"}
    task = {"url": subject.url, "path": subject.path, "key": subject.key, "body": body}
    before = 0.0 if subject.pid is None else cpu_seconds(subject.pid)
    done = subprocess.run(
        [sys.executable, str(HERE / "gateway_client.py")],
        input=json.dumps({**task, "clients": clients, "requests": requests}),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    result["cpu_seconds"] = 0.0 if subject.pid is None else cpu_seconds(subject.pid) - before
    wanted = ("PNG", PICTURES[picture], PICTURES[picture])
    for one in result["pictures"]:
        if (one["format"], one["width"], one["height"]) != wanted:
            sys.exit(f"{subject.name} answered with another picture: {one}")
    return result


def compared(picture: str, clients: int, found: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return the numbers of all three with as many clients, and ours beside LiteLLM's."""
    every = {name: [second for one in rounds for second in one["seconds"]] for name, rounds in found.items()}
    direct = every["direct"]
    rows: dict[str, Any] = {}
    for name, rounds in found.items():
        speeds = [len(one["seconds"]) / one["wall_seconds"] for one in rounds]
        rows[name] = {
            "requests": len(every[name]),
            "p50_ms": ms(every[name], 50),
            "p95_ms": ms(every[name], 95),
            "added_p50_ms": round(ms(every[name], 50) - ms(direct, 50), 3),
            "added_p95_ms": round(ms(every[name], 95) - ms(direct, 95), 3),
            "requests_per_second": round(statistics.median(speeds), 1),
            "requests_per_second_of_rounds": [round(speed, 1) for speed in speeds],
            "cpu_ms_per_request": round(1000 * sum(one["cpu_seconds"] for one in rounds) / len(every[name]), 3),
            "picture_bytes": rounds[0]["pictures"][0]["bytes"],
        }
    ours, theirs = rows["gesso"], rows["litellm"]
    return {
        "picture": picture,
        "clients": clients,
        **rows,
        "ours_to_litellm": {
            "added_p50": round(ours["added_p50_ms"] / theirs["added_p50_ms"], 3),
            "added_p95": round(ours["added_p95_ms"] / theirs["added_p95_ms"], 3),
            "requests_per_second": round(ours["requests_per_second"] / theirs["requests_per_second"], 2),
            "cpu_per_request": round(ours["cpu_ms_per_request"] / theirs["cpu_ms_per_request"], 3),
        },
    }


def paid(upstream: str, sent: dict[str, int]) -> dict[str, int]:
    """Return how many calls came to the upstream from each; every request must have become exactly one."""
    with urllib.request.urlopen(f"{upstream}/paid", timeout=10) as answer:
        counted: dict[str, int] = json.load(answer)
    counted = {name: counted.get(key_of(name), 0) for name in sent}
    if counted != sent:
        sys.exit(f"requests and paid calls differ: {sent} were sent, {counted} were paid")
    return counted


def peak(served: Served) -> int:
    """Return the most memory our server held, in KiB."""
    return served.memory()["VmHWM"]


def show(measured: dict[str, Any]) -> None:
    """Print the table."""
    flush = measured["disk_flush_ms"]
    print(f"disk flush p50   {flush['before_p50']:.2f} ms before, {flush['after_p50']:.2f} ms after")
    print(f"litellm          {measured['litellm'].get('litellm')}")
    print(
        f"{'picture':<8} {'clients':>7} {'by':<8} {'p50':>10} {'added p50':>12} {'added p95':>12} {'requests/s':>11} {'CPU each':>11}"
    )
    for row in measured["loads"]:
        for name in ("direct", "gesso", "litellm"):
            one = row[name]
            print(
                f"{row['picture']:<8} {row['clients']:>7} {name:<8} {one['p50_ms']:>7.2f} ms {one['added_p50_ms']:>9.2f} ms "
                f"{one['added_p95_ms']:>9.2f} ms {one['requests_per_second']:>11.1f} {one['cpu_ms_per_request']:>8.2f} ms"
            )
        ratio = row["ours_to_litellm"]
        words = f"added p50 {ratio['added_p50']:.2f}x, requests/s {ratio['requests_per_second']:.2f}x"
        print(f"{'':<16} ours to LiteLLM's: {words}")


if __name__ == "__main__":
    main()
