"""The side of traces that needs the extra `otel`: spans of the OpenTelemetry SDK, sent as OTLP over HTTP."""

from __future__ import annotations

import os
import socket
import threading
import uuid
from contextlib import AbstractContextManager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from gesso.telemetry.span import Attributes, Kind, Span

LAST_SECONDS = 3.0  # for what is left to be sent when the process ends
_KINDS = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "consumer": SpanKind.CONSUMER,
}


class Exporting:
    """Makes spans and sends them in batches from a thread of its own. Where the collector is away they are lost.

    Collector, sampling, batches and the service's name are the SDK's own variables (`OTEL_…`). The provider is not
    made the global one, so that libraries that would trace by themselves (addresses with their queries) stay silent.
    """

    def __init__(self, version: str, role: str) -> None:
        said = {"service.version": version, "service.instance.id": str(uuid.uuid4()), "gesso.role": role}
        said |= {"host.name": socket.gethostname(), "process.pid": str(os.getpid())}
        named = "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
        if not named and not os.environ.get("OTEL_SERVICE_NAME"):
            said["service.name"] = "gesso"
        self._provider = TracerProvider(resource=Resource.create(said), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("gesso", version)

    def begin(self, name: str, attributes: Attributes, *, parent: str | None, kind: Kind, began_at: int | None) -> Span:
        """Return a new span; `parent` is a valid `traceparent` or None, times are microseconds."""
        context = trace.set_span_in_context(trace.INVALID_SPAN if parent is None else _remote(parent))
        said, began = dict(attributes), None if began_at is None else began_at * 1000
        return _Span(self._tracer.start_span(name, context, _KINDS[kind], said, start_time=began))

    def child(self, name: str, attributes: Attributes, began_at: int | None) -> Span:
        """Return a new span below the current one."""
        began = None if began_at is None else began_at * 1000
        return _Span(self._tracer.start_span(name, attributes=dict(attributes), start_time=began))

    def current(self) -> str | None:
        """Return the current span as a `traceparent`."""
        context = trace.get_current_span().get_span_context()
        if not context.is_valid:
            return None
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def close(self) -> None:
        """Send what is left; a collector that does not answer is not waited for."""
        ending = threading.Thread(target=self._provider.shutdown, name="gesso-traces-end", daemon=True)
        ending.start()
        ending.join(LAST_SECONDS)


class _Span:
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def note(self, attributes: Attributes) -> None:
        self._span.set_attributes(dict(attributes))

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def end(self, failed: str | None = None) -> None:
        if failed is not None:
            self._span.set_attribute("error.type", failed)
            self._span.set_status(Status(StatusCode.ERROR, failed))
        self._span.end()

    def current(self) -> AbstractContextManager[object]:
        return trace.use_span(self._span, end_on_exit=False, record_exception=False, set_status_on_exception=False)


def _remote(parent: str) -> NonRecordingSpan:
    _, trace_id, span_id, flags = parent.split("-")
    context = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
    return NonRecordingSpan(context)
