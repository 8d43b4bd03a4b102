"""`gesso doctor --live VENDOR` as installed, against a vendor of ours: said first, sent once, told by meaning."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys

import pytest
from loopback_vendor import loopback_vendor
from picture_host import picture_bytes
from PIL import Image

from gesso.cli.app import run as run_here

pytestmark = pytest.mark.acceptance
KEY = "sk-very-secret-key"
PICTURE = picture_bytes((512, 512))
INLINE = {"data": [{"b64_json": base64.b64encode(PICTURE).decode()}]}
GENERATIONS = "/images/generations"
NAMES = ("openai", "xai", "fashn")
PRICES = {"GESSO_UPSTREAM_PRICES": "openai/gpt-image-1.5=0.008"}
OPENAI = {"OPENAI_API_KEY": KEY}


@pytest.fixture
def vendor():
    with loopback_vendor() as running:
        yield running


@pytest.fixture
def gesso(vendor, tmp_path):
    """Run the command as a process in an empty folder, its vendors all the loopback one; return how it ended."""

    def run(*words, keys=None, answer=""):
        settings = {
            "GESSO_UPSTREAM_URLS": ",".join(f"{name}={vendor.url}" for name in NAMES),
            "GESSO_OUTGOING_ALLOW": "127.0.0.1",
        }
        done = subprocess.run(
            [sys.executable, "-m", "gesso", "doctor", "--live", *map(str, words)],
            cwd=tmp_path,
            env={**os.environ, **settings, **(keys or {})},
            input=answer,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert KEY not in done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def here(vendor, tmp_path, monkeypatch, capsys):
    """Do the same in this process, which saves the start of one; return exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GESSO_UPSTREAM_URLS", ",".join(f"{name}={vendor.url}" for name in NAMES))
    monkeypatch.setenv("GESSO_OUTGOING_ALLOW", "127.0.0.1")

    def run(*words, keys=None, answer=""):
        for name, value in (keys or {}).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        code = run_here(["doctor", "--live", *words])
        said = capsys.readouterr()
        assert KEY not in said.out + said.err
        return code, said.out, said.err

    return run


def test_one_cheap_picture_is_asked_for_checked_and_saved(gesso, vendor, tmp_path):
    vendor.answers[GENERATIONS] = (200, INLINE)

    done = gesso("openai", "--yes", "--json", "-o", "out/tried.jpg", keys=OPENAI | PRICES)

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["outcome"], said["width"], said["height"], said["path"]) == ("done", 512, 512, "out/tried.jpg")
    assert (said["billed"], said["dollars"]) == (True, "0.008")
    assert (said["model"], said["likely_cost"], said["cost"]) == ("openai-images", "0.009 US dollars", None)
    assert "quality" in {one["parameter"] for one in said["parameters"] if one["given"]}
    with Image.open(tmp_path / "out" / "tried.jpg") as picture:
        assert (picture.format, picture.size) == ("JPEG", (512, 512))
    (asked,) = vendor.asked
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert (asked.json["model"], asked.json["n"], asked.json["quality"]) == ("gpt-image-1.5", 1, "low")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_it_says_what_it_will_ask_and_what_came_of_it(gesso, vendor):
    link = {"data": [{"url": f"{vendor.url}/made.png"}], "usage": {"cost_in_usd_ticks": 200_000_000}}
    vendor.answers |= {GENERATIONS: (200, link), "/made.png": (200, PICTURE)}

    done = gesso("xai", keys={"XAI_API_KEY": KEY}, answer="y\n")

    assert done.returncode == 0, done.stderr
    for words in ("grok-imagine-image", vendor.url, "prompt = a red circle", "0.02 US dollars", "Send it?"):
        assert words in done.stderr
    for words in ("512x512", "It decodes.", "It cost 0.02 usd, says the vendor.", "aspect_ratio was "):
        assert words in done.stdout


def test_a_vendor_that_only_edits_is_sent_a_small_picture(here, vendor):
    vendor.answers |= {
        "/v1/run": (200, {"id": "p-1", "error": None}),
        "/v1/status/p-1": (200, {"id": "p-1", "status": "completed", "output": [f"{vendor.url}/made.png"]}),
        "/made.png": (200, PICTURE),
    }

    assert here("fashn", "--yes", "--quiet", keys={"FASHN_API_KEY": KEY}) == (0, "done\n", "")

    sent = vendor.asked[0].json["inputs"]["image"]
    with Image.open(io.BytesIO(base64.b64decode(sent.partition(",")[2]))) as picture:
        assert picture.size == (512, 512)


def test_nothing_is_sent_without_a_key(gesso, vendor):
    done = gesso("openai", "--yes")

    assert (done.returncode, done.stdout, vendor.asked) == (1, "", [])
    assert "set OPENAI_API_KEY" in done.stderr


@pytest.mark.parametrize(
    ("words", "keys", "answer", "said"),
    [
        (("openai",), OPENAI, "n\n", "Nothing was sent."),
        (("openai",), OPENAI, "", "Nothing was sent."),
        (("openai", "--json"), OPENAI, "", "add --yes"),
        (("openai", "--yes"), OPENAI | {"GESSO_UPSTREAM_OFF": "openai"}, "", "GESSO_UPSTREAM_OFF"),
        (("openai", "--yes", "-o", "a.gif"), OPENAI, "", ".png, .jpg"),
        (("friendli", "--yes"), {"FRIENDLI_TOKEN": KEY}, "", "GESSO_UPSTREAM_TARGETS"),
        (("opnai", "--yes"), OPENAI, "", 'Did you mean "openai"?'),
    ],
    ids=["no", "nobody answers", "json", "kept out", "suffix", "unnamed", "misspelt"],
)
def test_nothing_is_sent(here, vendor, words, keys, answer, said):
    code, out, err = here(*words, keys=keys, answer=answer)

    assert (code, out, vendor.asked) == (1, "", [])
    assert said in err


@pytest.mark.parametrize(
    ("answer", "outcome", "said"),
    [
        ((401, {"error": {"message": "Incorrect API key"}}), "no_access", ("OPENAI_API_KEY", "Incorrect API key")),
        ((429, {"error": {"code": "insufficient_quota", "message": "x"}}), "no_credit", ("no credit", "not billed")),
        ((400, {"error": {"code": "moderation_blocked", "message": "x"}}), "refused", ("moderation",)),
        ((400, {"error": {"message": "no such field"}}), "bad_input", ("no such field", "reading of its API")),
        ((404, {"error": {"message": "x"}}), "no_model", ("GESSO_UPSTREAM_TARGETS=openai/gpt-image-1.5=",)),
        ((200, {"nothing": 1}), "garbled", ("does not document", "Whether it was billed is not known")),
        ((200, {"data": [{"b64_json": "bm8gcGljdHVyZQ=="}]}), "no_picture", ("none that can be read",)),
    ],
    ids=["key", "credit", "refused", "input", "model", "garbled", "no picture"],
)
def test_a_failure_is_told_by_its_meaning(here, vendor, tmp_path, answer, outcome, said):
    vendor.answers[GENERATIONS] = answer

    code, out, _ = here("openai", "--yes", "-o", "made.png", keys=OPENAI)

    assert code == 1
    for words in said:
        assert words in out
    code, out, _ = here("openai", "--yes", "--json")
    assert (code, json.loads(out)["outcome"]) == (1, outcome)
    assert list(tmp_path.iterdir()) == []


def test_a_vendor_that_is_away_is_named_with_its_address(here, monkeypatch):
    monkeypatch.setattr("gesso.engines.upstream.call.FIRST_PAUSE_SECONDS", 0.001)

    code, out, _ = here("openai", "--yes", keys=OPENAI | {"GESSO_UPSTREAM_URLS": "openai=http://127.0.0.1:1"})

    assert code == 1
    assert "http://127.0.0.1:1" in out
    assert "not billed" in out
