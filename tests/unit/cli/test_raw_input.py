"""Options become input under the model's own names."""

import pytest

from gesso.catalogue.load import load_catalogue
from gesso.cli.raw_input import by_role, from_assignments
from gesso.domain.errors import InvalidInput


@pytest.fixture(scope="module")
def sketch():
    return load_catalogue().get("gesso-sketch")


def test_roles_become_the_models_own_names(sketch):
    assert by_role(sketch, {"count": 2, "guidance": 1.5, "prompt": "a duck"}) == {
        "num_images": 2,
        "guidance_scale": 1.5,
        "prompt": "a duck",
    }


def test_every_role_the_model_lacks_is_named(sketch):
    with pytest.raises(InvalidInput) as caught:
        by_role(sketch, {"prompt": "a duck", "scheduler": "x", "loras": "y"})

    assert [problem.field for problem in caught.value.problems] == ["scheduler", "loras"]
    assert "gesso-sketch has no parameter for scheduler" in caught.value.message


def test_assignments_are_text_unless_they_are_json_structures():
    assert from_assignments(["a=1", "b=x=y", "c=", 'd=["u", "v"]', 'e={"w": 1}', "f = g"]) == {
        "a": "1",
        "b": "x=y",
        "c": "",
        "d": ["u", "v"],
        "e": {"w": 1},
        "f": " g",
    }


@pytest.mark.parametrize("word", ["novalue", "=value", ""])
def test_what_is_no_assignment_is_refused(word):
    with pytest.raises(InvalidInput, match="NAME=VALUE"):
        from_assignments([word])


def test_broken_json_is_named():
    with pytest.raises(InvalidInput, match="--set d") as caught:
        from_assignments(["d=[1, "])

    assert caught.value.problems[0].field == "d"
