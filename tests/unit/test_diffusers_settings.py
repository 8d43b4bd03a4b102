"""Settings of open weights: how they are written, what a wrong one says, and that each reaches the engine."""

from pathlib import Path

import pytest

from gesso.domain.errors import OperatorError
from gesso.installation import diffusers_of
from gesso.settings import load_settings


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """No gesso.toml but the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


SAID = {
    "GESSO_DIFFUSERS_DEVICES": "cuda:0, cuda:1",
    "GESSO_DIFFUSERS_FOLDER": "/models",
    "GESSO_DIFFUSERS_CHECKPOINTS": "black-forest-labs/FLUX.1-dev=/models/flux, fooocus=/models/x.safetensors",
    "GESSO_DIFFUSERS_MEMORY_GIGABYTES": "1.5",
    "GESSO_DIFFUSERS_HOST_GIGABYTES": "64",
    "GESSO_DIFFUSERS_KEEP": "a/b, c/d",
    "GESSO_DIFFUSERS_OFFLOAD": "model",
    "GESSO_DIFFUSERS_OFFLOAD_OF": "a/b=group",
    "GESSO_DIFFUSERS_PRECISION": "float16",
    "GESSO_DIFFUSERS_QUANTISATION_OF": "a/b=nf4",
    "GESSO_DIFFUSERS_ACCELERATION": "high",
    "GESSO_DIFFUSERS_BATCH": "4",
    "GESSO_DIFFUSERS_THREADS": "3",
    "GESSO_DIFFUSERS_SILENCE_SECONDS": "90",
    "GESSO_DIFFUSERS_LORAS": "water=/loras/water.safetensors, ink=owner/ink",
    "GESSO_DIFFUSERS_LORA_SOURCES": "url, hub",
    "GESSO_DIFFUSERS_LORA_BYTES": "4096",
    "GESSO_DIFFUSERS_LORA_CACHE_BYTES": "8192",
    "GESSO_SAFETY_MODEL": "owner/checker",
    "GESSO_SAFETY_THRESHOLD": "0.8",
    "GESSO_REWRITER_URL": "http://127.0.0.1:9/v1/",
    "GESSO_REWRITER_MODEL": "writer",
    "GESSO_REWRITER_KEY": "secret",
}


def test_each_reaches_the_engine(monkeypatch):
    for name, value in SAID.items():
        monkeypatch.setenv(name, value)
    engine = diffusers_of(load_settings())
    settings = engine._settings
    assert (settings.devices, settings.folder) == (("cuda:0", "cuda:1"), Path("/models"))
    assert settings.checkpoints == {
        "black-forest-labs/FLUX.1-dev": Path("/models/flux"),
        "fooocus": Path("/models/x.safetensors"),
    }
    assert (settings.memory_bytes, settings.host_bytes) == (3 << 29, 64 << 30)
    assert settings.keep == {"a/b", "c/d"}
    assert (settings.offload, settings.offload_of, settings.precision) == ("model", {"a/b": "group"}, "float16")
    assert (settings.quantisation_of, settings.acceleration, settings.batch) == ({"a/b": "nf4"}, "high", 4)
    assert (settings.threads, settings.silence_seconds) == (3, 90)
    assert (settings.safety_model, settings.safety_threshold) == ("owner/checker", 0.8)
    assert engine.slots == 2 * (4 + 1)
    loras = engine._loras
    assert loras.registered == {"water": "/loras/water.safetensors", "ink": "owner/ink"}
    assert (loras.sources, loras.file_bytes, loras.cache_bytes) == ({"url", "hub"}, 4096, 8192)
    rewriter = engine._rewriting
    assert (rewriter.url, rewriter.model, rewriter.key) == ("http://127.0.0.1:9/v1", "writer", "secret")


def test_left_out_weights_lie_in_the_data_folder_and_nothing_is_traded_for_speed(monkeypatch):
    engine = diffusers_of(load_settings())
    settings = engine._settings
    assert settings.folder == Path("data/weights")
    assert (settings.acceleration, settings.batch, settings.precision) == ("none", 1, None)
    assert (settings.safety_model, engine._rewriting) == (None, None)
    assert engine._loras.folder == Path("data/loras")
    monkeypatch.setenv("GESSO_DIFFUSERS_DEVICES", "auto")
    assert load_settings().diffusers_devices == ()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("GESSO_DIFFUSERS_DEVICES", "gpu", "pattern"),
        ("GESSO_DIFFUSERS_DEVICES", "cpu,cpu", "twice"),
        ("GESSO_DIFFUSERS_CHECKPOINTS", "/models/flux", "not of the form name=value"),
        ("GESSO_DIFFUSERS_OFFLOAD_OF", "a/b=disk", "'none', 'model', 'sequential' or 'group'"),
        ("GESSO_DIFFUSERS_ACCELERATION", "ludicrous", "'none', 'regular' or 'high'"),
        ("GESSO_DIFFUSERS_LORA_SOURCES", "ftp", "'url', 'hub' or 'civitai'"),
        ("GESSO_DIFFUSERS_BATCH", "0", "greater than or equal to 1"),
        ("GESSO_REWRITER_URL", "localhost:1", "must start with http"),
    ],
)
def test_a_wrong_one_is_named(monkeypatch, name, value, said):
    monkeypatch.setenv(name, value)
    with pytest.raises(OperatorError) as caught:
        load_settings()
    assert name in caught.value.message
    assert said in caught.value.message


def test_a_rewriter_without_an_address_has_no_effect_and_its_key_is_never_shown(monkeypatch):
    monkeypatch.setenv("GESSO_REWRITER_KEY", "tell-nobody")
    with pytest.raises(OperatorError, match="GESSO_REWRITER_URL") as caught:
        load_settings()
    assert "tell-nobody" not in caught.value.message
    monkeypatch.setenv("GESSO_REWRITER_URL", "http://127.0.0.1:9/v1")
    assert "tell-nobody" not in repr(load_settings())
