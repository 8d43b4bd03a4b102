"""Loading model files: an operator hears of every mistake at once, by file, line and field."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from asking import CATALOGUE, ODD_MODELS

from gesso.catalogue.consistency import flaws
from gesso.catalogue.load import PACKAGED, check_file, load_catalogue
from gesso.catalogue.model import Route
from gesso.catalogue.strict_yaml import BadYaml, line_of, read_yaml
from gesso.domain.errors import NotFound, OperatorError

GOOD = """
slug: {slug}
name: A Model
owner: Me
operations: [generate]
parameters:
  prompt: {{type: string, role: prompt, required: true}}
"""


def without_lines(message: str) -> str:
    return re.sub(r": line [0-9]+: ", ": ", message)


def told(folder: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(OperatorError) as caught:
        load_catalogue([folder])
    return caught.value.message


def with_parameters(text: str, operations: str = "[generate]", rest: str = "") -> str:
    prompt = "  prompt: {type: string, role: prompt, required: true}\n"
    head = f"slug: mine\nname: Mine\nowner: Me\noperations: {operations}\n"
    return f"{head}parameters:\n{prompt}{text}\n{rest}"


def test_every_mistake_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    message = told(
        tmp_path,
        {
            "a.yaml": with_parameters("  steps: {type: integer, role: stepps, minimun: 1}", rest="colour: red"),
            "deep/b.yaml": "slug: B!\nname: [",
            "c.yaml": "- a list",
            "d.yaml": GOOD.format(slug="other-name"),
        },
    )
    assert "a.yaml: line 7: parameters.steps.role: " in message
    assert 'a.yaml: line 7: parameters.steps.minimun: there is no such field. Did you mean "minimum"?' in message
    assert "a.yaml: line 8: colour: there is no such field." in message
    assert f"{Path('deep') / 'b.yaml'}: line 3, column 1: " in message
    assert "c.yaml: it must be a mapping" in message
    assert 'd.yaml: line 2: slug: "other-name" belongs into a file other-name.yaml' in message
    assert message.startswith("There are mistakes in the model files:\n")
    assert message.count("\n") == 6


@pytest.mark.parametrize(
    ("text", "told_of"),
    [
        ("  steps: {type: integer, default: 60, maximum: 50, minimum: 1}", "parameters.steps.default: steps is 60"),
        ("  steps: {type: integer, default: '12'}", 'parameters.steps.default: "12" should be written 12'),
        ("  steps: {type: integer, minimum: 9, maximum: 1}", "parameters.steps.minimum: 9 is more than the maximum, 1"),
        (
            "  style: {type: string, enum: [1, 2]}",
            "parameters.style.enum: 1 is not of type string: write it in quotes?",
        ),
        ("  style: {type: string, enum: [a, a]}", 'parameters.style.enum: "a" is there 2 times'),
        ("  sync: {type: boolean, inline: wait}", "parameters.sync.inline: only an inline result can mean that"),
        ("  style: {type: string, enum: []}", "parameters.style.enum: it is empty"),
        ("  style: {type: string, accepts: [a]}", "parameters.style.accepts: it widens an enum"),
        ("  style: {type: string, pattern: '('}", "parameters.style.pattern: it is no regular expression"),
        ("  style: {type: string, min_length: 5, max_length: 2}", "parameters.style.min_length"),
        ("  go: {type: boolean, enum: [true]}\n  photo: {type: image, enum: [a]}", "parameters.photo.enum"),
        ("  ratio: {type: string, role: aspect_ratio, enum: [wide]}", 'parameters.ratio.enum: "wide" is no ratio'),
        ("  size: {type: string, role: image_size, enum: [vast]}", "parameters.size.enum"),
        ("  size: {type: string, role: resolution, enum: [8k]}", "parameters.size.enum"),
        ("  mp: {type: string, role: megapixels, enum: [lots]}", "parameters.mp.enum"),
        ("  format: {type: string, role: output_format, enum: [gif]}", 'parameters.format.enum: "gif" is no format'),
        ("  n: {type: integer, role: count, default: 1}", "parameters.n.maximum: how many pictures"),
        ("  n: {type: string, role: count}", "parameters.n.type: a parameter with the role count is of type integer"),
        ("  text: {type: string, role: prompt}", "parameters: prompt, text have the role prompt"),
        ("  mask: {type: image, role: mask}", "parameters: a mask needs a parameter with the role image"),
        (
            "  photo: {type: image, role: image, required: true}",
            "operations: it cannot generate while photo is required",
        ),
        (
            "  w: {type: integer, only_when: {ratio: [custom]}}",
            'parameters.w.only_when: there is no parameter "ratio".',
        ),
        ("  a: {type: string, aliases: [prompt]}", 'parameters: "prompt" names 2 parameters'),
        ("  o: {type: object}", "parameters.o.fields: an object has to name its fields"),
        ("  l: {type: array}", "parameters.l.item: a list has to say what it holds"),
        ("  l: {type: array, item: object}", "parameters.l.fields: a list of objects"),
        ("  bare:", "parameters.bare: "),
        (
            "  keep: {type: number, role: guidance, inverted: true, minimum: 0, maximum: 1}",
            "parameters.keep.inverted: only a strength of 0 to 1",
        ),
    ],
)
def test_a_parameter_that_does_not_agree_with_itself(tmp_path: Path, text: str, told_of: str) -> None:
    assert f"mine.yaml: {told_of}" in without_lines(told(tmp_path, {"mine.yaml": with_parameters(text)}))


@pytest.mark.parametrize(
    ("rest", "told_of"),
    [
        ("sizing: {table: qwen_imgae}", 'sizing.table: there is no table "qwen_imgae". Did you mean "qwen_image"?'),
        ("sizing: {default_width: 512}", "sizing.default_width: "),
        ("sizing: {edit: area}", "sizing.edit_area_pixels: "),
        ("sizing: {resolutions: {1k: {long_side: 1, scale: 2}}}", "sizing.resolutions.1k: give one of"),
        (
            "routes: [{engine: builtin, fidelity: stand_in, model: nobody}]",
            'routes[0].model: there is no model "nobody"',
        ),
        ("routes: [{engine: x, fidelity: exact, arguments: {promt: {to: a}}}]", "routes[0].arguments: there is no"),
        ("routes: [{engine: x, fidelity: perfect}]", "routes.0.fidelity: "),
        ("price_rules: [{when: {mode: [fast]}, amount: 3}]", "price_rules[0].when: there is no parameter"),
        ("price: {amount: 1, unit: euro}", "price.unit: "),
        ("price: {amount: -1, unit: usd}", "price.amount: "),
        ("price: {amount: 1000001, unit: usd}", "price.amount: "),
        ("price: {amuont: 1}", 'price.amuont: there is no such field. Did you mean "amount"?'),
        ("price_rules: [{when: {prompt: [a]}, amount: 3}]", "price_rules: it says more about a price, and there is no"),
        ("price_fact: {source: me, confidence: verified}", "price_fact: it says more about a price, and there is no"),
        ("adapters: {night: {path: me/night}}", "adapters: adapters belong to an endpoint"),
        ("names: {friendli: [dep1]}\nadapters: {'a:b': {path: me/night}}", 'adapters.a:b: "a:b" is no adapter route'),
        ("names: {friendli: [dep1]}\nadapters: {night: {scale: 1}}", "adapters.night.path: "),
        ("names: {friendli: [dep1]}\nadapters: {night: {path: a, scale: 9}}", "adapters.night.scale: "),
        (
            "routes: [{engine: x, fidelity: exact, adapters: true}]",
            "routes[0].adapters: the model has no adapters to put on",
        ),
        ("names: {friendli: ['dep1:night']}", 'names.friendli: "dep1:night" is no endpoint'),
        ("names: {eachlabs: [flux-schnell]}", 'names.eachlabs: "flux-schnell" is taken by black-forest-labs'),
        ("names: {fashn: [a, a]}", 'names.fashn: "a" is taken by'),
        ("without: {telepathy: no}", "without.telepathy"),
        ("tiers: {lowest: gold}", "tiers.lowest: "),
        ("tiers: {lowst: free}", 'tiers.lowst: there is no such field. Did you mean "lowest"?'),
        ("tiers: {table: magic_houre}", 'tiers.table: there is no table "magic_houre". Did you mean "magic_hour"?'),
        ("tiers: {table: magic_hour}", "tiers.table: it parts resolutions among tiers, and the model has no choice"),
    ],
)
def test_a_model_that_does_not_agree_with_the_rest(tmp_path: Path, rest: str, told_of: str) -> None:
    assert f"mine.yaml: {told_of}" in without_lines(told(tmp_path, {"mine.yaml": with_parameters("", rest=rest)}))


@pytest.mark.parametrize(
    ("resolutions", "tiers", "told_of"),
    [
        ("[1k, 8k]", "{table: magic_hour}", "line 8: tiers.table: it does not know the resolution 8k: it parts 640px,"),
        ("[1k, 2k]", "{\n  table: magic_hour}", "line 8: tiers.lowest: accounts of the tier free may have none"),
        ("[4k]", "{lowest: pro, table: magic_hour}", "line 8: tiers.lowest: accounts of the tier pro may have none"),
    ],
)
def test_tiers_that_do_not_fit_the_resolutions(tmp_path: Path, resolutions: str, tiers: str, told_of: str) -> None:
    parameter = f"  resolution: {{type: string, role: resolution, enum: {resolutions}}}"
    sizes = "sizing: {resolutions: {1k: {long_side: 1}, 2k: {long_side: 2}, 4k: {long_side: 4}, 8k: {long_side: 8}}}"
    text = with_parameters(f"{parameter}\ntiers: {tiers}", rest=sizes)
    assert f"mine.yaml: {told_of}" in told(tmp_path, {"mine.yaml": text})


def test_an_editing_model_needs_an_image(tmp_path: Path) -> None:
    message = told(tmp_path, {"mine.yaml": with_parameters("", operations="[edit]")})
    assert "mine.yaml: line 4: operations: a model that edits needs a parameter with the role image" in message


def test_the_built_in_model_cannot_be_replaced(tmp_path: Path) -> None:
    message = told(tmp_path, {"gesso-sketch.yaml": GOOD.format(slug="gesso-sketch")})
    assert 'line 2: slug: "gesso-sketch" is what the built-in engine is, and cannot be replaced' in message


def test_two_files_of_the_operator_with_one_slug_are_a_mistake(tmp_path: Path) -> None:
    text = GOOD.format(slug="fashn-edit")
    message = told(tmp_path, {"a/fashn-edit.yaml": text, "b/fashn-edit.yaml": text})
    first = tmp_path / "a" / "fashn-edit.yaml"
    assert f'{tmp_path / "b" / "fashn-edit.yaml"}: line 2: slug: "fashn-edit" is the slug of {first} too' in message
    assert message.count("\n") == 1


def test_a_file_of_the_operator_replaces_the_packaged_model(tmp_path: Path) -> None:
    path = tmp_path / "fashn-edit.yaml"
    path.write_text(GOOD.format(slug="fashn-edit") + "names: {fashn: [edit]}\n", encoding="utf-8")
    catalogue = load_catalogue([tmp_path])
    assert catalogue.get("fashn-edit").owner == "Me"
    assert catalogue.by_name("fashn", "edit").owner == "Me"
    assert catalogue.replaced == {"fashn-edit": str(path)}
    assert [model.slug for model in catalogue.models] == [model.slug for model in load_catalogue().models]
    assert load_catalogue().get("fashn-edit").owner == "FASHN"
    assert load_catalogue().replaced == {}


def test_a_replacing_file_is_told_of_a_name_it_takes_from_another_model(tmp_path: Path) -> None:
    text = GOOD.format(slug="claid-edit-v1") + "names: {fashn: [edit]}\n"  # stands before fashn-edit in the catalogue
    text = text.replace("operations: [generate]", "operations: [edit]")
    message = told(tmp_path, {"claid-edit-v1.yaml": text})
    assert 'claid-edit-v1.yaml: line 8: names.fashn: "edit" is taken by fashn/fashn-edit.yaml' in message


def test_one_name_may_stand_for_a_model_that_generates_and_one_that_edits(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(GOOD.format(slug="mine") + "names: {fashn: [edit]}\n", encoding="utf-8")
    catalogue = load_catalogue([tmp_path])
    assert catalogue.by_name("fashn", "edit", "edit").slug == "fashn-edit"
    assert catalogue.by_name("fashn", "edit", "generate").slug == "mine"


def test_a_file_with_the_wrong_ending_is_told_and_not_passed_over(tmp_path: Path) -> None:
    assert "mine.yml: model files end in .yaml" in told(tmp_path, {"mine.yml": GOOD.format(slug="mine")})


LINED = """# a remark
slug: mine
parameters:
  prompt:
    type: string

  a.b:
    enum:
      - one
      - two
routes:
  - engine: x
    arguments: {prompt: {to: text}}
  - engine: y
"""


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("slug", 2),
        ("parameters.prompt.type", 5),
        ("parameters.prompt.missing", 4),
        ("parameters.a.b.enum", 8),
        ("parameters.a.b.enum.1", 10),
        ("parameters.nobody", 3),
        ("routes[1].engine", 14),
        ("routes.0.arguments.prompt", 13),
        ("routes[7]", 11),
        ("name", 2),
        ("(the file)", 2),
    ],
)
def test_the_line_of_a_field_or_of_what_would_hold_it(field: str, line: int) -> None:
    assert line_of(LINED, field) == line


def test_a_file_is_checked_on_its_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD.format(slug="mine"), encoding="utf-8")
    (tmp_path / "broken.yaml").write_text("slug: [", encoding="utf-8")  # another's mistake
    assert check_file(path).slug == "mine"
    assert check_file(path, [tmp_path]).slug == "mine"
    assert check_file(PACKAGED / "fashn" / "fashn-edit.yaml").slug == "fashn-edit"


def test_a_checked_file_may_run_on_another_model_of_the_operator(tmp_path: Path) -> None:
    (tmp_path / "first.yaml").write_text(GOOD.format(slug="first"), encoding="utf-8")
    path = tmp_path / "second.yaml"
    route = "routes: [{engine: builtin, fidelity: stand_in, model: first}]\n"
    path.write_text(GOOD.format(slug="second") + route, encoding="utf-8")
    assert check_file(path, [tmp_path]).slug == "second"
    with pytest.raises(OperatorError, match=r'second\.yaml: line 8: routes\[0\]\.model: there is no model "first"'):
        check_file(path)


def test_every_mistake_of_a_checked_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    rest = "names: {eachlabs: [flux-schnell]}\nsizing: {table: nowhere}"
    path.write_text(with_parameters("  steps: {type: integer, minimum: 9, maximum: 1}", rest=rest), encoding="utf-8")
    with pytest.raises(OperatorError) as caught:
        check_file(path)
    assert re.findall(r"mine\.yaml: line ([0-9]+): ([a-z.]+):", caught.value.message) == [
        ("7", "parameters.steps.minimum"),
        ("9", "sizing.table"),
        ("8", "names.eachlabs"),
    ]
    with pytest.raises(OperatorError, match=r"gone\.yaml: it cannot be read"):
        check_file(tmp_path / "gone.yaml")


def test_a_model_with_adapters_has_no_parameter_of_that_name(tmp_path: Path) -> None:
    rest = "names: {friendli: [dep1]}\nadapters: {night: {path: me/night}}"
    message = told(tmp_path, {"mine.yaml": with_parameters("  adapter: {type: string}", rest=rest)})
    assert "mine.yaml: line 7: parameters.adapter: a model with adapters" in message


def test_adapters_of_an_endpoint_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    adapters = (
        "adapters:\n  night: {path: me/night-lora, scale: 0.8, description: Dark skies.}\n  plain: {path: me/p}\n"
    )
    path.write_text(GOOD.format(slug="mine") + "names: {friendli: [dep123]}\n" + adapters, encoding="utf-8")
    found = check_file(path).adapters
    assert (found["night"].path, found["night"].scale, found["plain"].scale) == ("me/night-lora", 0.8, 1.0)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="there is no such folder"):
        load_catalogue([tmp_path / "nowhere"])


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(OperatorError, match=r"mine\.yaml: it cannot be read"):
        load_catalogue([tmp_path])


@pytest.mark.parametrize("text", ["a: 1\na: 2", "a: [", "? [a]\n: 1", "a: !!python/object:os.system {}", "\t"])
def test_yaml_with_traps_is_refused(text: str) -> None:
    with pytest.raises(BadYaml):
        read_yaml(text)


def test_yaml_means_what_it_looks_like() -> None:
    text = "[16:9, on, No, 2026-01-01, 1k, 0x10, 010, 1_000, None, true, null, 3, 2.50, -1, 1e3]"
    values = read_yaml(text)
    assert values == [
        "16:9", "on", "No", "2026-01-01", "1k", "0x10", "010", "1_000", "None", True, None, 3, 2.5, -1, 1000.0,
    ]  # fmt: skip


def test_models_are_found_by_slug_and_by_each_dialects_names() -> None:
    assert CATALOGUE.get("flux-schnell").name == "FLUX.1 [schnell]"
    assert CATALOGUE.by_name("native", "fashn-edit").slug == "fashn-edit"
    assert CATALOGUE.by_name("fashn", "edit").slug == "fashn-edit"
    assert CATALOGUE.by_name("claid", "v1").slug == "claid-edit-v1"
    assert CATALOGUE.by_name("eachlabs", "flux-schnell").slug == "flux-schnell"
    assert CATALOGUE.by_name("replicate", "black-forest-labs/flux-schnell").slug == "flux-schnell"
    assert CATALOGUE.by_name("eachlabs", "knobs").slug == "many-knobs"


def test_an_unknown_model_is_not_found_and_the_near_one_suggested() -> None:
    with pytest.raises(NotFound, match=r'There is no model "flux-schnel"\. Did you mean "flux-schnell"\?'):
        CATALOGUE.get("flux-schnel")
    with pytest.raises(NotFound, match='no model "edti"'):
        CATALOGUE.by_name("fashn", "edti")
    with pytest.raises(NotFound):
        CATALOGUE.by_name("nobody", "edit")
    with pytest.raises(NotFound) as caught:
        CATALOGUE.get("x\0" * 10_000)
    assert len(caught.value.message) < 300


def test_the_packaged_catalogue_is_read_once() -> None:
    assert load_catalogue() is load_catalogue()
    assert {model.slug for model in load_catalogue().models} < {model.slug for model in CATALOGUE.models}


def test_the_operators_models_stand_beside_the_packaged_ones() -> None:
    slugs = {path.stem for path in ODD_MODELS.glob("*.yaml")}
    assert {model.slug for model in CATALOGUE.models} == slugs | {model.slug for model in load_catalogue().models}


@pytest.mark.parametrize(
    ("route", "flaw"),
    [
        ({"only_when": {"flavour": ["sweet"]}}, ("routes[0].only_when", 'there is no parameter "flavour".')),
        ({"only_when": {"aspect_ratio": ["7:1"]}}, ("routes[0].only_when", "aspect_ratio is never 7:1")),
        (
            {"arguments": {"prompt_strength": {"to": "strength", "only_with": ["picture"]}}},
            ("routes[0].arguments.prompt_strength", 'there is no parameter "picture"'),
        ),
        (
            {"arguments": {"guidance": {"to": "g", "only_above": {"force": 1}}}},
            ("routes[0].arguments.guidance", 'there is no parameter "force"'),
        ),
        (
            {"arguments": {"image": {"to": ["image", "more", "most"]}}},
            ("routes[0].arguments.image.to", "two arguments: the first picture's, and that of the rest"),
        ),
    ],
)
def test_what_a_route_says_of_effects_has_to_be_possible(route: dict[str, Any], flaw: tuple[str, str]) -> None:
    made = Route.model_validate({"engine": "diffusers", "fidelity": "exact", **route})
    model = load_catalogue().get("flux-dev").model_copy(update={"routes": (made,)})
    assert [(one.field, one.message) for one in flaws(model)] == [flaw]
