"""Settings of vendors: how they are written, and what a wrong one says."""

from decimal import Decimal

import pytest

from gesso.domain.errors import OperatorError
from gesso.installation import catalogue_of, upstreams_of
from gesso.settings import load_settings


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """No gesso.toml but the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(monkeypatch, name: str, value: str) -> str:
    monkeypatch.setenv(name, value)
    with pytest.raises(OperatorError) as caught:
        load_settings()
    return caught.value.message


def test_prices_are_of_a_target_or_of_the_vendors_own_unit(folder, monkeypatch):
    (folder / "gesso.toml").write_text('[upstream_prices]\n"fal/fal-ai/flux-2-pro" = 0.05\n')
    assert load_settings().upstream_prices == {"fal/fal-ai/flux-2-pro": Decimal("0.05")}
    monkeypatch.setenv("GESSO_UPSTREAM_PRICES", "fal/fal-ai/flux-2-pro=0.05, magic_hour/credit=0.001,fal/b=1")
    monkeypatch.setenv("FAL_KEY", "secret")
    (engine,) = upstreams_of(load_settings())
    prices = {name: settings.prices for name, settings in engine._settings.items() if settings.prices}
    assert prices == {
        "fal": {"fal-ai/flux-2-pro": Decimal("0.05"), "b": Decimal(1)},
        "magic_hour": {"magic_hour_credit": Decimal("0.001")},
    }


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("fal=1", '"fal" is neither VENDOR/TARGET nor VENDOR/UNIT; vendors are bfl,'),
        ("nobody/x=1", '"nobody/x" is neither'),
        ("fal/=1", '"fal/" is neither'),
        ("fal/x=-1", "greater than or equal to 0"),
        ("fal/x=dear", "valid decimal"),
        ("fal/x", "not of the form name=value"),
        ("fal/x=1,fal/x=2", "there twice"),
        ("fal/credit=1", '"fal/credit": fal tells what it takes in no unit'),
        ("xai/usd=1", '"xai/usd": what is told in US dollars needs no price'),
        ("xai/credit=1", '"xai/credit": xAI tells what it takes in usd'),
    ],
)
def test_a_wrong_price_is_named(monkeypatch, value, said):
    message = refusal(monkeypatch, "GESSO_UPSTREAM_PRICES", value)
    assert "GESSO_UPSTREAM_PRICES" in message
    assert said in message


def test_orders_of_routes_and_aliases_are_tables_or_pairs(folder, monkeypatch):
    (folder / "gesso.toml").write_text(
        '[routes]\nflux-2-pro = ["replicate", "fal"]\n"*" = "fal replicate"\n[aliases]\nimagen-3 = "nano-banana"\n'
    )
    of_file = load_settings()
    assert of_file.routes == {"flux-2-pro": ("replicate", "fal"), "*": ("fal", "replicate")}
    assert of_file.aliases == {"imagen-3": "nano-banana"}
    monkeypatch.setenv("GESSO_ROUTES", "flux-2-pro=fal  bfl, *=eachlabs")
    monkeypatch.setenv("GESSO_ALIASES", "old=flux-dev")
    settings = load_settings()
    assert settings.routes == {"flux-2-pro": ("fal", "bfl"), "*": ("eachlabs",)}
    catalogue = catalogue_of(settings)
    assert [route.vendor for route in catalogue.get("flux-2-pro").routes] == ["fal", "bfl"]
    assert catalogue.by_name("native", "old").slug == "flux-dev"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("flux-2-pro", "not of the form model=vendor vendor"),
        ("flux-2-pro=", '"flux-2-pro" has no route left'),
        ("flux-2-pro=fal fal", '"flux-2-pro" names "fal" twice'),
    ],
)
def test_a_wrong_order_of_routes_is_named(monkeypatch, value, said):
    assert said in refusal(monkeypatch, "GESSO_ROUTES", value)


def test_limits_are_dollars_a_day_by_vendor(folder, monkeypatch):
    (folder / "gesso.toml").write_text("[upstream_spend]\neachlabs = 12.5\n")
    assert load_settings().upstream_spend == {"eachlabs": Decimal("12.5")}
    monkeypatch.setenv("GESSO_UPSTREAM_SPEND", "eachlabs=50, fal=0.5")
    monkeypatch.setenv("GESSO_UPSTREAM_PRICES", "fal/fal-ai/flux-2-pro=0.05")
    assert load_settings().upstream_spend == {"eachlabs": Decimal(50), "fal": Decimal("0.5")}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("nobody=1", "no vendor is called 'nobody'"),
        ("eachlabs=0", "eachlabs: more than 0; to send nothing there, name it in GESSO_UPSTREAM_OFF"),
        ("eachlabs=much", "valid decimal"),
        ("fal=50", "GESSO_UPSTREAM_SPEND limits fal, whose answers do not say what it takes in dollars"),
        ("bfl=50", "GESSO_UPSTREAM_SPEND limits bfl,"),
    ],
)
def test_a_wrong_limit_and_one_without_effect_are_named(monkeypatch, value, said):
    assert said in refusal(monkeypatch, "GESSO_UPSTREAM_SPEND", value)


def test_a_price_of_what_no_route_names_is_refused_at_the_start(monkeypatch):
    monkeypatch.setenv("GESSO_UPSTREAM_PRICES", "fal/fal-ai/flux-2-prp=0.05, google/token=0.00003, bfl/credit=0.01")
    with pytest.raises(OperatorError) as caught:
        catalogue_of(load_settings())
    assert caught.value.message == (
        "These settings are wrong:\n  GESSO_UPSTREAM_PRICES: fal runs nothing under "
        '"fal-ai/flux-2-prp". Did you mean "fal-ai/flux-2-pro"?'
    )


def test_a_name_for_what_no_route_names_is_refused_at_the_start(monkeypatch):
    monkeypatch.setenv("GESSO_UPSTREAM_TARGETS", "friendli/edit=ep-1")
    catalogue_of(load_settings())
    monkeypatch.setenv("GESSO_UPSTREAM_TARGETS", "friendli/edits=ep-1,magic_hour/credit=x")
    with pytest.raises(OperatorError) as caught:
        catalogue_of(load_settings())
    assert 'GESSO_UPSTREAM_TARGETS: friendli runs nothing under "edits". Did you mean "edit"?' in caught.value.message
    assert 'magic_hour runs nothing under "credit"' in caught.value.message
