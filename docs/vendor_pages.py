"""The reference page of vendors: who runs models for others, how each is spoken to, and how far that was checked."""

from __future__ import annotations

import inspect
import sys
from collections import Counter
from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple

from page_words import sentence, table

from gesso.catalogue.load import load_catalogue
from gesso.catalogue.model import PICTURE_TYPES, Argument, Model, Route
from gesso.catalogue.vendors import VENDORS
from gesso.engines.upstream.trials import TRIALS
from gesso.engines.upstream.vendor import Base, Limits, PicturesAs, Vendor
from gesso.engines.upstream.vendors import UPSTREAMS

LEVELS = {
    "documented": "with its documents, or what others publish of them",
    "sdk": "with the vendor's own client",
    "live": "with the vendor itself",
}
PICTURES: dict[PicturesAs, str] = {
    "data_uri": "within the request, as data URIs",
    "base64": "within the request, as base64",
    "form": "as files of a form",
    "upload": "uploaded to the vendor before the request",
    "link": "under a link that the vendor fetches",
}


class Offered(NamedTuple):
    """A model of the catalogue and one of its routes at a vendor."""

    model: Model
    route: Route


def vendors() -> Iterator[str]:
    """Yield the page of vendors."""
    offered: dict[str, list[Offered]] = {name: [] for name in VENDORS}
    for model in load_catalogue().models:
        for route in model.routes:
            if route.vendor:
                offered[route.vendor].append(Offered(model, route))
    yield "# Vendors\n"
    yield "Who runs models of the catalogue for others, and how Gesso speaks to each. How to use one:"
    yield "[Run models at their vendors](../howto/use-vendors.md).\n"
    yield "Level is how far what is sent and read was checked:\n"
    yield from (f"- `{level}`: {words}" for level, words in LEVELS.items())
    yield "\nThe limits are what Gesso keeps to with one key; `GESSO_UPSTREAM_AT_ONCE` changes how many requests are open.\n"
    rows = sorted(VENDORS, key=lambda name: VENDORS[name].name.casefold())
    yield from table(
        ("vendor", "called", "key", "level", "models"),
        (
            (
                f"[{VENDORS[name].name}](#{_anchor(VENDORS[name].name)})",
                f"`{name}`",
                _code(VENDORS[name].variables),
                f"`{UPSTREAMS[name].checked}`",
                str(len({one.model.slug for one in offered[name]})),
            )
            for name in rows
        ),
    )
    for name in rows:
        yield f"\n## {VENDORS[name].name}\n"
        yield from _vendor(name, UPSTREAMS[name], offered[name])


def _vendor(name: str, vendor: Vendor, offered: list[Offered]) -> Iterator[str]:
    """Yield what is to be known of one vendor."""
    yield f"{_source(vendor)}\n"
    yield f"- Called `{name}` in settings and reports; its key: {' and '.join(f'`{one}`' for one in VENDORS[name].variables)}"
    yield f"- Level: `{vendor.checked}`, compared {LEVELS[vendor.checked]}"
    yield f"- Base URL: `{vendor.base}`; the key goes there{_hosts(vendor)} only"
    yield from _limits(vendor.limits)
    yield f"- A request that may cost, sent again after a lost answer: {_repeats(vendor.limits)}"
    yield f"- Result: {_polling(vendor)}"
    yield f"- Cancel: {'passed on' if _has(vendor, 'cancel') else 'the vendor has no call for it, or none was found'}"
    unit = VENDORS[name].unit
    yield f"- Price: {f'told by the vendor, in `{unit}`' if unit else 'not told by the vendor'}"
    yield f"- Pictures of a request: {_pictures(vendor, offered)}"
    for target in sorted(vendor.unnamed):
        yield f"- The operator names what `{name}/{target}` is, in `GESSO_UPSTREAM_TARGETS`"
    yield from _trial(name)
    sure = Counter(one.route.fact.confidence if one.route.fact else "not stated" for one in offered)
    yield f"- Routes: {len(offered)}; confidence {', '.join(f'{word} {count}' for word, count in sorted(sure.items()))}\n"
    yield from table(("model", "called there", "fidelity", "confidence", "source"), map(_route, offered))


def _trial(name: str) -> Iterator[str]:
    """Yield what `gesso doctor --live` asks of a vendor."""
    for number, trial in enumerate(TRIALS[name]):
        asks = "Where it is not ready:" if number else f"`gesso doctor --live {name}` asks for one picture of"
        cost = f"likely to cost {trial.cost} ({trial.sure})" if trial.cost else "what it costs is not known"
        yield f"- {asks} [`{trial.model}`](models/{trial.model}.md), {cost}"


def _source(vendor: Vendor) -> str:
    """Return what the vendor's file says of itself."""
    return " ".join((inspect.getdoc(_module(vendor)) or "").split())


def _module(vendor: Vendor) -> ModuleType:
    return sys.modules[type(vendor).__module__]


def _hosts(vendor: Vendor) -> str:
    return f" and to {_code(vendor.hosts)}" if vendor.hosts else ""


def _limits(limits: Limits) -> Iterator[str]:
    rate = "no limit" if limits.per_minute is None else str(limits.per_minute)
    yield f"- At once: {limits.at_once}; begun a minute: {rate}"
    yield (
        f"- Seconds: {limits.create_seconds:g} for a request that may cost, {limits.other_seconds:g} for any other, "
        f"{limits.total_seconds:g} until it is given up"
    )
    statuses = ", ".join(str(status) for status in sorted(limits.refused_statuses))
    yield f"- Statuses that say that nothing was begun: {statuses}"


def _repeats(limits: Limits) -> str:
    return "yes, it takes an idempotency key" if limits.repeatable else "never, it takes no idempotency key"


def _polling(vendor: Vendor) -> str:
    if not _has(vendor, "poll"):
        return "in the answer to the request"
    limits = vendor.limits
    return f"asked for, first after {limits.first_poll:g} s, at most {limits.longest_poll:g} s apart"


def _has(vendor: Vendor, name: str) -> bool:
    return getattr(type(vendor), name) is not getattr(Base, name)


def _pictures(vendor: Vendor, offered: list[Offered]) -> str:
    if not any(_takes_pictures(*one) for one in offered):
        return "none: no model here takes any"
    return PICTURES[vendor.pictures]


def _takes_pictures(model: Model, route: Route) -> bool:
    """Tell whether a route hands on any picture."""
    pictures = (parameter.name for parameter in model.parameters if parameter.type in PICTURE_TYPES)
    return any(route.arguments.get(name, Argument(to=name)).to is not None for name in pictures)


def _route(one: Offered) -> tuple[str, ...]:
    fact = one.route.fact
    return (
        f"[`{one.model.slug}`](models/{one.model.slug}.md)",
        f"`{one.route.target}`",
        one.route.fidelity,
        fact.confidence if fact else "not stated",
        sentence(fact.source) if fact else "",
    )


def _code(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")
