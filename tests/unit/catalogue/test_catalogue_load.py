"""Loading model files: an operator hears of every mistake at once, by file and field."""

from __future__ import annotations

from pathlib import Path

import pytest
from asking import CATALOGUE, ODD_MODELS

from gesso.catalogue.load import load_catalogue
from gesso.catalogue.strict_yaml import BadYaml, read_yaml
from gesso.domain.errors import NotFound, OperatorError

GOOD = """
slug: {slug}
name: A Model
owner: Me
operations: [generate]
parameters:
  prompt: {{type: string, role: prompt, required: true}}
"""


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
    assert "a.yaml: parameters.steps.role: " in message
    assert 'a.yaml: parameters.steps.minimun: there is no such field. Did you mean "minimum"?' in message
    assert "a.yaml: colour: there is no such field." in message
    assert f"{Path('deep') / 'b.yaml'}: line 3, column 1: " in message
    assert "c.yaml: it must be a mapping" in message
    assert 'd.yaml: slug: "other-name" belongs into a file other-name.yaml' in message
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
    ],
)
def test_a_parameter_that_does_not_agree_with_itself(tmp_path: Path, text: str, told_of: str) -> None:
    assert f"mine.yaml: {told_of}" in told(tmp_path, {"mine.yaml": with_parameters(text)})


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
        ("names: {eachlabs: [flux-schnell]}", 'names.eachlabs: "flux-schnell" is taken by black-forest-labs'),
        ("names: {fashn: [a, a]}", 'names.fashn: "a" is taken by'),
        ("without: {telepathy: no}", "without.telepathy"),
    ],
)
def test_a_model_that_does_not_agree_with_the_rest(tmp_path: Path, rest: str, told_of: str) -> None:
    assert f"mine.yaml: {told_of}" in told(tmp_path, {"mine.yaml": with_parameters("", rest=rest)})


def test_an_editing_model_needs_an_image(tmp_path: Path) -> None:
    message = told(tmp_path, {"mine.yaml": with_parameters("", operations="[edit]")})
    assert "mine.yaml: operations: a model that edits needs a parameter with the role image" in message


def test_a_slug_of_the_package_cannot_be_taken(tmp_path: Path) -> None:
    message = told(tmp_path, {"gesso-sketch.yaml": GOOD.format(slug="gesso-sketch")})
    assert 'slug: "gesso-sketch" is the slug of gesso/gesso-sketch.yaml too' in message


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
