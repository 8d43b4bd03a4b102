"""An adapter is asked for beside the model's name, and every route says what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest
from asking import PICTURE

from gesso.catalogue.adapters import adapter_of, split_adapter
from gesso.catalogue.canonical import to_request
from gesso.catalogue.check import check
from gesso.catalogue.describe import describe
from gesso.catalogue.load import Catalogue, load_catalogue
from gesso.catalogue.plan import plan
from gesso.domain.errors import InvalidInput
from gesso.domain.request import Plan, Request
from gesso.server.model_bodies import describe_bodies

ENDPOINT = """
slug: mine
name: Mine
owner: Me
operations: [edit]
names: {friendli: [dep1]}
parameters:
  image: {type: image, role: image, required: true}
  prompt: {type: string, role: prompt, required: true}
adapters:
  night: {path: me/night-lora, scale: 0.8, description: Dark skies.}
  plain: {path: me/plain}
routes:
  - {engine: upstream, fidelity: exact, vendor: friendli, target: dep1, adapters: true}
  - {engine: upstream, fidelity: exact, vendor: friendli, target: dep2}
"""


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    folder = tmp_path_factory.mktemp("models")
    (folder / "mine.yaml").write_text(ENDPOINT, encoding="utf-8")
    return load_catalogue([folder])


def planned(catalogue: Catalogue, adapter: str | None, *, strict: bool = False, here: Any = "upstream") -> Plan:
    model = catalogue.get("mine")
    checked = check(model, {"prompt": "a hat", "image": PICTURE})
    request = to_request(model, checked, draw_seed=lambda: 7, adapter=adapter)
    return plan(
        catalogue,
        model,
        request,
        checked,
        fidelities=("exact", "stand_in"),
        why_not=lambda choice: None if choice.engine == here else "not here",
        strict=strict,
    )


@pytest.mark.parametrize(
    ("name", "parts"),
    [("a", ("a", None)), ("a:b", ("a", "b")), ("a:b:c", ("a", "b:c")), ("a:", ("a", "")), (":b", ("", "b"))],
)
def test_a_name_is_split_at_its_first_colon(name: str, parts: tuple[str, str | None]) -> None:
    assert split_adapter(name) == parts


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mine:nigth", 'mine has no adapter "nigth": it has night or plain. Did you mean "night"?'),
        ("mine:", 'mine has no adapter "": it has night or plain.'),
        ("mine:night:plain", 'mine has no adapter "night:plain": it has night or plain. Did you mean "plain"?'),
        ("flux-schnell:night", 'flux-schnell has no adapter "night": it has none.'),
    ],
)
def test_an_adapter_the_model_does_not_have_is_refused_naming_those_it_has(
    catalogue: Catalogue, name: str, said: str
) -> None:
    model = catalogue.get(split_adapter(name)[0])
    with pytest.raises(InvalidInput) as caught:
        adapter_of(model, name)
    (problem,) = caught.value.problems
    assert (problem.field, problem.code, problem.message) == ("model", "unknown_adapter", said)
    assert problem.allowed == list(model.adapters)


def test_a_route_that_puts_adapters_on_gets_name_path_and_scale(catalogue: Catalogue) -> None:
    assert adapter_of(catalogue.get("mine"), "mine:night") == "night"
    (choice, *_) = planned(catalogue, "night").routes
    assert choice.arguments["adapter"] == {"name": "night", "path": "me/night-lora", "scale": 0.8}
    said = next(one for one in choice.verdicts if one.parameter == "adapter")
    assert (said.verdict, said.got, said.used, said.given) == ("used", "night", "night", True)


def test_failover_goes_to_no_route_that_would_leave_the_adapter_off(catalogue: Catalogue) -> None:
    assert [choice.target for choice in planned(catalogue, "night").routes] == ["dep1"]
    assert [choice.target for choice in planned(catalogue, None).routes] == ["dep1", "dep2"]


def test_the_built_in_model_ignores_an_adapter_and_says_so(catalogue: Catalogue) -> None:
    (choice,) = planned(catalogue, "night", here="builtin").routes
    (said,) = (one for one in choice.verdicts if one.parameter == "adapter")
    assert (said.verdict, said.got, said.used) == ("ignored", "night", None)
    assert said.reason == "Gesso Sketch loads no adapters: the picture is made without it"
    assert "adapter" not in choice.arguments
    with pytest.raises(InvalidInput) as caught:
        planned(catalogue, "night", here="builtin", strict=True)
    (problem,) = caught.value.problems
    assert (problem.field, problem.code) == ("adapter", "would_be_ignored")


def test_without_an_adapter_there_is_no_word_of_one(catalogue: Catalogue) -> None:
    for choice in planned(catalogue, None).routes:
        assert "adapter" not in choice.arguments
        assert "adapter" not in [one.parameter for one in choice.verdicts]
    assert planned(catalogue, None, here="builtin", strict=True).routes


def test_a_request_stored_before_there_were_adapters_is_read() -> None:
    stored = {"version": 1, "model": "mine", "operation": "edit", "prompt": "a hat", "seed": 7}
    assert Request.model_validate(stored).adapter is None
    assert Request.model_validate(stored | {"adapter": "night"}).adapter == "night"


def test_models_and_openapi_name_the_adapters(catalogue: Catalogue) -> None:
    assert describe(catalogue.get("mine"))["adapters"] == {"night": "Dark skies.", "plain": ""}
    post: dict[str, Any] = {"requestBody": {"content": {"application/json": {"schema": {}}}}}
    document: dict[str, Any] = {"components": {"schemas": {}}, "paths": {"/v1/jobs": {"post": post}}}
    describe_bodies(document, [catalogue.get("mine"), catalogue.get("flux-schnell")])
    schema = post["requestBody"]["content"]["application/json"]["schema"]
    assert len(schema["oneOf"]) == 2
    assert schema["discriminator"]["mapping"]["mine:night"] == "#/components/schemas/mine.job"
    asked = document["components"]["schemas"]["mine.job"]["properties"]["model"]
    assert asked["enum"] == ["mine", "mine:night", "mine:plain"]
