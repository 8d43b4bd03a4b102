"""Settings: where they come from, and what a wrong one says."""

from decimal import Decimal

import pytest

from gesso.domain.credits import Price
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


def test_prices_are_a_table_in_the_file_and_pairs_in_the_environment(folder, monkeypatch):
    (folder / "gesso.toml").write_text('[prices]\nflux-schnell = "0.5 usd"\n"seedream-v4.5" = "12 credit"\n')
    of_file = {"flux-schnell": Price(amount="0.5", unit="usd"), "seedream-v4.5": Price(amount=12)}
    assert load_settings().prices == of_file

    monkeypatch.setenv("GESSO_PRICES", "fashn-edit = 2 fashn_credit, a=1 usd")
    assert load_settings().prices == {
        "fashn-edit": Price(amount=2, unit="fashn_credit"),
        "a": Price(amount=1, unit="usd"),
    }


def test_what_a_price_nobody_publishes_is_set_to(monkeypatch):
    assert load_settings().unknown_price_credits == 10
    monkeypatch.setenv("GESSO_UNKNOWN_PRICE_CREDITS", "0.25")
    assert load_settings().unknown_price_credits == Decimal("0.25")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("flux-schnell", '"flux-schnell" is no price of a model, like flux-schnell=0.5 usd'),
        ("a=1 usd,a=2 usd", '"a" is there twice'),
        ("a=1 euro", 'the price of "a": "euro" is no unit: allowed are credit, usd,'),
        ("a=", 'the price of "a": must be a number, a space and a unit'),
    ],
)
def test_a_wrong_price_is_named_with_what_is_allowed(monkeypatch, text, told):
    monkeypatch.setenv("GESSO_PRICES", text)
    message = refusal()
    assert "GESSO_PRICES is " in message
    assert told in message


def test_a_price_without_a_unit_in_the_file_is_refused(folder):
    (folder / "gesso.toml").write_text("[prices]\nflux-schnell = 0.5\n")
    assert 'the price of "flux-schnell": must be a number, a space and a unit' in refusal()


WRONG = {
    "UNKNOWN_PRICE_CREDITS": ["-1", "nan", "inf", "1000001", "0.0000001", "ten"],
    "PRICES": ["x=-1 usd"],
    "OUTGOING_ALLOW": ["10.0.0.0/99", "a b", "10.0.0.256"],
    "TRUSTED_PROXIES": ["nonsense", "10.0.0.1/8"],
    "PUBLIC_URL": ["http://", "https:///x", "http://a.example/?q=1", "ftp://a.example"],
    "LINK_HOURS": ["1e300", "inf", "nan", "-1"],
    "OUTPUT_RETENTION_HOURS": ["inf"],
    "FILE_RETENTION_HOURS": ["1e12"],
    "QUEUE_TIMEOUT_HOURS": ["inf"],
    "INITIAL_CREDITS": ["100000000000000000000"],
    "STORAGE_URL": ["bucket", "file:///srv", "s3://", "s3://bucket?endpoint=x"],
    "STORAGE_ENDPOINT": ["minio.internal:9000"],
    "STORAGE_TIMEOUT_SECONDS": ["0", "inf"],
    "LINK_SECRET": ["too short"],
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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STORAGE_URL", "s3://key:hush-hush@bucket"),
        ("STORAGE_URL", "s3://bucket?secret=hush-hush"),
        ("LINK_SECRET", "hush-hush"),
    ],
)
def test_a_wrong_secret_is_not_shown(monkeypatch, name, value):
    monkeypatch.setenv(f"GESSO_{name}", value)
    with pytest.raises(OperatorError, match=f"GESSO_{name}") as caught:
        load_settings()
    assert "hush" not in caught.value.message


@pytest.mark.parametrize("url", [None, "", "memory://", "gs://bucket/prefix"])
@pytest.mark.parametrize("name", ["endpoint", "region", "access_key_id", "secret_access_key"])
def test_what_is_said_of_s3_without_s3_is_refused(name, url):
    """Who mistypes GESSO_STORAGE_URL would have the pictures on the node's disk, and not know."""
    with pytest.raises(OperatorError, match=f"GESSO_STORAGE_{name.upper()} is set.*GESSO_STORAGE_URL=s3") as caught:
        load_settings(**{"storage_url": url, f"storage_{name}": "https://hush-hush"})
    assert "hush" not in caught.value.message
    load_settings(**{"storage_url": "s3://bucket", f"storage_{name}": "https://hush-hush"})
    load_settings(**{"storage_url": url, f"storage_{name}": ""})


def test_presigned_links_take_a_store_that_has_them():
    for url in (None, "memory://"):
        with pytest.raises(OperatorError, match="GESSO_STORAGE_LINKS is presigned"):
            load_settings(storage_url=url, storage_links="presigned")
    for url in ("s3://bucket", "gs://bucket", "az://container"):
        assert load_settings(storage_url=url, storage_links="presigned").storage_links == "presigned"


def test_secrets_of_the_store_are_not_shown_with_the_settings():
    settings = load_settings(
        storage_url="s3://bucket",
        storage_access_key_id="hush-key",
        storage_secret_access_key="hush-hush",
        link_secret="hush" * 8,
    )
    assert "hush" not in repr(settings)
    assert load_settings(storage_url="", storage_endpoint="", link_secret="").link_secret is None


def test_an_operator_names_what_is_his_own_at_a_vendor(folder, monkeypatch):
    (folder / "gesso.toml").write_text('[upstream_targets]\n"friendli/edit" = "ep1"\n')
    assert load_settings().upstream_targets == {"friendli/edit": "ep1"}
    monkeypatch.setenv("GESSO_UPSTREAM_TARGETS", "friendli/edit=ep2:adapter, openai/gpt-image-1.5=mine")
    assert load_settings().upstream_targets == {"friendli/edit": "ep2:adapter", "openai/gpt-image-1.5": "mine"}


@pytest.mark.parametrize("text", ["friendli=ep1", "friendli/=ep1", "nobody/edit=ep1", "friendli/edit="])
def test_a_target_that_is_nobodys_is_refused(monkeypatch, text):
    monkeypatch.setenv("GESSO_UPSTREAM_TARGETS", text)
    message = refusal()
    assert "GESSO_UPSTREAM_TARGETS is " in message
    assert "VENDOR/TARGET=NAME" in message
