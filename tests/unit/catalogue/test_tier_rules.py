"""What each tier of accounts may use of the Magic Hour models, written out; all others are for everyone."""

from __future__ import annotations

import pytest
from asking import CATALOGUE, PICTURE

from gesso.catalogue.canonical import to_request
from gesso.catalogue.check import Checked, check
from gesso.catalogue.model import TierRules
from gesso.catalogue.plan import choose
from gesso.catalogue.stand_in import BUILTIN_ROUTE
from gesso.catalogue.tiers import rights, within_tier
from gesso.domain.errors import Forbidden
from gesso.domain.request import Request, RouteChoice, Verdict

QWEN, PRO, SEEDREAM = "magic-hour-qwen-edit", "magic-hour-nano-banana-pro", "magic-hour-seedream-v4"
OTHERS = ("magic-hour-default", "flux-schnell", QWEN, PRO)
FREE = "magic-hour-default or magic-hour-qwen-edit"
NO_FREE = "is not for accounts of the tier free: it takes creator, pro or business."


def settled(slug: str, tier: str, resolution: str | None) -> Checked:
    """Return what an input of this resolution (None: left out) is for an account of the tier."""
    model = CATALOGUE.get(slug)
    given = {} if resolution is None else {"resolution": resolution}
    checked = check(model, {"prompt": "a hat", "images": [PICTURE], **given})
    return within_tier(model, checked, tier, [CATALOGUE.get(one) for one in OTHERS])


# slug, tier, resolution asked for, resolution used
GRANTED = [
    (QWEN, "free", None, "640px"),
    (QWEN, "free", "auto", "640px"),
    (QWEN, "free", "640px", "640px"),
    (QWEN, "creator", "auto", "1k"),
    (QWEN, "creator", "640px", "640px"),
    (QWEN, "pro", None, "2k"),
    (QWEN, "business", None, "auto"),
    (QWEN, "business", "2k", "2k"),
    ("magic-hour-default", "free", None, "640px"),
    ("magic-hour-default", "pro", "auto", "2k"),
    ("magic-hour-nano-banana", "creator", "auto", "1k"),
    ("magic-hour-nano-banana", "pro", "auto", "1k"),  # it has no more
    ("magic-hour-nano-banana-2", "pro", "2k", "2k"),
    (PRO, "creator", "auto", "1k"),
    (PRO, "pro", "auto", "2k"),
    (PRO, "business", "4k", "4k"),
    (SEEDREAM, "business", "4k", "4k"),
    (SEEDREAM, "business", "auto", "auto"),
    ("magic-hour-seedream-v4.5", "creator", "auto", "1k"),
    (QWEN, "nobody's", "auto", "640px"),  # a tier nobody knows is the lowest
]


@pytest.mark.parametrize(("slug", "tier", "asked", "used"), GRANTED)
def test_what_a_tier_may_use_and_what_auto_is_for_it(slug: str, tier: str, asked: str | None, used: str) -> None:
    assert settled(slug, tier, asked).values["resolution"] == used


REFUSED = [
    (QWEN, "free", "1k", f'resolution "1k" of {QWEN} is not for accounts of the tier free: they may have 640px.'),
    (
        QWEN,
        "creator",
        "2k",
        f'resolution "2k" of {QWEN} is not for accounts of the tier creator: they may have 640px or 1k.',
    ),
    (PRO, "pro", "4k", f'resolution "4k" of {PRO} is not for accounts of the tier pro: they may have 1k or 2k.'),
    (PRO, "free", None, f"{PRO} {NO_FREE} This one may use {FREE}."),
    (SEEDREAM, "free", "640px", f"{SEEDREAM} {NO_FREE} This one may use {FREE}."),
    ("magic-hour-nano-banana", "free", "auto", f"magic-hour-nano-banana {NO_FREE} This one may use {FREE}."),
    ("magic-hour-nano-banana-2", "free", None, f"magic-hour-nano-banana-2 {NO_FREE} This one may use {FREE}."),
    ("magic-hour-seedream-v4.5", "free", None, f"magic-hour-seedream-v4.5 {NO_FREE} This one may use {FREE}."),
]


@pytest.mark.parametrize(("slug", "tier", "asked", "said"), REFUSED)
def test_what_a_tier_may_not_use_is_refused_with_what_it_may(
    slug: str, tier: str, asked: str | None, said: str
) -> None:
    with pytest.raises(Forbidden) as caught:
        settled(slug, tier, asked)
    assert caught.value.message == said


def test_only_the_magic_hour_models_have_rules_and_all_of_them_do() -> None:
    ruled = {model.slug for model in CATALOGUE.models if model.tiers is not None}
    assert ruled == {model.slug for model in CATALOGUE.models if "magic_hour" in model.names}


def test_a_model_without_rules_and_a_business_account_get_their_input_back() -> None:
    flux = CATALOGUE.get("flux-schnell")
    checked = check(flux, {"prompt": "a hat"})
    assert within_tier(flux, checked, "free") is checked
    assert rights(flux) == ()
    model = CATALOGUE.get(PRO)
    checked = check(model, {"prompt": "a hat", "images": [PICTURE], "resolution": "4k"})
    assert within_tier(model, checked, "business") is checked


def test_a_rule_without_a_table_is_on_the_model_alone() -> None:
    model = CATALOGUE.get("flux-schnell").model_copy(update={"tiers": TierRules(lowest="pro")})
    checked = check(model, {"prompt": "a hat"})
    assert within_tier(model, checked, "pro") is checked
    with pytest.raises(
        Forbidden, match="flux-schnell is not for accounts of the tier creator: it takes pro or business"
    ):
        within_tier(model, checked, "creator")


def chosen(tier: str, resolution: str | None) -> tuple[Request, RouteChoice]:
    model, checked = CATALOGUE.get(QWEN), settled(QWEN, tier, resolution)
    request = to_request(model, checked, draw_seed=lambda: 7)
    return request, choose(CATALOGUE, model, BUILTIN_ROUTE, request, checked)


def verdict(choice: RouteChoice) -> Verdict:
    return next(one for one in choice.verdicts if one.parameter == "resolution")


@pytest.mark.parametrize(("asked", "given"), [("auto", True), (None, False)])
def test_the_report_says_what_auto_was_taken_for(asked: str | None, given: bool) -> None:
    request, choice = chosen("creator", asked)
    said = verdict(choice)
    assert request.size_rule is not None
    assert (request.size_rule.long_side, request.size_rule.at_most) == (1024, True)
    assert (said.verdict, said.got, said.given) == ("mapped", "auto", given)
    assert said.reason.startswith("for accounts of the tier creator it is 1k; at most 1024 pixels")


def test_a_resolution_that_was_asked_for_is_reported_without_a_word_of_tiers() -> None:
    _, choice = chosen("creator", "1k")
    assert (verdict(choice).got, "tier" in verdict(choice).reason) == ("1k", False)


def test_an_upstream_route_gets_the_tiers_resolution() -> None:
    model, checked = CATALOGUE.get(QWEN), settled(QWEN, "pro", "auto")
    request = to_request(model, checked, draw_seed=lambda: 7)
    route = next(one for one in model.routes if one.vendor == "magic_hour")
    choice = choose(CATALOGUE, model, route, request, checked)
    assert choice.arguments["resolution"] == "2k"
    assert verdict(choice).reason == "for accounts of the tier pro it is 2k; passed on"


def test_what_is_named_instead_of_a_model_does_the_same() -> None:
    model = CATALOGUE.get("magic-hour-generator-nano-banana")
    checked = check(model, {"prompt": "a hat", "image_count": 1})
    with pytest.raises(Forbidden) as caught:
        within_tier(model, checked, "free", CATALOGUE.models)
    named = caught.value.message.partition("This one may use ")[2]
    assert "magic-hour-generator-flux-schnell" in named
    assert "magic-hour-qwen-edit" not in named
