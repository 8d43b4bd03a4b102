"""How long the catalogue takes: loading it in a fresh process, checking a request, preparing one.

    python benchmarks/catalogue.py [--json] [--processes 11] [--rounds 50]

Loading is timed inside the fresh process, from before the catalogue's own modules are imported (pydantic is there
already, as it is in every command) and from after. Requests are every model's: once with only what it insists on, and
once with every parameter given.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from gesso.catalogue.check import check
from gesso.catalogue.load import load_catalogue
from gesso.catalogue.model import Model, Parameter
from gesso.engines.registry import Engines
from gesso.installation import engines_of, rules_of
from gesso.intake.prepare import prepare
from gesso.settings import Settings
from machine import ROOT, write_result

LINK = "https://example.org/picture.png"
LOAD_BAR_MS = 150
CHECK_BAR_US = 100
FRESH = """
import sys, time
import pydantic
began = time.perf_counter()
from gesso.catalogue.load import load_catalogue
imported = time.perf_counter()
load_catalogue()
done = time.perf_counter()
print(done - imported, imported - began)
"""


def main() -> None:
    """Measure, print, write the result."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments.add_argument("--processes", type=int, default=11, help="fresh processes that load the catalogue")
    arguments.add_argument("--rounds", type=int, default=50, help="how often each request is checked and prepared")
    chosen = arguments.parse_args()
    measured = measure(chosen.processes, chosen.rounds)
    path = write_result("catalogue", measured)
    if chosen.json:
        print(json.dumps(measured, indent=2))
    else:
        show(measured)
        print(f"\nwritten to {path.relative_to(ROOT)}")


def measure(processes: int, rounds: int) -> dict[str, Any]:
    """Return every number of one run."""
    models = load_catalogue().models
    loads = [load_in_fresh_process() for _ in range(processes)]
    settings = Settings()
    rules = rules_of(settings, load_catalogue(), Engines(engines_of(settings)))
    least = [(model, {one.name: example(one) for one in model.parameters if one.must_be_given}) for model in models]
    every = [(model, {one.name: example(one) for one in model.parameters}) for model in models]

    def prepared(model: Model, raw: dict[str, Any]) -> None:
        prepare(rules, model, raw, fidelities=("exact", "approximate", "stand_in"))

    return {
        "models": len(models),
        "parameters": sum(len(model.parameters) for model in models),
        "load_ms": spread([1e3 * load for load, _ in loads]),
        "import_ms": spread([1e3 * imported for _, imported in loads]),
        "check_least_us": spread(timed(check, least, rounds)),
        "check_every_parameter_us": spread(timed(check, every, rounds)),
        "prepare_least_us": spread(timed(prepared, least, rounds)),
        "bars": {"load_ms": LOAD_BAR_MS, "check_us": CHECK_BAR_US},
    }


def load_in_fresh_process() -> tuple[float, float]:
    """Return the seconds of loading, and of importing what loads."""
    done = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, text=True, check=True)
    load, imported = map(float, done.stdout.split())
    return load, imported


def timed(
    call: Callable[[Model, dict[str, Any]], object], asks: list[tuple[Model, dict[str, Any]]], rounds: int
) -> list[float]:
    """Return the microseconds of each call, over all requests and rounds, after one round to warm up."""
    for model, raw in asks:
        call(model, raw)
    taken = []
    for _ in range(rounds):
        for model, raw in asks:
            began = time.perf_counter()
            call(model, raw)
            taken.append(1e6 * (time.perf_counter() - began))
    return taken


def example(parameter: Parameter) -> Any:
    """Return a value the parameter takes."""
    if parameter.default is not None:
        return parameter.default
    if parameter.enum is not None:
        return parameter.enum[-1]
    match parameter.type:
        case "integer" | "number":
            return parameter.minimum if parameter.minimum is not None else parameter.maximum or 1
        case "boolean":
            return True
        case "image":
            return LINK
        case "image_list":
            return [LINK] * max(1, parameter.min_items or 0)
        case "array" | "object":
            one: Any = {each.name: example(each) for each in parameter.fields} if parameter.fields else "a duck"
            if parameter.item == "number":
                one = 1.0
            return [one] if parameter.type == "array" else one
    if parameter.role == "seed":
        return "7"
    return "1:1" if parameter.role == "aspect_ratio" else "a red duck on a pond at dawn, photograph"


def spread(values: list[float]) -> dict[str, float]:
    """Return median, 95th percentile and the most."""
    p95 = statistics.quantiles(values, n=20, method="inclusive")[18]
    return {"median": round(statistics.median(values), 1), "p95": round(p95, 1), "most": round(max(values), 1)}


def show(measured: dict[str, Any]) -> None:
    """Print the table."""
    rows = {
        "load_ms": f"loading in a fresh process, ms (bar {LOAD_BAR_MS})",
        "import_ms": "importing what loads, ms",
        "check_least_us": f"checking a request, us (bar {CHECK_BAR_US})",
        "check_every_parameter_us": f"checking, every parameter given, us (bar {CHECK_BAR_US})",
        "prepare_least_us": "preparing a request (check, size, plan), us",
    }
    print(f"{measured['models']} models, {measured['parameters']} parameters")
    print(f"{'':<52} {'median':>9} {'p95':>9} {'most':>9}")
    for name, title in rows.items():
        row = measured[name]
        print(f"{title:<52} {row['median']:>9.1f} {row['p95']:>9.1f} {row['most']:>9.1f}")


if __name__ == "__main__":
    main()
