"""Traces: off unless the environment names a collector, and then neither made nor imported."""

from __future__ import annotations

import subprocess
import sys

import pytest
from structlog.testing import capture_logs

from gesso.domain.errors import StorageFull
from gesso.server import traces
from gesso.telemetry import tracing
from gesso.telemetry.span import NOTHING

HERE = "http://127.0.0.1:4318"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_SERVICE_NAME": "gesso"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": HERE}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": HERE}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": HERE, "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": HERE, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": HERE, "OTEL_TRACES_EXPORTER": "otlp"}, True),
    ],
)
def test_the_environment_decides(environment, expected):
    assert tracing.wanted(environment) is expected


def test_without_a_collector_everything_is_nothing(monkeypatch):
    for name in tracing.ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    tracing.start("1", "server")
    assert not tracing.on()
    assert tracing.begin("run", {"a": 1}, parent="00-" + "1" * 32 + "-" + "2" * 16 + "-01") is NOTHING
    assert tracing.child("engine") is NOTHING
    with tracing.span("submit") as span:
        assert span is NOTHING
        assert tracing.traceparent() is None
    assert tracing.trace_id() is None
    with NOTHING.current():
        NOTHING.note({"a": 1})
        NOTHING.end("failed")
    tracing.stop()


def test_without_a_collector_nothing_of_the_extra_is_imported():
    code = (
        "import sys; from gesso.telemetry import tracing; tracing.start('1', 'server'); tracing.span('a'); "
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_a_collector_without_the_extra_is_a_warning(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", HERE)
    monkeypatch.setitem(sys.modules, "gesso.telemetry.exporting", None)
    with capture_logs() as lines:
        traces.start_traces("server")
    assert [(line["event"], line["log_level"]) for line in lines] == [("no_traces", "warning")]
    assert "gesso[otel]" in lines[0]["reason"]
    assert not tracing.on()


def test_an_error_is_told_by_its_code_never_by_its_text():
    assert tracing.code_of(StorageFull("The disk of somebody is full.")) == "storage_full"
    assert tracing.code_of(ValueError("a secret")) == "ValueError"
