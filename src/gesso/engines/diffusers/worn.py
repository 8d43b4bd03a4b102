"""The LoRAs of a job: the route's own adapter first, then those the request names, ready before anything is painted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gesso.domain.errors import EngineFailed
from gesso.domain.request import RouteChoice
from gesso.engines.diffusers.checkpoint import Checkpoint
from gesso.engines.diffusers.families.fooocus import wants_quick
from gesso.engines.diffusers.lora import LoraUse
from gesso.engines.diffusers.loras.library import LoraLibrary
from gesso.engines.diffusers.loras.references import lora_scales, loras_asked

ADAPTER, QUICK = "adapter", "quick"  # what a route's own are called among the weights beside its checkpoint


def asks_for_loras(route: RouteChoice) -> bool:
    """Tell whether a route puts any on."""
    return ADAPTER in route.beside or QUICK in route.beside or names_loras(route)


def names_loras(route: RouteChoice) -> bool:
    """Tell whether the request names any: its own, or an adapter of the model's file."""
    return bool(route.arguments.get("loras") or route.arguments.get("adapter"))


def why_no_loras(route: RouteChoice, library: LoraLibrary) -> str | None:
    """Return why those of a route cannot be had here, or None. Asks no network."""
    try:
        reasons = (library.why_not(asked) for asked in loras_asked(route.arguments))
        return next((reason for reason in reasons if reason is not None), None)
    except EngineFailed as error:
        return error.message


@asynccontextmanager
async def worn(route: RouteChoice, checkpoint: Checkpoint, library: LoraLibrary) -> AsyncIterator[tuple[LoraUse, ...]]:
    """Give the LoRAs of a route, fetched and checked; none goes away before this ends. Raises `EngineFailed`.

    Where the request names none, the first of `lora_scales` is how strongly the route's own counts.
    """
    own = list[LoraUse]()
    asked = loras_asked(route.arguments)
    if (adapter := checkpoint.part(ADAPTER)) is not None:
        said = next(iter(() if asked else lora_scales(route.arguments)), None)
        own.append(LoraUse(await library.local(adapter), 1.0 if said is None else said))
    if (quick := checkpoint.part(QUICK)) is not None and wants_quick(route.arguments, checkpoint):
        own.append(LoraUse(await library.local(quick), 1.0))
    async with library.used(asked) as uses:
        yield (*own, *uses)
