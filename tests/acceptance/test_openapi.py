"""The running server against its own OpenAPI document, attacked by schemathesis: no 5xx, no undocumented answer."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

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
# Of the hundred forms of a job's body, one of each kind: drawing from all of them takes minutes and finds no more, and
# `test_every_model` asks each model for jobs.
FORMS = ("flux-schnell", "fooocus-api", "openai-images-edit", "claid-edit-v2", "magic-hour-qwen-edit", "gesso-sketch")


def test_every_route_answers_as_documented(server, tmp_path):
    with server.client() as client:
        document = client.get("/openapi.json").json()
    fewer = tmp_path / "openapi.json"
    fewer.write_text(json.dumps(with_fewer_forms(document)))
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(fewer), "--url", server.url, "--seed", "1"]
    command += ["--checks", ",".join(CHECKS), "--max-examples", "6", "--continue-on-failure", "--no-color"]
    command += ["--header", f"Authorization: Bearer {server.test_key}", "--suppress-health-check", "all"]
    command += ["--request-timeout", "60", "--warnings", "off"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert "SUMMARY" in done.stdout


def with_fewer_forms(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with only some forms of a job's body."""
    body = document["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]
    forms = body["schema"]["discriminator"]["mapping"]
    body["schema"] = {"oneOf": [{"$ref": forms[slug]} for slug in FORMS]}
    return document
