"""Settings: where they come from, and what a wrong one says."""

import pytest

from gesso.domain.errors import OperatorError
from gesso.settings import load_settings, unknown_variables


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """No gesso.toml but the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal() -> str:
    with pytest.raises(OperatorError) as caught:
        load_settings()
    return caught.value.message


def test_the_environment_goes_before_the_file(folder, monkeypatch):
    (folder / "gesso.toml").write_text('port = 9000\nhost = "0.0.0.0"\n')
    monkeypatch.setenv("GESSO_PORT", "9001")

    settings = load_settings()

    assert (settings.port, settings.host) == (9001, "0.0.0.0")


def test_lists_are_commas_in_the_environment_and_lists_in_the_file(folder, monkeypatch):
    (folder / "gesso.toml").write_text('trusted_proxies = ["10.0.0.5"]\n')
    monkeypatch.setenv("GESSO_OUTGOING_ALLOW", "assets.internal, 10.1.0.0/16")

    settings = load_settings()

    assert settings.trusted_proxies == ("10.0.0.5",)
    assert settings.outgoing_allow == ("assets.internal", "10.1.0.0/16")


def test_every_wrong_setting_is_named_with_what_it_was(monkeypatch):
    monkeypatch.setenv("GESSO_PORT", "many")
    monkeypatch.setenv("GESSO_LOG_LEVEL", "loud")

    message = refusal()

    assert 'GESSO_PORT is "many"' in message
    assert "GESSO_LOG_LEVEL is \"loud\": input should be 'debug', 'info', 'warning' or 'error'" in message


def test_a_misspelt_line_of_the_file_is_named_with_the_near_one(folder):
    (folder / "gesso.toml").write_text("prt = 9000\n")

    assert 'there is no setting "prt". Did you mean "port"?' in refusal()


@pytest.mark.parametrize("content", [b"port = ", b"\xff\xfe"])
def test_a_file_that_is_not_toml_is_named(folder, content):
    (folder / "gesso.toml").write_bytes(content)

    assert refusal().startswith("gesso.toml is not valid TOML: ")


def test_variables_without_effect_are_found(monkeypatch):
    monkeypatch.setenv("GESSO_PROT", "9000")
    monkeypatch.setenv("GESSO_PORT", "9000")
    monkeypatch.setenv("GESSO_KEY", "gesso_test_x")

    assert unknown_variables() == ["GESSO_PROT"]


WRONG = {
    "OUTGOING_ALLOW": ["10.0.0.0/99", "a b", "10.0.0.256"],
    "TRUSTED_PROXIES": ["nonsense", "10.0.0.1/8"],
    "PUBLIC_URL": ["http://", "https:///x", "http://a.example/?q=1", "ftp://a.example"],
    "LINK_HOURS": ["1e300", "inf", "nan", "-1"],
    "OUTPUT_RETENTION_HOURS": ["inf"],
    "FILE_RETENTION_HOURS": ["1e12"],
    "QUEUE_TIMEOUT_HOURS": ["inf"],
    "INITIAL_CREDITS": ["100000000000000000000"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_what_would_fail_later_is_named_at_once(monkeypatch, name, value):
    monkeypatch.setenv(f"GESSO_{name}", value)
    with pytest.raises(OperatorError, match=f"GESSO_{name}") as caught:
        load_settings()
    assert len(caught.value.message.splitlines()) == 2


def test_right_networks_and_urls_are_taken(monkeypatch):
    monkeypatch.setenv("GESSO_OUTGOING_ALLOW", "10.0.0.0/8, *.example, 127.0.0.1:80")
    monkeypatch.setenv("GESSO_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8, ::1, *")
    monkeypatch.setenv("GESSO_PUBLIC_URL", "https://a.example/images/")
    settings = load_settings()
    assert settings.public_url == "https://a.example/images"
    assert len(settings.trusted_proxies) == 4
