"""`GET /` and `gesso doctor --dialect`: how the clients of other APIs find their way here."""

import json
import os
import subprocess
import sys

import httpx
import pytest

from gesso.dialects.guide import guide_of
from gesso.dialects.registry import DIALECTS

pytestmark = pytest.mark.acceptance


def test_programs_are_told_every_dialect_with_the_address_they_used(fresh_server) -> None:
    told = httpx.get(f"{fresh_server.url}/", trust_env=False).json()
    assert [one["name"] for one in told["dialects"]] == [dialect.name for dialect in DIALECTS]
    for dialect, one in zip(DIALECTS, told["dialects"], strict=True):
        assert one["base_url"] == fresh_server.url + dialect.mount
        assert one["base_url"] in one["example"]
        compile(one["example"], dialect.name, "exec")
    assert httpx.get(told["native"]["openapi"], trust_env=False).status_code == 200


def test_people_get_a_page_that_may_run_nothing(fresh_server) -> None:
    page = httpx.get(f"{fresh_server.url}/", headers={"Accept": "text/html,*/*"}, trust_env=False)
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for dialect in DIALECTS:
        assert f"<code>{fresh_server.url}{dialect.mount}</code>" in page.text


def test_a_forged_host_is_escaped(fresh_server) -> None:
    page = httpx.get(f"{fresh_server.url}/", headers={"Accept": "text/html", "Host": 'a"><b>'}, trust_env=False)
    assert "<b>" not in page.text


def gesso(*words: str, data_dir) -> subprocess.CompletedProcess:
    environment = {**os.environ, "GESSO_DATA_DIR": str(data_dir)}
    command = [sys.executable, "-m", "gesso", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
def test_the_doctor_explains_a_dialect(dialect, tmp_path) -> None:
    told = json.loads(gesso("doctor", "--dialect", dialect.name.replace("_", "-"), "--json", data_dir=tmp_path).stdout)
    assert told["mount"] == dialect.mount
    assert len(told["routes"]) == len(dialect.routes)
    assert told["differs"] == list(guide_of(dialect).differs)
    assert all(row["name"] and row["model"] and row["live"] for row in told["models"])


def test_the_doctor_tells_people_too_and_names_what_there_is(tmp_path) -> None:
    told = gesso("doctor", "--dialect", "fashn", data_dir=tmp_path)
    assert "/fashn/v1/run" in told.stdout
    assert "fashn-edit" in told.stdout
    assert "What differs" in told.stderr
    wrong = gesso("doctor", "--dialect", "fashon", data_dir=tmp_path)
    assert wrong.returncode == 1
    assert "fashn" in wrong.stderr
    assert "Traceback" not in wrong.stderr
