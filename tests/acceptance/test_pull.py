"""`gesso pull` against a hub of ours: only what is loaded, resumed, checked, marked when all is there; gates and disks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_hub import FakeHub, Kept, fake_hub

from gesso.cli.app import run as run_here
from gesso.engines.diffusers.places import Places
from gesso.engines.diffusers.pulling.marker import read_mark
from gesso.engines.diffusers.pulling.pull import Pull

SLUG = "z-image-turbo-text-to-image"
TARGET = "Tongyi-MAI/Z-Image-Turbo"
WEIGHTS = bytes(range(256)) * 3000
FILES = {
    "README.md": b"# A model",
    "model_index.json": json.dumps(
        {
            "_class_name": "ZImagePipeline",
            "transformer": ["diffusers", "ZImageTransformer2DModel"],
            "tokenizer": ["transformers", "Qwen2Tokenizer"],
            "safety_checker": ["x", "Y"],
            "none": [None, None],
        }
    ).encode(),
    "transformer/config.json": b"{}",
    "transformer/diffusion_pytorch_model.safetensors": WEIGHTS,
    "transformer/diffusion_pytorch_model.fp16.safetensors": WEIGHTS[:2000],
    "transformer/diffusion_pytorch_model.bin": b"pickled" * 1000,
    "tokenizer/merges.txt": b"a b\n",
    "safety_checker/model.safetensors": WEIGHTS[:1500],
    "all_in_one.safetensors": WEIGHTS[::-1],
    "picture.png": b"png",
}
LOADED = {
    "model_index.json",
    "transformer/config.json",
    "transformer/diffusion_pytorch_model.safetensors",
    "tokenizer/merges.txt",
}
LARGEST = "transformer/diffusion_pytorch_model.safetensors"
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with fake_hub() as running:
        running.repositories[TARGET] = Kept(dict(FILES))
        yield running


@pytest.fixture
def pull(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command here; return exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("time.sleep", lambda _: None)

    def run(*words: str) -> tuple[int, str, str]:
        code = run_here(["pull", *words])
        told = capsys.readouterr()
        assert str(hub.token) not in told.out + told.err
        return code, told.out, told.err

    return run


def folder(tmp_path: Path, target: str = TARGET) -> Path:
    return tmp_path / "data" / "weights" / target.replace("/", "--")


def here(place: Path) -> set[str]:
    return {str(file.relative_to(place)) for file in place.rglob("*") if file.is_file()}


def test_what_is_loaded_is_fetched_and_nothing_else(pull: Command, hub: FakeHub, tmp_path: Path) -> None:
    code, out, err = pull(SLUG)
    assert code == 0
    assert f"{TARGET}: 0.001 of 0.001 GB to fetch (licence apache-2.0)" in err
    assert "is ready to run here" in out
    assert here(folder(tmp_path)) == LOADED | {"gesso.json"}
    assert (folder(tmp_path) / LARGEST).read_bytes() == WEIGHTS
    mark = read_mark(folder(tmp_path))
    assert mark is not None
    assert (mark.target, mark.commit, mark.licence, mark.quantisation) == (TARGET, "c0ffee", "apache-2.0", "none")
    assert mark.files == {path: len(FILES[path]) for path in LOADED}
    assert Places(tmp_path / "data" / "weights", {}).find(TARGET) is not None


def test_a_second_time_nothing_is_fetched(pull: Command, hub: FakeHub, tmp_path: Path) -> None:
    pull(SLUG, "--quiet")
    hub.asked.clear()
    code, out, _ = pull(SLUG, "--json", "--quant", "fp8")
    assert code == 0
    assert json.loads(out)["weights"][0]["fetched_bytes"] == 0
    assert [path for path, _ in hub.asked] == ["model_index.json"]  # to know what is loaded
    mark = read_mark(folder(tmp_path))
    assert mark is not None
    assert mark.quantisation == "fp8"


def test_a_dry_run_fetches_nothing(pull: Command, tmp_path: Path) -> None:
    code, out, _ = pull(SLUG, "--dry-run", "--json")
    assert code == 0
    (row,) = json.loads(out)["weights"]
    assert row["missing_bytes"] == row["bytes"] == sum(len(FILES[path]) for path in LOADED)
    assert not folder(tmp_path).exists()


def test_what_breaks_off_goes_on_where_it_was(pull: Command, hub: FakeHub, tmp_path: Path) -> None:
    hub.cuts[LARGEST] = [100_000, 50_000]
    assert pull(SLUG)[0] == 0
    assert [asked for path, asked in hub.asked if path == LARGEST] == [None, "bytes=100000-", "bytes=150000-"]
    assert (folder(tmp_path) / LARGEST).read_bytes() == WEIGHTS


def test_a_later_command_goes_on_where_the_earlier_ended(pull: Command, hub: FakeHub, tmp_path: Path) -> None:
    hub.cuts[LARGEST] = [100_000, *[0] * 20]
    code, _, err = pull(SLUG)
    assert code == 1
    assert "what is here is kept" in err
    assert Places(tmp_path / "data" / "weights", {}).find(TARGET) is None, "half of it does not count as there"
    hub.cuts.clear()
    hub.asked.clear()
    code, out, _ = pull(SLUG, "--json", "--dry-run")
    assert json.loads(out)["weights"][0]["missing_bytes"] < len(WEIGHTS) - 99_000
    assert pull(SLUG)[0] == 0
    assert ("bytes=100000-") in [asked for path, asked in hub.asked if path == LARGEST]
    assert (folder(tmp_path) / LARGEST).read_bytes() == WEIGHTS


def test_a_hub_without_ranges_sends_it_all_again(pull: Command, hub: FakeHub, tmp_path: Path) -> None:
    hub.ranges = False
    hub.cuts[LARGEST] = [100_000]
    assert pull(SLUG)[0] == 0
    assert (folder(tmp_path) / LARGEST).read_bytes() == WEIGHTS


@pytest.mark.parametrize("path", [LARGEST, "transformer/config.json"])
def test_what_comes_damaged_is_thrown_away(path: str, pull: Command, hub: FakeHub, tmp_path: Path) -> None:
    content = FILES[path]
    hub.repositories[TARGET].lies[path] = content[:-1] + bytes([content[-1] ^ 1])
    code, _, err = pull(SLUG)
    assert code == 1
    assert "damaged" in err
    assert path not in here(folder(tmp_path))
    hub.repositories[TARGET].lies.clear()
    assert pull(SLUG)[0] == 0
    assert (folder(tmp_path) / path).read_bytes() == content


def test_more_than_was_said_is_not_read(pull: Command, hub: FakeHub, tmp_path: Path) -> None:
    hub.repositories[TARGET].lies[LARGEST] = WEIGHTS + b"more"
    code, _, err = pull(SLUG)
    assert code == 1
    assert "larger than the hub said" in err
    assert Places(tmp_path / "data" / "weights", {}).find(TARGET) is None


def test_a_gate_is_shown_and_says_what_to_do(pull: Command, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.repositories[TARGET].gated = True
    code, _, err = pull(SLUG)
    assert code == 1
    assert f"{hub.url}/{TARGET}" in err
    assert "HF_TOKEN" in err
    monkeypatch.setenv("HF_TOKEN", "hf_of_somebody_else")
    assert "does not let your token have" in pull(SLUG)[2]
    monkeypatch.setenv("HF_TOKEN", hub.token)
    code, _, err = pull(SLUG)
    assert code == 0
    assert "its owner lets one in at the hub" in err


def test_a_full_disk_is_told_before_anything_is_fetched(
    pull: Command, hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pull, "free_bytes", 1 << 20)
    code, _, err = pull(SLUG)
    assert code == 1
    assert "make room" in err
    assert LARGEST not in [path for path, _ in hub.asked]
    assert not folder(tmp_path).exists()


def test_pickles_alone_are_refused(pull: Command, hub: FakeHub) -> None:
    kept = hub.repositories[TARGET]
    kept.files = {path: data for path, data in kept.files.items() if not path.endswith(".safetensors")}
    code, _, err = pull(SLUG)
    assert code == 1
    assert "a pickle can run anything" in err


@pytest.mark.parametrize("path", ["../outside.safetensors", "/etc/passwd", "transformer\\config.json"])
def test_a_name_that_leads_elsewhere_is_refused(path: str, pull: Command, hub: FakeHub, tmp_path: Path) -> None:
    hub.repositories[TARGET].files[path] = b"x"
    code, _, err = pull(SLUG)
    assert code == 1
    assert "leads elsewhere" in err
    assert not folder(tmp_path).exists()


def test_another_commit_is_another_checkpoint(pull: Command, hub: FakeHub, tmp_path: Path) -> None:
    pull(SLUG)
    hub.repositories[TARGET].commit = "decade"
    hub.repositories[TARGET].files[LARGEST] = WEIGHTS[::-1]  # as long as before
    assert pull(SLUG)[0] == 0
    assert (folder(tmp_path) / LARGEST).read_bytes() == WEIGHTS[::-1]
    mark = read_mark(folder(tmp_path))
    assert mark is not None
    assert mark.commit == "decade"


def test_what_lies_beside_comes_too(pull: Command, hub: FakeHub, tmp_path: Path) -> None:
    hub.repositories["black-forest-labs/FLUX.1-dev"] = Kept(dict(FILES), gated=True)
    hub.repositories["XLabs-AI/flux-RealismLora"] = Kept({"lora.safetensors": WEIGHTS[:1200], "README.md": b"x"})
    assert pull("flux-dev-realism")[0] == 1
    hub.repositories["black-forest-labs/FLUX.1-dev"].gated = False
    assert pull("flux-dev-realism")[0] == 0
    assert here(folder(tmp_path, "XLabs-AI/flux-RealismLora")) == {"lora.safetensors", "gesso.json"}
    assert here(folder(tmp_path, "black-forest-labs/FLUX.1-dev")) == LOADED | {"gesso.json"}


def test_what_only_some_requests_need_may_be_left_out(pull: Command, hub: FakeHub, tmp_path: Path) -> None:
    hub.repositories["briaai/BRIA-2.3"] = Kept(dict(FILES))
    hub.repositories["briaai/BRIA-2.3-FAST-LORA"] = Kept({"pytorch_lora_weights.safetensors": WEIGHTS[:1200]})
    hub.repositories["briaai/Image-Prompt"] = Kept({"ip_adapter_bria.bin": WEIGHTS[:1300]})
    code, _, err = pull("bria-v1-text-to-image-fast")
    assert code == 0
    assert "Left out, and what needs it is not ready: briaai/Image-Prompt cannot be used." in err
    assert (folder(tmp_path, "briaai/BRIA-2.3") / "gesso.json").exists()
    assert not folder(tmp_path, "briaai/Image-Prompt").exists()
    del hub.repositories["briaai/BRIA-2.3-FAST-LORA"]
    assert pull("bria-v1-text-to-image-fast")[0] == 1


def test_models_without_open_weights_say_so(pull: Command) -> None:
    for slug in ("imagen-3", "friendli-edit"):
        code, _, err = pull(slug)
        assert code == 1
        assert f"no weights to pull for {slug}" in err
    assert pull("no-such-model")[0] == 1


def test_a_hub_that_is_not_there_is_named(pull: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    code, _, err = pull(SLUG)
    assert code == 1
    assert "127.0.0.1 could not be reached" in err
