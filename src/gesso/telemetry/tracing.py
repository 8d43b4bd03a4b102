"""Traces (OpenTelemetry), where the environment names a collector; else every function here does nothing at once.

A span begun with `span` is a child of the current one and there is none without: what nobody asked for, like sweeps,
makes no traces. `begin` makes one whose parent is named, possibly in another process. Attributes are ids, names and
states; never prompts, keys or links.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from gesso.telemetry.span import NOTHING, Attributes, Kind, Span

if TYPE_CHECKING:
    from gesso.telemetry.exporting import Exporting

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_NONE: Attributes = {}


_NO_BLOCK: AbstractContextManager[Span] = nullcontext(NOTHING)
_exporting: Exporting | None = None


def wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether the environment names a collector, by OpenTelemetry's own variables, and does not switch it off."""
    off = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return not off and environment.get("OTEL_TRACES_EXPORTER", "otlp").strip().lower() == "otlp" and any(
        environment.get(name) for name in ENDPOINTS
    )  # fmt: skip


def start(version: str, role: str) -> None:
    """Begin to send traces to the collector the environment names; nothing happens when it names none.

    Raises `ImportError` when it does, and the extra `otel` is not installed.
    """
    global _exporting  # noqa: PLW0603 - one process, one collector: spans are begun where nobody could pass it on
    if _exporting is None and wanted():
        from gesso.telemetry.exporting import Exporting

        _exporting = Exporting(version, role)


def stop() -> None:
    """Send what is left, for a few seconds at most, and make no more spans."""
    global _exporting
    exporting, _exporting = _exporting, None
    if exporting is not None:
        exporting.close()


def on() -> bool:
    """Tell whether spans are made."""
    return _exporting is not None


def begin(
    name: str,
    attributes: Attributes = _NONE,
    *,
    parent: str | None = None,
    kind: Kind = "internal",
    began_at: int | None = None,
) -> Span:
    """Return a new span, below `parent` (a `traceparent`; None or none that is valid: a new trace).

    `began_at` is microseconds UTC, in the past; None is now.
    """
    if _exporting is None:
        return NOTHING
    parent = parent if parent is not None and _PARENT.fullmatch(parent) else None
    return _exporting.begin(name, attributes, parent=parent, kind=kind, began_at=began_at)


def child(name: str, attributes: Attributes = _NONE, *, began_at: int | None = None) -> Span:
    """Return a new span below the current one; nothing where there is none."""
    if _exporting is None or _exporting.current() is None:
        return NOTHING
    return _exporting.child(name, attributes, began_at)


def span(name: str, attributes: Attributes = _NONE) -> AbstractContextManager[Span]:
    """Return a block that is a span below the current one; an error that leaves the block makes it failed."""
    if _exporting is None or _exporting.current() is None:
        return _NO_BLOCK
    return _block(child(name, attributes))


@contextmanager
def _block(span: Span) -> Iterator[Span]:
    failed: str | None = None
    try:
        with span.current():
            yield span
    except Exception as error:
        failed = code_of(error)
        raise
    finally:
        span.end(failed)


def traceparent() -> str | None:
    """Return the current span as a W3C `traceparent`, for whoever goes on elsewhere; None when there is none."""
    return None if _exporting is None else _exporting.current()


def trace_id() -> str | None:
    """Return the id of the current trace in hexadecimal; None when there is none."""
    current = traceparent()
    return None if current is None else current[3:35]


def code_of(error: BaseException) -> str:
    """Return what a span says of an error: our errors' code, else the name of its class; never its text."""
    code: Any = getattr(error, "code", None)
    return code if isinstance(code, str) else type(error).__name__
