"""The running server against its own OpenAPI document, attacked by schemathesis: no 5xx, no undocumented answer."""

from __future__ import annotations

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

pytestmark = pytest.mark.acceptance
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


@pytest.fixture
def schema(server):
    return schemathesis.openapi.from_url(
        f"{server.url}/openapi.json", headers={"Authorization": f"Bearer {server.test_key}"}
    )


fuzzed = schemathesis.pytest.from_fixture("schema")


@fuzzed.parametrize()
@hypothesis.settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck)
)
def test_every_route_answers_as_documented(case, server):
    case.call_and_validate(headers={"Authorization": f"Bearer {server.test_key}"}, checks=CHECKS, timeout=60)
