"""`gesso models`: every model for programs, one model for people."""

import json

import pytest

from gesso.catalogue.load import PACKAGED, load_catalogue
from gesso.catalogue.vendors import VENDORS
from gesso.cli.app import run

MODELS = load_catalogue().models


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    """No gesso.toml and no data folder but the test's own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def listed(capsys):
    """Return what `gesso models --json` lists, by slug."""
    assert run(["models", "--json"]) == 0
    return {one["slug"]: one for one in json.loads(capsys.readouterr().out)}


def test_every_model_is_listed_with_what_programs_need(listed):
    assert len(listed) >= 73
    assert list(listed) == [model.slug for model in MODELS]
    for one in listed.values():
        assert {"name", "owner", "licence", "family", "operations", "lifecycle", "price", "routes"} <= one.keys()
        assert one["lifecycle"].keys() >= {"state", "successor"}
        assert all(route.keys() >= {"engine", "vendor", "fidelity"} for route in one["routes"])
        assert one["parameters"]


def test_every_parameter_is_listed_as_its_model_file_says(listed):
    for model in MODELS:
        rows = listed[model.slug]["parameters"]
        assert [row["name"] for row in rows] == [parameter.name for parameter in model.parameters]
        for row, parameter in zip(rows, model.parameters, strict=True):
            assert (row["type"], row["role"]) == (parameter.type, parameter.role)
            assert (row["required"], row["default"]) == (parameter.required, parameter.default)
            assert row["enum"] == (None if parameter.enum is None else list(parameter.enum))
            assert row["accepts"] == list(parameter.accepts)
            assert (row["minimum"], row["maximum"]) == (parameter.minimum, parameter.maximum)
            assert row["description"] == parameter.description
            assert row.get("max_length") == parameter.max_length


def test_values_taken_beyond_the_reference_stand_apart(listed):
    widened = [(model.slug, one) for model in MODELS for one in model.parameters if one.accepts]
    assert widened
    for slug, parameter in widened:
        row = next(one for one in listed[slug]["parameters"] if one["name"] == parameter.name)
        assert row["enum"] == list(parameter.enum or ())
        assert row["accepts"] == list(parameter.accepts)
        assert not set(row["enum"]) & set(row["accepts"])


def test_one_model_shows_people_what_becomes_of_sizes_and_what_routes_need(capsys):
    assert run(["models", "flux-schnell"]) == 0

    printed = capsys.readouterr()
    assert "Lifecycle: live." in printed.err
    assert "Apache-2.0" in printed.err
    assert "1344 x 768" in printed.out
    assert VENDORS["replicate"].key in printed.out
    assert "num_inference_steps" in printed.out


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.slug)
def test_every_model_can_be_shown(model, capsys):
    assert run(["models", model.slug]) == 0

    printed = capsys.readouterr().out
    assert all(parameter.name in printed for parameter in model.parameters)
    assert all(route.engine in printed for route in model.routes)


def test_one_model_for_programs_says_whether_each_route_is_ready(capsys):
    assert run(["models", "flux-schnell", "--json"]) == 0

    shown = json.loads(capsys.readouterr().out)
    by_engine = {route["engine"]: route for route in shown["routes"]}
    assert by_engine["builtin"]["ready"] is True
    assert by_engine["builtin"]["needs"] is None
    assert by_engine["diffusers"]["ready"] is (by_engine["diffusers"]["needs"] is None)
    assert list(shown["input"]["properties"]) == [one["name"] for one in shown["parameters"]]


@pytest.mark.parametrize("words", [["check"], ["flux-schnell", "a.yaml"]])
def test_a_file_belongs_to_the_check_and_the_check_to_a_file(words, capfd):
    assert run(["models", *words]) == 2
    assert "gesso models check" in capfd.readouterr().err


def test_a_wrong_model_file_is_refused_naming_file_line_and_field(tmp_path, capsys):
    file = tmp_path / "mine.yaml"
    packaged = next(PACKAGED.rglob("flux-schnell.yaml")).read_text()
    file.write_text(packaged.replace("slug: flux-schnell", "slug: mine").replace("maximum: 4", "maximum: four", 1))

    assert run(["models", "check", str(file)]) == 1
    error = capsys.readouterr().err
    line = file.read_text()[: file.read_text().index("maximum: four")].count("\n") + 1
    assert "mine.yaml" in error
    assert str(line) in error
    assert "parameters.num_outputs.maximum" in error


def test_a_file_that_is_not_there_is_named(capsys):
    assert run(["models", "check", "absent.yaml"]) == 1
    assert "absent.yaml" in capsys.readouterr().err


def test_a_right_model_file_is_said_to_be(tmp_path, capsys):
    file = tmp_path / "flux-schnell.yaml"
    file.write_text(next(PACKAGED.rglob("flux-schnell.yaml")).read_text())

    assert run(["models", "check", str(file), "--quiet"]) == 0
    assert capsys.readouterr().out == "flux-schnell\n"


def test_a_model_with_tiers_says_what_each_may(capsys):
    assert run(["models", "magic-hour-qwen-edit"]) == 0
    said = capsys.readouterr().err
    assert "Accounts of the tier free have the resolutions 640px; auto is 640px.\n" in said
    assert "tier business" not in said
    assert run(["models", "magic-hour-nano-banana-pro"]) == 0
    assert "Accounts of the tier free may not use it.\n" in capsys.readouterr().err
    assert run(["models", "flux-schnell"]) == 0
    assert "Accounts of the tier" not in capsys.readouterr().err
