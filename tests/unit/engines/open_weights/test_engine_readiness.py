"""Why a route cannot be painted here: a sentence that says what to do; nothing of torch is loaded for it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from engines_of_noise import TARGET, engine_of_noise, route, task, weights

from gesso.catalogue.canonical import to_request
from gesso.catalogue.check import check
from gesso.catalogue.load import load_catalogue
from gesso.catalogue.plan import choose
from gesso.domain.errors import EngineFailed, OperatorError
from gesso.engines.diffusers import engine as engine_module
from gesso.engines.diffusers.engine import DiffusersEngine
from gesso.engines.diffusers.engine_settings import EngineSettings
from gesso.engines.diffusers.loras.settings import LoraSettings
from gesso.engines.registry import Engines
from gesso.workers.role import Role


def reason(engine: DiffusersEngine, **of_route: object) -> str:
    readiness = engine.readiness(route(**of_route))
    assert readiness.ready == (not readiness.reason)
    return readiness.reason


def test_without_the_extra_it_names_it_and_takes_no_jobs(tmp_path, monkeypatch):
    monkeypatch.setattr(engine_module, "installed", lambda: False)
    engine = DiffusersEngine(EngineSettings(tmp_path, {TARGET: weights(tmp_path / "flux")}, devices=("cpu",)))
    assert "pip install 'gesso[diffusers]'" in reason(engine)
    engines = Engines([engine])
    assert engines.names == engines.told == ()
    assert "pip install" in engines.why_not(route())
    assert Role().chosen([engine]) == (engine,)
    with pytest.raises(OperatorError, match="pip install"):
        Role(engines=("diffusers",)).chosen([engine])


def test_weights_that_are_not_here_are_to_be_pulled(tmp_path):
    engine = engine_of_noise(tmp_path)
    assert reason(engine) == ""
    assert reason(engine, target="owner/other").endswith("owner/other are not here: gesso pull flux-dev")
    place = weights(tmp_path / "weights" / "owner--other")
    assert "gesso pull" in reason(engine, target="owner/other"), "it is still being filled"
    (place / "gesso.json").write_text("{}")
    assert reason(engine, target="owner/other") == ""
    assert set(engine.targets) == {TARGET, "owner/other"}


def test_what_is_to_be_pulled_is_named_as_pull_takes_it(tmp_path):
    """Weights that stand in for a model go by their own name, which is none that can be pulled."""
    catalogue = load_catalogue()
    model = catalogue.get("hunyuan-image-v3-text-to-image")
    checked = check(model, {"prompt": "a ball"})
    way = next(one for one in model.routes if one.engine == "diffusers")
    choice = choose(catalogue, model, way, to_request(model, checked, draw_seed=lambda: 7), checked)
    assert choice.runs == way.target
    assert engine_of_noise(tmp_path).readiness(choice).reason.endswith(f"gesso pull {model.slug}")
    fleet = Engines(())
    fleet.elsewhere = frozenset({"diffusers"})
    assert fleet.why_not(choice).endswith(f"gesso pull {model.slug}")


def test_what_lies_beside_is_needed_too(tmp_path):
    engine = engine_of_noise(tmp_path)
    beside = route().model_copy(update={"beside": {"adapter": "owner/lora"}})
    assert "owner/lora are not here" in engine.readiness(beside).reason


def test_the_operators_own_place_is_named_when_nothing_lies_there(tmp_path):
    engine = engine_of_noise(tmp_path, checkpoints={TARGET: tmp_path / "nowhere"})
    assert "GESSO_DIFFUSERS_CHECKPOINTS" in reason(engine)
    assert str(tmp_path) not in reason(engine)


def test_what_does_not_fit_says_how_it_would(tmp_path):
    header = json.dumps({"w": {"dtype": "F32", "shape": [1 << 20], "data_offsets": [0, 4 << 20]}}).encode()
    folder = weights(tmp_path / "flux")
    parts = {name: ["diffusers", "AutoencoderKL"] for name in ("vae", "transformer")}
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "FluxPipeline", **parts}))
    for name in parts:
        (folder / name).mkdir()
        file = folder / name / "diffusion_pytorch_model.safetensors"
        file.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4 << 20))
    of_gib = {"checkpoints": {TARGET: folder}, "host_bytes": 1 << 30}

    def why(memory: int, **settings: object) -> str:
        return reason(
            DiffusersEngine(
                EngineSettings(tmp_path, devices=("cpu",), memory_bytes=memory, **(of_gib | settings)),
                launch=engine_of_noise(tmp_path / "other")._launch,
            )
        )

    assert why(9 << 20) == ""
    assert why(5 << 20).endswith(f"set GESSO_DIFFUSERS_OFFLOAD_OF={TARGET}=model")
    assert why(5 << 20, offload_of={TARGET: "model"}) == ""
    assert why(1 << 20).endswith(f"set GESSO_DIFFUSERS_OFFLOAD_OF={TARGET}=group")
    assert "fit in no way" in why(1 << 10)


def test_broken_weights_say_what_is_missing_until_they_are_mended(tmp_path):
    engine = engine_of_noise(tmp_path)
    index = tmp_path / "flux" / "model_index.json"
    whole = index.read_text()
    index.write_text(json.dumps({"_class_name": "FluxPipeline", "vae": ["diffusers", "AutoencoderKL"]}))
    assert "(vae is missing)" in reason(engine)
    index.unlink()
    assert "model_index.json is missing" in reason(engine)
    index.write_text(whole)
    assert reason(engine) == ""


def test_a_pipeline_that_no_family_runs_is_said(tmp_path):
    assert "cannot run Sora" in reason(engine_of_noise(tmp_path), pipeline="Sora")


def test_a_lora_that_is_not_registered_or_a_path_is_refused_before_anything_is_paid(tmp_path):
    engine = engine_of_noise(tmp_path)
    assert "registered" in reason(engine, loras=[{"path": "watercolour"}])
    assert "path" in reason(engine, loras=["/etc/passwd"])
    assert "Hugging Face" in reason(engine, loras=["owner/name"])
    assert reason(engine, loras=["https://example.com/a.safetensors"]) == ""


def test_a_registered_lora_that_is_no_reference_stops_the_start(tmp_path):
    with pytest.raises(OperatorError):
        DiffusersEngine(EngineSettings(tmp_path), loras=LoraSettings(tmp_path, {"a": "owner/../name"}))


async def test_weights_that_went_away_after_the_submit_fail_the_job(tmp_path):
    engine = engine_of_noise(tmp_path)
    (tmp_path / "flux" / "model_index.json").unlink()
    with pytest.raises(EngineFailed, match="cannot run here now"):
        await anext(engine.run(task()))


def test_where_the_safety_model_is_missing_nothing_is_painted_unchecked(tmp_path):
    engine = engine_of_noise(tmp_path, safety_model="owner/checker")
    assert "GESSO_SAFETY_MODEL" in reason(engine)
    assert reason(engine_of_noise(tmp_path, safety_model=str(weights(tmp_path / "checker")))) == ""
    (weights(tmp_path / "weights" / "owner--checker") / "gesso.json").write_text("{}")
    assert reason(engine) == ""


def test_what_it_can_do_beyond_painting_is_what_was_set_up(tmp_path):
    assert engine_of_noise(tmp_path).able(route()) == frozenset()
    assert engine_of_noise(tmp_path, acceleration="regular").able(route()) == {"runtime"}
    more = engine_of_noise(tmp_path, acceleration="high", safety_model="owner/checker")
    assert more.able(route()) == {"runtime", "runtime_high", "check_pictures"}


def test_speed_is_promised_where_there_is_some_to_gain(tmp_path):
    engine = engine_of_noise(tmp_path, acceleration="high")
    assert engine.able(route(pipeline="StableDiffusionPipeline")) == frozenset()
    assert engine.able(route(pipeline="ZImagePipeline")) == frozenset(), "its blocks are compiled on a GPU alone"
    assert engine.able(route(pipeline="OfNoFamily")) == frozenset()
    on_gpu = engine_of_noise(tmp_path, acceleration="high", devices=("cuda:0",))
    assert on_gpu.able(route(pipeline="ZImagePipeline")) == {"runtime", "runtime_high"}


def test_a_fleet_knows_which_weights_its_workers_have(tmp_path):
    engine = engine_of_noise(tmp_path)
    told = Engines([engine]).told
    assert told == ("diffusers", f"diffusers/{TARGET}")
    api = Engines((), known=[engine_of_noise(tmp_path / "api", acceleration="regular")])
    api.elsewhere = frozenset(told)
    assert api.why_not(route()) is None
    assert api.why_not(route(target="owner/other")) == (
        "no worker that is alive has the weights owner/other: gesso pull flux-dev"
    )
    assert api.able(route()) == {"runtime"}
    api.elsewhere = frozenset({"builtin"})
    assert "no worker with the engine diffusers is alive" in api.why_not(route())


LIGHT = """
import sys
from gesso.settings import load_settings
from gesso.wiring import build
parts = build(load_settings(data_dir=sys.argv[1], diffusers_devices="cpu"))
for model in parts.catalogue.models:
    for route in model.routes:
        from gesso.catalogue.describe import bare_choice
        parts.engines.why_not(bare_choice(model, route))
parts.close()
heavy = {"torch", "diffusers", "transformers", "accelerate", "peft", "safetensors"} & set(sys.modules)
assert not heavy, heavy
assert not [name for name in sys.modules if name.startswith("gesso.engines.diffusers.child.")]
"""


def test_a_server_and_the_readiness_of_every_route_load_nothing_heavy(tmp_path):
    subprocess.run([sys.executable, "-c", LIGHT, str(tmp_path)], check=True, timeout=60)
