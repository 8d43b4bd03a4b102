"""What is in deploy/ for a fleet: commands and settings that exist, and configurations that their programs take."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
PROXIES = [DEPLOY / "haproxy.cfg", DEPLOY / "nginx.conf"]
LONGEST_WAIT = 300  # seconds of Prefer: wait


def unit(path: Path) -> RawConfigParser:
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(path.read_text(encoding="utf-8"))
    return parser


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_units_command_is_one_of_ours(path):
    import typer

    from gesso.cli.app import build

    program, name, *words = shlex.split(unit(path)["Service"]["ExecStart"].replace("%i", "9101"))
    assert program.endswith("/bin/gesso")
    group: Any = typer.main.get_command(build())
    context = group.commands[name].make_context(name, words)
    assert context.params["port"] in (8000, 9101)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_units_settings_exist_and_its_end_is_waited_for(path):
    from gesso.settings import Settings

    known = {f"GESSO_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"GESSO_[A-Z_]+", path.read_text(encoding="utf-8"))) <= known
    service = unit(path)["Service"]
    assert float(service["TimeoutStopSec"]) > 3 * Settings().grace_seconds
    assert service["Restart"] == "always"


@pytest.mark.parametrize("path", PROXIES, ids=lambda path: path.name)
def test_a_balancers_times_and_sizes_are_those_of_the_server(path):
    from gesso.settings import Settings

    text = path.read_text(encoding="utf-8")
    waits = [int(seconds) for seconds in re.findall(r"(?:timeout (?:client|server)|proxy_read_timeout)\s+(\d+)s", text)]
    assert waits
    assert min(waits) > LONGEST_WAIT
    if bodies := re.findall(r"client_max_body_size (\d+)m", text):
        assert int(bodies[0]) << 20 == Settings().max_body_bytes
    # HAProxy compares a path as it was sent, nginx as it is meant, which is how the server takes it.
    assert ("{ path,url_dec /metrics }" if path.suffix == ".cfg" else "location = /metrics {") in text
    assert "non_idempotent;" not in text


@pytest.mark.parametrize("name", ["haproxy", "nginx", "systemd-analyze"])
def test_their_programs_take_them(name, tmp_path):
    """Where they are installed; elsewhere what is above has to do."""
    program = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    whole = tmp_path / "nginx.conf"
    whole.write_text(
        f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{ include {DEPLOY / 'nginx.conf'}; }}\n", encoding="utf-8"
    )
    commands = {
        "haproxy": ["-c", "-f", str(DEPLOY / "haproxy.cfg")],
        "nginx": ["-t", "-c", str(whole)],
        "systemd-analyze": ["verify", *map(str, UNITS)],
    }
    assert all(Path(word).exists() for word in commands[name] if word.startswith("/"))
    if program is None:
        return
    done = subprocess.run([program, *commands[name]], capture_output=True, text=True, timeout=60, check=False)
    said = [line for line in done.stderr.splitlines() if "is not executable" not in line]  # ours is not installed there
    assert done.returncode == 0 or not said, done.stderr
