"""One command line in, one clear line and an exit code out."""

import json
import subprocess
import sys

import pytest

import gesso
from gesso.cli.app import run


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    """No gesso.toml and no data folder but the test's own."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "words", [["nope"], ["serve", "--port", "many"], ["keys", "create", "--nope"], ["edit", "a.png"]]
)
def test_a_usage_mistake_is_exit_code_2_and_says_where_help_is(capfd, words):
    assert run(words) == 2

    printed = capfd.readouterr()
    assert "--help" in printed.err
    assert printed.out == ""


@pytest.mark.parametrize("words", [["--help"], ["generate", "--help"], ["keys", "--help"], ["--version"]])
def test_help_and_version_are_no_failures(capfd, words):
    assert run(words) == 0
    assert capfd.readouterr().out


def test_the_version_loads_no_library():
    program = (
        "import sys; sys.argv = ['gesso', '--version']; from gesso.__main__ import main; main(); "
        "sys.exit(any(name in sys.modules for name in ('typer', 'rich', 'pydantic', 'numpy', 'fastapi')))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.stdout == f"gesso {gesso.__version__}\n"
    assert done.returncode == 0


def test_help_loads_nothing_heavy():
    program = (
        "import sys; from gesso.cli.app import run; run(['--help']); "
        "sys.exit(any(name in sys.modules for name in ('numpy', 'fastapi', 'sqlalchemy', 'onnxruntime', 'PIL')))"
    )

    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("words", [["keys", "list"], ["credits", "show"], ["jobs", "list"]])
def test_without_a_data_folder_the_next_step_is_named(capsys, words):
    assert run(words) == 1

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("gesso: There is no data folder data yet.")
    assert "gesso serve" in printed.err
    assert printed.err.count("\n") == 1


def test_an_error_for_programs_is_json_on_standard_error(capsys):
    assert run(["edit", "absent.png", "add a duck", "--json"]) == 1

    printed = capsys.readouterr()
    error = json.loads(printed.err)["error"]
    assert error["code"] == "invalid_input"
    assert error["problems"][0]["value"] == "absent.png"
    assert printed.out == ""


def test_wrong_settings_are_named(capsys, monkeypatch):
    monkeypatch.setenv("GESSO_PORT", "eighty")

    assert run(["models"]) == 1
    assert "GESSO_PORT" in capsys.readouterr().err


def test_an_unknown_model_gets_a_suggestion(capsys):
    assert run(["models", "gesso-scetch"]) == 1

    assert "gesso-sketch" in capsys.readouterr().err


def test_models_are_listed_and_shown(capsys):
    assert run(["models", "--quiet"]) == 0
    assert "gesso-sketch" in capsys.readouterr().out.splitlines()

    assert run(["models", "gesso-sketch"]) == 0
    assert "num_images" in capsys.readouterr().out

    assert run(["models", "gesso-sketch", "--json"]) == 0
    assert "prompt" in json.loads(capsys.readouterr().out)["input"]["properties"]
