"""Whoever names another account's job or file is told the same as for one that never was, on every route of every dialect."""

from __future__ import annotations

import io
import re
from uuid import uuid4

import pytest
from PIL import Image
from running_server import running_server
from second_account import job_number, open_account

from gesso.dialects.actions import Cancel, Delete, DeleteFile, Show, ShowDelivery, ShowFile, Watch
from gesso.dialects.dialect import Dialect, Route
from gesso.dialects.ids import short
from gesso.dialects.openai.file_ids import of_file
from gesso.dialects.registry import DIALECTS

pytestmark = pytest.mark.acceptance
OF_JOBS = (Show, Cancel, Delete, Watch, ShowDelivery)
OF_FILES = (ShowFile, DeleteFile)
# How each dialect writes the id of a job; the others write the UUID.
JOB_IDS = {
    "fashn": lambda job: f"{job['id']}-u1",
    "magic_hour": lambda job: short(job["id"]),
    "replicate": lambda job: short(job["id"]),
    "claid": lambda job: str(job["number"]),
}
FILE_IDS = {"openai": of_file}
UNKNOWN = {"claid": "123456789012345"}


def id_routes() -> list[tuple[Dialect, Route]]:
    kinds = OF_JOBS + OF_FILES
    return [(dialect, route) for dialect in DIALECTS for route in dialect.routes if isinstance(route.action, kinds)]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("accounts") / "data") as started:
        yield started


@pytest.fixture(scope="module")
def theirs(server) -> dict:
    """A finished job and a file of the first account's."""
    data = io.BytesIO()
    Image.new("RGB", (64, 64), "navy").save(data, "PNG")
    with server.client(server.test_key) as client:
        ask = {"model": "gesso-sketch", "input": {"prompt": "a duck", "width": 64, "height": 64, "steps": 1}}
        job = client.post("/v1/jobs", json=ask, headers={"Prefer": "wait=60"}).json()
        file = client.post("/v1/files", files={"file": ("a.png", data.getvalue(), "image/png")}).json()
    assert job["state"] == "succeeded"
    return {"job": {**job, "number": job_number(server, job["id"])}, "file": file}


@pytest.fixture(scope="module")
def other_key(server) -> str:
    return open_account(server, "other")


@pytest.mark.parametrize(
    ("dialect", "route"),
    id_routes(),
    ids=lambda one: one.name if isinstance(one, Dialect) else f"{one.method} {one.path}",
)
def test_anothers_id_is_not_found_like_one_that_never_was(server, theirs, other_key, dialect, route) -> None:
    if isinstance(route.action, OF_JOBS):
        write = JOB_IDS.get(dialect.name, lambda job: job["id"])
        known = write(theirs["job"])
        unknown = UNKNOWN.get(dialect.name) or write({"id": str(uuid4())})
    else:
        write_file = FILE_IDS.get(dialect.name, str)
        known, unknown = write_file(theirs["file"]["id"]), write_file(str(uuid4()))
    with server.client(other_key) as client:
        answers = [
            client.request(route.method, dialect.mount + re.sub(r"\{\w+(:\w+)?\}", one, route.path))
            for one in (known, unknown)
        ]
    assert answers[0].status_code == answers[1].status_code
    assert 400 <= answers[0].status_code < 500
    assert answers[0].text.replace(known, "ID") == answers[1].text.replace(unknown, "ID")
    # and it is still there for its owner
    with server.client(server.test_key) as client:
        assert client.get(f"/v1/jobs/{theirs['job']['id']}").json()["pictures"]
        assert client.get(f"/v1/files/{theirs['file']['id']}").status_code == 200


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_a_dialect_refuses_who_has_no_key(server, dialect) -> None:
    """Every route but the public ones, before it looks at anything else."""
    with server.client("") as client:
        for route in dialect.routes:
            if route.public:
                continue
            path = re.sub(r"\{\w+(:\w+)?\}", "1", route.path)
            assert client.request(route.method, dialect.mount + path).status_code == 401, f"{route.method} {route.path}"
