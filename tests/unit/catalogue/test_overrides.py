"""The operator's order of routes and names for models; what a wrong one says; what a retired model answers."""

from __future__ import annotations

import pytest

from gesso.catalogue.canonical import to_request
from gesso.catalogue.check import check
from gesso.catalogue.load import Catalogue, load_catalogue
from gesso.catalogue.plan import plan
from gesso.catalogue.stand_in import routes_of
from gesso.dialects.registry import DIALECTS
from gesso.dialects.replicate.names import model_of
from gesso.domain.errors import ModelNotReady, NotFound, OperatorError
from gesso.domain.request import Plan, RouteChoice
from gesso.domain.spending import ForNow

PRO, DEV = "flux-2-pro", "flux-dev"


def order(catalogue: Catalogue, slug: str) -> list[str]:
    return [route.vendor or route.engine for route in routes_of(catalogue.get(slug))]


def planned(catalogue: Catalogue, slug: str, why_not, fidelities=("exact",)) -> Plan:
    model = catalogue.get(slug)
    checked = check(model, {"prompt": "a ball"})
    request = to_request(model, checked, draw_seed=lambda: 7)
    return plan(catalogue, model, request, checked, fidelities=fidelities, why_not=why_not)


def vendors(made: Plan) -> list[str]:
    return [route.vendor or route.engine for route in made.routes]


def test_a_models_own_order_leaves_out_what_it_does_not_name_but_for_the_stand_in():
    listed = load_catalogue()
    assert order(listed, PRO) == ["bfl", "fal", "replicate", "eachlabs", "builtin"]
    own = load_catalogue(routes={PRO: ("replicate", "bfl")})
    assert order(own, PRO) == ["replicate", "bfl", "builtin"]
    assert order(own, DEV) == order(listed, DEV)
    assert order(load_catalogue(routes={PRO: ("builtin", "fal")}), PRO) == ["builtin", "fal"]
    assert order(load_catalogue(routes={PRO: ("upstream",)}), PRO) == order(listed, PRO)
    assert order(listed, PRO) == ["bfl", "fal", "replicate", "eachlabs", "builtin"]


def test_the_order_of_every_model_puts_some_first_and_keeps_the_rest():
    every = load_catalogue(routes={"*": ("fal", "eachlabs"), PRO: ("bfl",)})
    assert order(every, DEV) == ["fal", "eachlabs", "diffusers", "replicate", "builtin"]
    assert order(every, PRO) == ["bfl", "builtin"]
    assert order(every, "gesso-sketch") == ["builtin"]
    assert order(every, "reve-text-to-image") == ["fal", "fal", "eachlabs", "reve", "builtin"]


def test_the_first_of_the_operators_order_runs_a_request():
    own = load_catalogue(routes={PRO: ("replicate", "fal")})
    assert vendors(planned(own, PRO, lambda _: None))[0] == "replicate"
    assert vendors(planned(own, PRO, lambda route: "away" if route.vendor == "replicate" else None)) == ["fal"]


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        ({"flux-2-prp": ("fal",)}, 'GESSO_ROUTES: there is no model "flux-2-prp". Did you mean "flux-2-pro"?'),
        (
            {PRO: ("openai",)},
            'GESSO_ROUTES: flux-2-pro has no route at "openai": it has bfl, fal, replicate, eachlabs or builtin',
        ),
        ({"*": ("fall",)}, '"fall" is neither a vendor nor an engine. Did you mean "fal"?'),
    ],
)
def test_a_wrong_order_is_named(routes, said):
    with pytest.raises(OperatorError) as caught:
        load_catalogue(routes=routes)
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("aliases", "said"),
    [
        ({"old": "flux-2-prp"}, '"old" is to be run as "flux-2-prp", and there is no such model. Did you mean'),
        ({"a": PRO, PRO: DEV}, '"a" is to be run as "flux-2-pro", which is run as another model itself'),
    ],
)
def test_a_wrong_alias_is_named(aliases, said):
    with pytest.raises(OperatorError) as caught:
        load_catalogue(aliases=aliases)
    assert "GESSO_ALIASES: " in caught.value.message
    assert said in caught.value.message


@pytest.mark.parametrize("dialect", ["native", *(dialect.name for dialect in DIALECTS)])
def test_every_dialect_sees_the_same_aliases(dialect):
    catalogue = load_catalogue(aliases={"imagen-3": "nano-banana", "gone": DEV})
    (unknown, known) = (catalogue.asked(dialect, name) for name in ("gone", "imagen-3"))
    assert (unknown.model.slug, unknown.named, unknown.alias) == (DEV, None, "gone")
    assert known.named is not None
    assert (known.model.slug, known.named.slug, known.alias) == ("nano-banana", "imagen-3", "imagen-3")
    for name in catalogue.get("imagen-3").names.get(dialect, ()):
        assert catalogue.by_name(dialect, name).slug == "nano-banana"
    assert catalogue.asked(dialect, DEV).alias is None
    with pytest.raises(NotFound):
        catalogue.by_name(dialect, "never-heard-of")
    # Who looks at a model sees the one of that name; what no model is called leads to the other.
    assert (catalogue.get("imagen-3").slug, catalogue.get("gone").slug) == ("imagen-3", DEV)


def test_replicates_names_lead_through_aliases_too():
    catalogue = load_catalogue(aliases={"stability-ai/old": DEV, "imagen-3": "nano-banana"})
    assert catalogue.by_name("replicate", model_of(catalogue, "stability-ai/old")).slug == DEV
    assert catalogue.by_name("replicate", model_of(catalogue, "google/imagen-3")).slug == "nano-banana"


@pytest.mark.parametrize(
    ("dialect", "name"), [("openai", "gpt-image-1"), ("replicate", "qwen/qwen-image"), ("magic_hour", "flux-2-klein")]
)
def test_an_alias_of_a_name_that_only_a_vendor_has_holds_there(dialect, name):
    (named, *_) = load_catalogue().names(dialect)[name]
    catalogue = load_catalogue(aliases={name: DEV})
    asked = catalogue.asked(dialect, name)
    assert asked.named is not None
    assert (asked.model.slug, asked.named.slug, asked.alias) == (DEV, named.slug, name)
    assert catalogue.by_name("native", name).slug == DEV
    assert catalogue.by_name(dialect, named.slug).slug == named.slug


def test_a_retired_model_tells_its_successor_whether_it_runs_or_not():
    catalogue = load_catalogue()
    with pytest.raises(ModelNotReady, match=r"imagen-3 was retired by its owner; its successor is gemini-3\.1-flash"):
        planned(catalogue, "imagen-3", lambda _: "there is no key")
    made = planned(catalogue, "imagen-3", lambda _: None, ("exact", "approximate", "stand_in"))
    assert any("its successor is gemini-3.1-flash-image" in note for note in made.notes)
    with pytest.raises(ModelNotReady) as caught:
        planned(catalogue, PRO, lambda _: "there is no key")
    assert "successor" not in caught.value.message


def test_what_fails_for_now_comes_after_what_is_well_and_refuses_nothing():
    catalogue = load_catalogue()

    def away(*names: str):
        return lambda route: ForNow("it failed") if route.vendor in names else None

    assert vendors(planned(catalogue, PRO, away("bfl")))[0] == "fal"
    assert vendors(planned(catalogue, PRO, away("fal", "bfl")))[0] == "replicate"
    assert vendors(planned(catalogue, PRO, away("bfl", "fal", "replicate", "eachlabs")))[0] == "bfl"
    # Another model does not stand in for one that was well a moment ago.
    every = ("exact", "approximate", "stand_in")
    assert vendors(planned(catalogue, PRO, away("bfl", "fal", "replicate", "eachlabs"), every))[0] == "bfl"

    def for_good(route: RouteChoice) -> str | None:
        return None if route.engine == "builtin" else "there is no key"

    assert vendors(planned(catalogue, PRO, for_good, every)) == ["builtin"]
