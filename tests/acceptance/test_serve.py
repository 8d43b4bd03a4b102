"""`gesso serve` as a process: its first words, its keys, its data folder, its end."""

import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.acceptance


def serve_here(data_dir, *words):
    """Run `gesso serve` on a folder expecting it to end by itself; return how it ended."""
    environment = {**os.environ, "GESSO_DATA_DIR": str(data_dir)}
    command = [sys.executable, "-m", "gesso", "serve", "--port", "0", *words]
    return subprocess.run(
        command, cwd=data_dir.parent, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_first_start_shows_two_keys_that_work_and_logs_neither(start_server):
    server = start_server(log_level="debug")

    assert server.live_key.startswith("gesso_live_")
    assert server.test_key.startswith("gesso_test_")
    for key, mode in ((server.live_key, "live"), (server.test_key, "test")):
        with server.client(key) as client:
            assert client.get("/v1/account").json()["mode"] == mode
    assert server.live_key not in server.log()
    assert server.test_key not in server.log()


def test_a_later_start_shows_no_keys_and_the_old_ones_still_work(start_server, tmp_path):
    first = start_server()
    first.process.send_signal(signal.SIGTERM)
    first.process.wait(30)

    second = start_server()

    assert (second.live_key, second.test_key) == (None, None)
    with second.client(first.live_key) as client:
        assert client.get("/v1/account").status_code == 200


def test_a_taken_port_is_named(start_server, tmp_path):
    server = start_server()
    port = server.url.rpartition(":")[2]

    second = serve_here(tmp_path / "elsewhere", "--port", port)

    assert second.returncode == 1
    assert port in second.stderr
    assert "GESSO_PORT" in second.stderr
    assert "Traceback" not in second.stderr


def test_people_read_the_address_and_the_keys(tmp_path):
    environment = {**os.environ, "GESSO_DATA_DIR": str(tmp_path / "data")}
    command = [sys.executable, "-m", "gesso", "serve", "--port", "0"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        lines = [process.stdout.readline() for _ in range(5)]
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)

    assert lines[0].startswith("Gesso listens on http://127.0.0.1:")
    assert "gesso_live_" in lines[3]
    assert "gesso_test_" in lines[4]
    assert "gesso_live_" not in log
    assert "Traceback" not in log
