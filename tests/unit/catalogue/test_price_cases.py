"""Prices worked out by hand: 1 credit is a US cent; a Magic Hour credit 0.1, a Claid one 5, a FASHN one 7.5 credits."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from asking import ODD_MODELS, PICTURE

from gesso.catalogue.canonical import to_request
from gesso.catalogue.check import check
from gesso.catalogue.load import Catalogue, load_catalogue
from gesso.catalogue.plan import plan
from gesso.catalogue.price import NOT_PUBLISHED, parse_price
from gesso.domain.credits import Price, render_credits
from gesso.domain.errors import OperatorError
from gesso.domain.request import Plan

LISTED = load_catalogue([ODD_MODELS])
OWN = load_catalogue(
    [ODD_MODELS],
    prices={
        "flux-schnell": parse_price("0.5 usd"),
        "far-presets": parse_price("12 credit"),
        "flux-2": parse_price("0 credit"),
        "fashn-edit": parse_price("2 fashn_credit"),
    },
    unknown_price=Price(amount=Decimal("3.5")),
)


def planned(catalogue: Catalogue, slug: str, **raw: Any) -> Plan:
    model = catalogue.get(slug)
    checked = check(model, {"prompt": "a ball"} | raw)
    request = to_request(model, checked, draw_seed=lambda: 7)
    everything = ("exact", "approximate", "stand_in")
    return plan(catalogue, model, request, checked, fidelities=everything, why_not=lambda route: None)


def cost(catalogue: Catalogue, slug: str, **raw: Any) -> str:
    return render_credits(planned(catalogue, slug, **raw).price_micro)


@pytest.mark.parametrize(
    ("slug", "raw", "expected"),
    [
        ("gesso-sketch", {"num_images": 4}, "0"),
        ("magic-hour-qwen-edit", {"images": [PICTURE]}, "1"),  # 10 × 0.1
        ("magic-hour-qwen-edit", {"images": [PICTURE], "image_count": 4}, "4"),
        ("magic-hour-qwen-edit", {"images": [PICTURE], "image_count": 4, "resolution": "2k"}, "4"),  # at every one
        ("magic-hour-nano-banana-pro", {"images": [PICTURE]}, "15"),  # 150 × 0.1
        ("claid-edit-v1", {"image": PICTURE}, "10"),  # 2 × 5
        ("fashn-edit", {"image": PICTURE}, "7.5"),  # 1 × 7.5
        ("flux-schnell", {}, "0.3"),  # 0.003 dollars
        ("flux-schnell", {"num_outputs": 4}, "1.2"),
        ("far-presets", {}, "4"),  # 0.04 dollars
        ("far-presets", {"image_size": "auto_4K", "num_images": 2}, "16"),  # a rule: 0.08 dollars
        ("flux-2", {}, "10"),  # nobody publishes one
        ("friendli-edit", {"image": [PICTURE]}, "10"),
    ],
)
def test_listed_prices(slug: str, raw: dict[str, Any], expected: str) -> None:
    assert cost(LISTED, slug, **raw) == expected


@pytest.mark.parametrize(
    ("slug", "raw", "expected"),
    [
        ("flux-schnell", {"num_outputs": 4}, "200"),  # 0.5 dollars each
        ("far-presets", {}, "12"),
        ("far-presets", {"image_size": "auto_4K", "num_images": 2}, "24"),  # the rule is gone
        ("flux-2", {}, "0"),  # made free: no longer unknown
        ("fashn-edit", {"image": PICTURE}, "15"),
        ("friendli-edit", {"image": [PICTURE]}, "3.5"),
        ("magic-hour-qwen-edit", {"images": [PICTURE], "image_count": 4}, "4"),
        ("gesso-sketch", {"num_images": 4}, "0"),
    ],
)
def test_an_installations_own_prices(slug: str, raw: dict[str, Any], expected: str) -> None:
    assert cost(OWN, slug, **raw) == expected


def test_an_amount_below_a_micro_credit_is_rounded_once_for_all_pictures() -> None:
    catalogue = load_catalogue(prices={"gesso-sketch": parse_price("0.0000004 credit")})
    micro = {n: planned(catalogue, "gesso-sketch", num_images=n).price_micro for n in (1, 2, 4)}
    assert micro == {1: 0, 2: 1, 4: 2}  # 0.4, 0.8 and 1.6 micro-credits


def test_only_a_price_nobody_publishes_is_remarked() -> None:
    remark = "flux-2 has no published price: the server's setting unknown_price_credits."
    assert planned(LISTED, "flux-2").notes[-1] == remark
    assert LISTED.get("flux-2").price_fact == NOT_PUBLISHED
    for slug in ("gesso-sketch", "flux-schnell"):
        assert not any("price" in note for note in planned(LISTED, slug).notes)
    assert not any("price" in note for note in planned(OWN, "flux-2").notes)
    assert OWN.get("flux-2").price_fact is not None
    assert OWN.get("flux-2").price_fact.source == "the server's setting prices"


def test_a_price_of_a_model_that_is_not_there_is_a_mistake() -> None:
    own = {"flux-schnel": parse_price("1 credit"), "nobody": parse_price("1 credit")}
    with pytest.raises(OperatorError) as caught:
        load_catalogue(prices=own)
    assert 'GESSO_PRICES: there is no model "flux-schnel". Did you mean "flux-schnell"?' in caught.value.message
    assert 'GESSO_PRICES: there is no model "nobody".' in caught.value.message


def test_a_model_of_the_operators_own_may_be_priced_in_the_settings(tmp_path: Path) -> None:
    text = (
        "slug: mine\nname: Mine\nowner: Me\noperations: [generate]\n"
        "parameters: {prompt: {type: string, role: prompt, required: true}}\n"
    )
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    assert cost(load_catalogue([tmp_path]), "mine") == "10"
    assert cost(load_catalogue([tmp_path], prices={"mine": parse_price("2 claid_credit")}), "mine") == "10"
    assert cost(load_catalogue([tmp_path], prices={"mine": parse_price("0.25 credit")}), "mine") == "0.25"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0.5", "must be a number, a space and a unit"),
        ("0.5usd", "must be a number, a space and a unit"),
        ("-1 usd", "must be a number, a space and a unit"),
        ("1e3 usd", "must be a number, a space and a unit"),
        ("nan usd", "must be a number, a space and a unit"),
        ("1,5 usd", "must be a number, a space and a unit"),
        (" 1 usd", "must be a number, a space and a unit"),
        ("", "must be a number, a space and a unit"),
        ("1 euro", '"euro" is no unit: allowed are credit, usd, magic_hour_credit, claid_credit or fashn_credit'),
        ("1000001 usd", "1000001 is too much: at most 1000000"),
    ],
)
def test_a_price_that_cannot_be_read(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=r"^must|^\"euro|^1000001") as caught:
        parse_price(text)
    assert told in str(caught.value)
