"""`gesso doctor --live VENDOR`: one cheap real call with the operator's key, said and confirmed before it is sent."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gesso.cli.output import Output, logs_to_stderr
from gesso.cli.picture_files import format_of, write_all
from gesso.domain.credits import MICRO
from gesso.domain.errors import OperatorError

if TYPE_CHECKING:
    from gesso.cli.live_call import LiveCall, LiveResult
    from gesso.domain.upstream import CallEnded
    from gesso.engines.upstream.engine import UpstreamEngine
    from gesso.settings import Settings

# What became of the call, by meaning, and what to do about it.
_MEANINGS = {
    "refused": "{vendor} refused a harmless prompt: its moderation, or that of your account there, is strict.",
    "bad_input": "{vendor} does not take what Gesso sends for {target}: Gesso's reading of its API is wrong or old.",
    "no_credit": "{vendor} says that your account there has no credit, or that its limit is reached: top it up.",
    "no_access": "{vendor} refused the key in {variables}, or the key may not use {target}: look at the keys there.",
    "no_model": (
        "{vendor} does not have {target}, or not any more. Where it is called otherwise now, say so: "
        "GESSO_UPSTREAM_TARGETS={name}/{target}=NEW_NAME"
    ),
    "rate_limited": "{vendor} takes no more requests of this key now: wait a while, then try again.",
    "unavailable": "{vendor} could not be reached at {base}, or is not available now: try again later.",
    "failed": "{vendor} took the request and could not make the picture: try again.",
    "timed_out": "{vendor} did not finish in time: look there for what became of it before you try again.",
    "garbled": "{vendor} answered with something it does not document: Gesso's reading of its API is wrong or old.",
    "unknown": "The connection to {vendor} broke while the request was under way: look there for what became of it.",
    "no_picture": "{vendor} made a picture, but it could not be fetched or is none that can be read.",
}


def try_vendor(name: str, output: Output, *, yes: bool, target: Path | None) -> None:
    """Say what is going to be asked, ask, and tell what came of it; leaves with 1 where there is no picture."""
    from gesso.cli.live_call import live_call, run_live_call
    from gesso.engines.registry import Engines
    from gesso.installation import catalogue_of, rules_of
    from gesso.settings import load_settings

    logs_to_stderr()
    vendor = _known(name)
    wanted = "png" if target is None else format_of(target)
    settings = load_settings()
    engine = _engine(vendor, settings)
    catalogue = catalogue_of(settings)
    rules = rules_of(settings, catalogue, Engines((engine,)))
    call = live_call(vendor, catalogue, engine, rules)
    base = settings.upstream_urls.get(vendor) or _base(vendor)
    for line in _intentions(call, vendor, base):
        output.remark(line)
    _confirm(output, yes)
    with output.progress() as report:
        result = run_live_call(call, engine, rules, lambda p: report(p.stage, p.done, p.total))
    if result.picture is not None and target is not None:
        from gesso.imaging.finish import finish

        data = finish(result.picture, call.request, credentials=settings.upstream_credentials, as_format=wanted)
        write_all([target], [data])
    saved = target if result.picture is not None else None
    sentences = _made(call, result, saved) if result.picture else _missing(call, result, vendor, base)
    output.answer(_as_data(call, result, base, saved, sentences), sentences, [str(saved or result.outcome)])
    if result.picture is None:
        raise typer.Exit(1)


def _known(name: str) -> str:
    from gesso.catalogue.vendors import VENDORS
    from gesso.catalogue.wording import did_you_mean

    wanted = name.replace("-", "_").lower()
    if wanted not in VENDORS:
        message = f"There is no vendor {name!r}.{did_you_mean(wanted, list(VENDORS))} There are {', '.join(VENDORS)}."
        raise OperatorError(message)
    return wanted


def _engine(vendor: str, settings: Settings) -> UpstreamEngine:
    """Return the engine; raise `OperatorError` where the vendor is kept out or has no key."""
    from gesso.catalogue.vendors import VENDORS
    from gesso.engines.upstream.engine import UpstreamEngine
    from gesso.installation import upstreams_of

    if vendor in settings.upstream_off:
        raise OperatorError(f"GESSO_UPSTREAM_OFF keeps {vendor} out. Nothing was sent.")
    for engine in upstreams_of(settings):
        if isinstance(engine, UpstreamEngine) and vendor in engine.offers:
            return engine
    variables = " and ".join(VENDORS[vendor].variables)
    raise OperatorError(
        f"There is no key of {VENDORS[vendor].name}: set {variables}, in the environment or in the file that "
        "GESSO_SECRETS_FILE names. Nothing was sent."
    )


def _base(vendor: str) -> str:
    from gesso.engines.upstream.vendors import UPSTREAMS

    return UPSTREAMS[vendor].base


def _confirm(output: Output, yes: bool) -> None:
    if yes:
        return
    if not output.for_people:
        raise OperatorError("This would be a real call that may cost: add --yes. Nothing was sent.")
    sys.stderr.write("Send it? [y/N] ")  # typer's own question writes to standard output as well
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        output.remark("Nothing was sent.")
        raise typer.Exit(1)


# ── words ─────────────────────────────────────────────────────────────────────────────────────────────


def _intentions(call: LiveCall, vendor: str, base: str) -> list[str]:
    trial, route = call.trial, call.route
    lines = [f"This asks {vendor} at {base} for one picture: {trial.model}, called {route.target} there."]
    lines += [f"  {name} = {value}" for name, value in route.arguments.items()]
    if call.sample is not None:
        lines += [f"  {one.argument} = a picture of {len(call.sample)} bytes" for one in route.pictures]
    return [*lines, _cost_words(call)]


def _cost_words(call: LiveCall) -> str:
    trial = call.trial
    if not trial.cost:
        return "What it is likely to cost is not known: see the vendor's price list."
    return f"It is likely to cost {trial.cost} ({trial.sure})."


def _made(call: LiveCall, result: LiveResult, saved: Path | None) -> list[str]:
    assert result.picture is not None
    height, width = result.picture.pixels.shape[:2]
    lines = [f"{call.trial.model} at {call.route.vendor}: {width}x{height} in {result.seconds:.1f} s. It decodes."]
    lines.append(_told_cost(result))
    lines += [
        f"  {one.parameter} was {one.verdict}{f': {one.reason}' if one.reason else ''}"
        for one in call.route.verdicts
        if one.given
    ]
    return [*lines, *([f"Saved as {saved}"] if saved else [])]


def _missing(call: LiveCall, result: LiveResult, vendor: str, base: str) -> list[str]:
    from gesso.catalogue.vendors import VENDORS

    known = VENDORS[vendor]
    meaning = _MEANINGS[result.outcome].format(
        vendor=known.name,
        name=vendor,
        target=call.route.target,
        variables=" and ".join(known.variables),
        base=base,
    )
    said = [f"It says: {result.words}"] if result.words else []
    return [meaning, *said, _told_cost(result)]


def _told_cost(result: LiveResult) -> str:
    ended = result.ended
    reckoned = f" By your prices that is {_dollars(ended)} US dollars." if ended and ended.reckoned else ""
    if ended is not None and ended.cost is not None:
        return f"It cost {ended.cost.amount:f} {ended.cost.unit}, says the vendor.{reckoned}"
    if reckoned:
        return f"The vendor does not tell what it cost.{reckoned}"
    if ended is not None and ended.billed is False:
        return "It was not billed."
    return "The vendor does not tell what it cost." if result.picture else "Whether it was billed is not known."


def _dollars(ended: CallEnded | None) -> str | None:
    """Return what a call took in US dollars, where that is known."""
    return None if ended is None or ended.micro_usd is None else f"{Decimal(ended.micro_usd) / MICRO:f}"


def _as_data(call: LiveCall, result: LiveResult, base: str, saved: Path | None, sentences: list[str]) -> dict[str, Any]:
    ended, picture = result.ended, result.picture
    cost = None if ended is None or ended.cost is None else ended.cost
    return {
        "vendor": call.route.vendor,
        "base": base,
        "model": call.trial.model,
        "target": call.route.target,
        "arguments": call.route.arguments,
        "likely_cost": call.trial.cost or None,
        "outcome": result.outcome,
        "message": sentences[0],
        "words": result.words or None,
        "seconds": round(result.seconds, 3),
        "width": None if picture is None else picture.pixels.shape[1],
        "height": None if picture is None else picture.pixels.shape[0],
        "billed": None if ended is None else ended.billed,
        "cost": None if cost is None else {"amount": f"{cost.amount:f}", "unit": cost.unit},
        "dollars": _dollars(ended),
        "parameters": [one.model_dump(mode="json") for one in call.route.verdicts],
        "path": None if saved is None else str(saved),
    }
