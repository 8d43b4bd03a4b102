"""A server and a worker as their operator sees them after known jobs: numbers, one trace across both, dashboard, readiness."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from exposition import Exposition, scrape
from fleet import Node, node
from otlp_collector import Collector, otlp_collector
from webhook_receiver import Receiver, webhook_receiver

pytestmark = [pytest.mark.acceptance, pytest.mark.postgres]
ROOT = Path(__file__).resolve().parents[2]
DASHBOARD, ALERTS = ROOT / "deploy/grafana/gesso.json", ROOT / "deploy/prometheus/alerts.yml"
PRICED, PRICE = "flux-schnell", 0.3  # credits a picture
PROMPT = "a duck nobody may hear of"
CALLER_TRACE, CALLER_SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PATIENCE = 60
WAIT = {"Prefer": f"wait={PATIENCE}"}


def until(look: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.1)
    return found


@dataclass
class Scene:
    """The processes, what is asked of them, and what they said when all jobs had ended."""

    server: Node
    worker: Node
    client: httpx.Client
    collector: Collector
    receiver: Receiver
    stack: ExitStack
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: dict[str, Exposition] = field(default_factory=dict)

    @property
    def urls(self) -> dict[str, str]:
        return {"server": self.server.facts["url"], "worker": self.worker.facts["url"]}

    def scrapes(self) -> dict[str, Exposition]:
        return {name: scrape(url) for name, url in self.urls.items()}

    def ask(self, *, count: int = 1, **headers: str) -> httpx.Response:
        body = {"model": PRICED, "input": {"prompt": PROMPT, "num_outputs": count, "seed": 3}}
        if headers.pop("hook", ""):
            body["webhook"] = {"url": self.receiver.url, "events": ["succeeded"]}
        return self.client.post("/v1/jobs", json=body, headers={k.replace("_", "-"): v for k, v in headers.items()})


@pytest.fixture(scope="module")
def scene(make_postgres_url: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("observed")
    with ExitStack() as stack:
        collector = stack.enter_context(otlp_collector())
        receiver = stack.enter_context(webhook_receiver())
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        variables["OPENAI_API_KEY"] = "of-nobody"  # a vendor to tell of; nothing is sent there
        settings: dict[str, object] = {
            "database_url": make_postgres_url(),
            "concurrent_jobs_per_key": 2,
            "lease_seconds": 4,
            "outgoing_allow": "127.0.0.1",
            "log_format": "json",
        }

        def start(name: str, *arguments: str) -> Node:
            named = variables | {"OTEL_SERVICE_NAME": f"test-{name}"}
            return stack.enter_context(node(folder, name, *arguments, variables=named, **settings))

        server = start("server", "serve", "--port", "0", "--no-worker")
        headers = {"Authorization": f"Bearer {server.facts['test_key']}"}
        client = stack.enter_context(
            httpx.Client(base_url=server.facts["url"], headers=headers, timeout=90, trust_env=False)
        )
        alone = client.get("/readyz")
        worker = start("worker", "worker", "--engines", "builtin,upstream", "--slots", "1", "--port", "0")
        built = Scene(server, worker, client, collector, receiver, stack)
        built.jobs["alone"] = {"code": alone.status_code, **alone.json()}
        until(lambda: client.get("/readyz").json()["checks"].get("engine:builtin") == "ok", "a worker is known")
        _run_known_jobs(built)
        yield built


def _run_known_jobs(scene: Scene) -> None:
    """Two pictures with a webhook, one that fails, and two that are cancelled: one running, one waiting."""
    made = scene.ask(count=2, hook="yes", traceparent=f"00-{CALLER_TRACE}-{CALLER_SPAN}-01", **WAIT)
    failed = scene.ask(gesso_test_fault="moderated", **WAIT)
    running = scene.ask(gesso_test_fault="slow:60")
    assert [answer.status_code for answer in (made, failed, running)] == [200, 200, 202], made.text + failed.text
    busy = ("gesso_worker_slots_busy", "builtin")
    until(lambda: scrape(scene.urls["worker"]).value(busy[0], engine=busy[1]) == 1, "the slow one runs")
    waiting, refused = scene.ask(), scene.ask()
    assert (waiting.status_code, refused.status_code, refused.json()["code"]) == (202, 429, "too_many_jobs")
    for url in scene.urls.values():
        until(lambda url=url: _waiting(url) == 1, "one waits")
    for job in (waiting, running):
        assert scene.client.post(f"/v1/jobs/{job.json()['id']}/cancel").status_code == 200
    scene.receiver.next()
    until(lambda: scrape(scene.urls["server"]).value("gesso_webhook_attempts_total", outcome="delivered") == 1, "told")
    gone = {"engine": "builtin"}
    until(lambda: scrape(scene.urls["server"]).value("gesso_fleet_queue_jobs", **gone) == 0, "nothing waits")
    until(lambda: scrape(scene.urls["worker"]).value("gesso_jobs_ended_total") == 3, "all have ended")
    scene.jobs |= {"made": made.json(), "failed": failed.json()}
    scene.seen |= scene.scrapes()


def _waiting(url: str) -> float:
    return scrape(url).value("gesso_fleet_queue_jobs", engine="builtin", priority="normal", mode="test")


def test_each_process_counts_what_happened_in_it(scene):
    server, worker = scene.seen["server"], scene.seen["worker"]
    assert server.value("gesso_jobs_submitted_total", model=PRICED, mode="test") == 4
    assert server.value("gesso_credits_charged_total", mode="test") == pytest.approx(5 * PRICE)
    assert server.value("gesso_credits_charged_total", mode="live") == 0
    assert server.value("gesso_requests_limited_total", code="too_many_jobs") == 1
    ended = {("succeeded", "", "worker"), ("failed", "content_refused", "worker")}
    ended |= {("cancelled", "", "worker"), ("cancelled", "", "server")}
    found = {
        (labels["state"], labels["code"], name): value
        for name, seen in scene.seen.items()
        for labels, value in seen.samples["gesso_jobs_ended_total"]
    }
    assert found == dict.fromkeys(ended, 1)
    refunded = [seen.value("gesso_credits_refunded_total", mode="test") for seen in (server, worker)]
    assert refunded == pytest.approx([PRICE, 2 * PRICE])
    assert worker.value("gesso_jobs_submitted_total") == server.value("gesso_run_seconds_count") == 0


def test_runs_claims_and_pictures_are_timed_once_each(scene):
    server, worker = scene.seen["server"], scene.seen["worker"]
    assert worker.value("gesso_claim_seconds_count", engine="builtin") == 3
    runs = {labels["outcome"]: value for labels, value in worker.samples["gesso_run_seconds_count"]}
    assert runs == {"succeeded": 1, "failed": 1, "cancelled": 1}
    assert worker.value("gesso_storage_seconds_count", operation="put", outcome="ok") >= 2
    assert worker.value("gesso_worker_slots", engine="builtin") == 1
    assert worker.value("gesso_worker_slots_busy") == worker.value("gesso_jobs_running") == 0
    assert server.value("gesso_webhook_lag_seconds_count") == 1
    for counted in ("gesso_leases_lost_total", "gesso_leases_taken_over_total"):
        assert (server.value(counted), worker.value(counted)) == (0, 0)


def test_what_is_of_the_database_is_the_same_everywhere(scene):
    for seen in scene.seen.values():
        assert seen.value("gesso_database_answers") == 1
        alive = sorted(labels["engine"] for labels, value in seen.samples["gesso_fleet_workers"] if value)
        assert alive == ["builtin", "upstream"]
        named = ("engine", "priority", "mode")
        series = [tuple(labels[name] for name in named) for labels, _ in seen.samples["gesso_fleet_queue_jobs"]]
        kinds = [(engine, p, m) for engine in alive for p in ("high", "low", "normal") for m in ("live", "test")]
        assert sorted(series) == kinds
        assert seen.value("gesso_fleet_webhook_oldest_due_seconds") == 0


def test_a_job_is_one_trace_from_its_caller_to_the_engine_and_the_webhook(scene):
    expected = {"POST /v1/jobs", "prepare", "submit", "wait", "run", "inputs", "engine", "settle", "webhook"}
    until(lambda: expected <= {span.name for span in scene.collector.of(CALLER_TRACE)}, "the whole trace")
    spans = scene.collector.of(CALLER_TRACE)
    one = {span.name: span for span in spans if not span.name.startswith("storage")}
    assert one["POST /v1/jobs"].parent == CALLER_SPAN
    below = {"prepare": "POST /v1/jobs", "submit": "POST /v1/jobs", "wait": "submit", "run": "submit"}
    below |= {"inputs": "run", "engine": "run", "settle": "run", "webhook": "submit"}
    assert {name: one[name].parent for name in below} == {name: one[parent].id for name, parent in below.items()}
    assert [span.parent for span in spans if span.name == "storage put"] == [one["run"].id] * 2
    where = {name: span.process["service.name"] for name, span in one.items()}
    assert {name for name, process in where.items() if process == "test-worker"} == {
        "wait", "run", "inputs", "engine", "settle",
    }  # fmt: skip
    assert one["run"].attributes["gesso.outcome"] == "succeeded"
    assert {span.attributes.get("gesso.job.id") for span in (one["submit"], one["run"], one["webhook"])} == {
        scene.jobs["made"]["id"]
    }
    assert one["webhook"].attributes["http.response.status_code"] == 200


def test_a_failed_run_says_its_code_and_nothing_else_of_it(scene):
    def failed() -> list[Any]:
        return [span for span in scene.collector.spans if span.name == "run" and span.failed]

    (run,) = until(failed, "the failed run")
    assert (run.attributes["gesso.outcome"], run.attributes["error.type"]) == ("failed", "content_refused")
    assert run.attributes["gesso.job.id"] == scene.jobs["failed"]["id"]


def test_spans_hold_neither_prompts_nor_keys_nor_links(scene):
    until(lambda: scene.collector.of(CALLER_TRACE), "spans")
    said = b"".join(scene.collector.bodies)
    for secret in (PROMPT, scene.server.facts["test_key"], "signature=", scene.receiver.url, "/blobs/"):
        assert secret.encode() not in said


def test_probes_make_no_traces(scene):
    assert not [span for span in scene.collector.spans if "readyz" in span.name or "metrics" in span.name]


def test_lines_of_the_log_say_their_trace(scene):
    for process, event in ((scene.server, "request"), (scene.worker, "job_ended")):
        lines = [json.loads(line) for line in process.log_path.read_text().splitlines()]
        assert CALLER_TRACE in [line.get("trace_id") for line in lines if line["event"] == event]


# ── dashboard, alerts, reference ─────────────────────────────────────────────────────────────────────

_WORDS = re.compile(r"\b(?:gesso|process)_[a-z_]+\b")
_SELECTED = re.compile(r"\b((?:gesso|process)_[a-z_]+)\{([^}]*)\}")
_BY = re.compile(r"\bby \(([^)]*)\)")
FROM_PROMETHEUS = {"job", "instance", "le"}


def panel_expressions() -> list[str]:
    board = json.loads(DASHBOARD.read_text())
    return [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]


def alert_expressions() -> list[str]:
    rules = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    assert all(rule["annotations"]["summary"] and rule["labels"]["severity"] for rule in rules)
    return [rule["expr"] for rule in rules]


def exposed(scene: Scene) -> dict[str, set[str]]:
    """Return the names of all samples of both processes, with the labels any of them has."""
    names: dict[str, set[str]] = {}
    for seen in scene.seen.values():
        for name, samples in seen.samples.items():
            names.setdefault(name, set()).update(*(labels.keys() for labels, _ in samples))
    return names


@pytest.mark.parametrize("expressions", [panel_expressions, alert_expressions])
def test_every_metric_asked_for_is_exposed(scene, expressions):
    known = exposed(scene)
    for expression in expressions():
        asked = set(_WORDS.findall(expression))
        assert asked or "up{" in expression, expression
        assert asked <= known.keys(), expression
        labels = set().union(*(known[name] for name in asked)) | FROM_PROMETHEUS
        for listed in _BY.findall(expression):
            assert {label.strip() for label in listed.split(",")} <= labels, expression
        for name, selectors in _SELECTED.findall(expression):
            used = set(re.findall(r"(\w+)\s*(?:=~|!=|=)", selectors))
            assert used <= known[name] | FROM_PROMETHEUS, expression


def test_the_dashboard_can_be_imported_and_shows_everything(scene):
    board = json.loads(DASHBOARD.read_text())
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    assert board["id"] is None
    variables = {variable["name"]: variable["type"] for variable in board["templating"]["list"]}
    assert variables == {"datasource": "datasource", "job": "query", "instance": "query"}
    places = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & places, panel["title"]
        assert max(x for x, _ in cells) < 24
        places |= cells
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel.get("targets", []))
    shown = set(_WORDS.findall(" ".join(panel_expressions())))
    ours = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exposed(scene) if name.startswith("gesso_")}
    ours = {name for name in ours if not name.endswith("_created")}  # the client library's own
    assert ours <= {re.sub(r"_(bucket|count)$", "", name) for name in shown}


def test_the_reference_page_is_what_is_exposed(scene):
    page = (ROOT / "docs/reference/metrics.md").read_text()
    told = {
        name: (kind, set(filter(None, labels.split(", "))))
        for name, kind, labels in re.findall(r"^\| `(\w+)` \| (\w+) \| ([\w, ]*) \|", page, re.MULTILINE)
    }
    kinds = {name: kind for seen in scene.seen.values() for name, kind in seen.kinds.items()}
    known = {f"{name}_total" if kind == "counter" else name: kind for name, kind in kinds.items()}
    assert {name: kind for name, (kind, _) in told.items()} == {
        name: kind for name, kind in known.items() if name.startswith("gesso_") and not name.endswith("_created")
    }
    for name, labels in exposed(scene).items():
        family = re.sub(r"_(bucket|sum|count)$", "", name)
        if family in told:
            assert labels <= told[family][1] | {"le"}, name
            assert not labels & {"account", "key", "id", "job_id", "prompt"}


# ── /readyz and lost leases: last, as they end the worker ────────────────────────────────────────────


def test_a_server_without_workers_is_degraded_and_answers_all_the_same(scene):
    alone = scene.jobs["alone"]
    assert (alone["code"], alone["status"]) == (200, "degraded")
    assert alone["checks"]["engines"] == "no worker is alive: no job is accepted"


def test_ready_processes_say_so(scene):
    for url in scene.urls.values():
        answer = httpx.get(f"{url}/readyz", trust_env=False, timeout=30)
        assert (answer.status_code, answer.json()["status"]) == (200, "ready"), answer.text


@pytest.mark.heavy
def test_a_worker_that_stood_still_lost_its_lease_and_jobs_that_nobody_runs_are_told_of(scene):
    server, worker = scene.urls["server"], scene.urls["worker"]

    def taken_over() -> float:
        return scrape(server).value("gesso_leases_taken_over_total", then="queued")

    asked = [scene.ask(gesso_test_fault="slow:60") for _ in range(2)]
    assert [answer.status_code for answer in asked] == [202, 202]
    until(lambda: scrape(worker).value("gesso_jobs_running") == 1, "one runs")
    scene.worker.process.send_signal(signal.SIGSTOP)
    until(lambda: taken_over() == 1, "the server found its lease over")
    scene.worker.process.send_signal(signal.SIGCONT)
    lost = until(lambda: scrape(worker).samples["gesso_leases_lost_total"], "it says what it lost")
    until(lambda: scrape(worker).value("gesso_leases_lost_total") == 1, "the lease is found lost")
    assert {labels["found_by"] for labels, _ in lost} == {"renewal", "checkpoint", "settlement"}
    assert scrape(worker).value("gesso_run_seconds_count", outcome="lost") == 1
    scene.worker.kill()
    told = "jobs wait for engines that no worker alive has: builtin"
    alone = {"queue": told, "engines": scene.jobs["alone"]["checks"]["engines"]}

    def degraded() -> httpx.Response | None:
        found = scene.client.get("/readyz")
        return found if alone.items() <= found.json()["checks"].items() else None

    ready = until(degraded, "jobs that nobody runs")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    until(lambda: taken_over() == 2, "the second lease is over too")
    for answer in asked:
        assert scene.client.post(f"/v1/jobs/{answer.json()['id']}/cancel").json()["state"] == "cancelled"
