"""`gesso generate`, `gesso edit` and `gesso doctor` as installed: no server, no key, no data folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.acceptance
PHOTO = Path(__file__).resolve().parents[2] / "examples" / "photo.jpg"


@pytest.fixture
def gesso(tmp_path):
    """Run the command in an empty folder and return how it ended."""

    def run(*words):
        return subprocess.run(
            [sys.executable, "-m", "gesso", *map(str, words)],
            cwd=tmp_path,
            env={**os.environ},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_a_picture_from_words_in_the_format_of_its_name(gesso, tmp_path):
    done = gesso("generate", "a red balloon", "-o", "out/balloon.jpg", "--width", 320, "--height", 192, "--json")

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["pictures"][0]["path"] == "out/balloon.jpg"
    assert {entry["parameter"] for entry in said["parameters"]} >= {"prompt", "width", "height", "output_format"}
    with Image.open(tmp_path / "out" / "balloon.jpg") as picture:
        assert (picture.format, picture.size) == ("JPEG", (320, 192))
    assert not (tmp_path / "data").exists()


def test_the_same_seed_gives_the_same_pixels_alone_and_in_a_batch(gesso):
    def hashes(*words):
        done = gesso("generate", "a duck", "--width", 128, "--height", 128, "--json", *words)
        return [picture["pixel_hash"] for picture in json.loads(done.stdout)["pictures"]]

    batch = hashes("--seed", 4294967295, "--count", 2)

    assert hashes("--seed", 4294967295) == batch[:1]
    assert hashes("--seed", 0) == batch[1:]


def test_pictures_are_named_after_the_prompt_and_never_overwritten(gesso, tmp_path):
    words = ("generate", "A red duck!", "--seed", 3, "--width", 64, "--height", 64, "--quiet")

    printed = [gesso(*words).stdout, gesso(*words).stdout]

    assert printed == ["a-red-duck-3.png\n", "a-red-duck-3_2.png\n"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-red-duck-3.png", "a-red-duck-3_2.png"]


def test_an_edit_changes_nothing_outside_its_mask(gesso, tmp_path):
    with Image.open(PHOTO) as photo:
        before = np.asarray(photo.convert("RGB"))
    mask = np.zeros(before.shape[:2], np.uint8)
    mask[:, :300] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")

    done = gesso("edit", PHOTO, "add a duck on the left", "--mask", "mask.png", "-o", "edited.png", "--seed", 5)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("edited.png  600x400, seed 5\nMade by gesso-sketch in ")
    with Image.open(tmp_path / "edited.png") as picture:
        after = np.asarray(picture.convert("RGB"))
    assert np.array_equal(after[:, 300:], before[:, 300:])
    assert not np.array_equal(after, before)


def test_words_it_does_not_know_are_said(gesso):
    done = gesso("generate", "a duck beside a flibbertigibbet", "--width", 64, "--height", 64)

    assert done.returncode == 0, done.stderr
    assert "flibbertigibbet" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("generate", ""), "prompt"),
        (("generate", "a duck", "--width", 9000), "width"),
        (("generate", "a duck", "--set", "colour=red"), "colour"),
        (("generate", "a duck", "-o", "duck.gif"), ".png, .jpg, .jpeg, .webp"),
        (("generate", "a duck", "-m", "gesso-scetch"), "gesso-sketch"),
        (("generate", "a duck", "-m", "fashn-edit"), "gesso edit IMAGE PROMPT --model fashn-edit"),
        (("edit", PHOTO, "add a duck", "-m", "flux-schnell"), "gesso generate PROMPT --model flux-schnell"),
        (("edit", "absent.png", "add a duck"), "absent.png"),
        (("edit", __file__, "add a duck"), "image"),
        (("edit", PHOTO, "add a duck", "--mask", PHOTO.with_name("absent.png")), "absent.png"),
    ],
    ids=[
        "empty prompt",
        "range",
        "field",
        "suffix",
        "model",
        "only edits",
        "only generates",
        "absent image",
        "no image",
        "absent mask",
    ],
)
def test_a_mistake_is_one_line_that_names_it_and_writes_nothing(gesso, tmp_path, words, said):
    done = gesso(*words)

    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.startswith("gesso: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_another_model_says_who_stood_in_and_what_became_of_its_parameters(gesso):
    done = gesso("generate", "a duck", "-m", "flux-schnell", "-o", "duck.png", "--set", "go_fast=false")

    assert done.returncode == 0, done.stderr
    assert "a stand-in for flux-schnell" in done.stdout
    assert "go_fast was ignored: " in done.stdout
    assert "disable_safety_checker" not in done.stdout  # it was not asked for


def test_a_model_run_in_the_place_of_another_is_said(gesso, tmp_path):
    (tmp_path / "gesso.toml").write_text('[aliases]\n"old-sketch" = "gesso-sketch"\n')
    done = gesso("generate", "a duck", "-m", "old-sketch", "--width", 64, "--height", 64, "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["model"]) == (0, "gesso-sketch"), done.stderr
    assert said["notes"][0]["message"] == "old-sketch is run as gesso-sketch here: the operator says so (aliases)."


def test_the_doctor_finds_the_built_in_engine_ready(gesso, tmp_path):
    done = gesso("doctor", "--json")

    assert done.returncode == 0, done.stdout
    found = {(row["what"], row["state"]) for row in json.loads(done.stdout)}
    assert ("engine builtin", "ok") in found
    assert ("model gesso-sketch", "ok") in found
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_names_only_what_is_broken_when_quiet(gesso, tmp_path):
    assert (gesso("doctor", "-q").returncode, gesso("doctor", "-q").stdout) == (0, "")

    (tmp_path / "gesso.toml").write_text("port = ")
    done = gesso("doctor", "-q")

    assert (done.returncode, done.stdout) == (1, "settings\n")


def test_the_doctor_names_a_broken_setting(gesso, tmp_path):
    (tmp_path / "gesso.toml").write_text("prot = 9000\n")

    done = gesso("doctor")

    assert done.returncode == 1
    assert "broken" in done.stdout
    assert "prot" in done.stdout.lower()
