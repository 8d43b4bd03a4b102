"""The running server against its own OpenAPI document, attacked by schemathesis: no 5xx, no undocumented answer."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = [pytest.mark.acceptance, pytest.mark.heavy]
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
)  # not use_after_free: a deleted job is wiped, but its id, state and money stay


def test_every_route_answers_as_documented(server, tmp_path):
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json", "--seed", "1"]
    command += ["--checks", ",".join(CHECKS), "--max-examples", "3", "--continue-on-failure", "--no-color"]
    command += ["--header", f"Authorization: Bearer {server.test_key}", "--suppress-health-check", "all"]
    command += ["--request-timeout", "60", "--warnings", "off"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert "SUMMARY" in done.stdout
