"""What becomes of the adapter a request asks for: weights beside the model's parameters, on routes that put them on."""

from __future__ import annotations

from typing import Any

from gesso.catalogue.model import Model, Route
from gesso.catalogue.wording import choices, did_you_mean, shown
from gesso.domain.errors import InvalidInput
from gesso.domain.request import Request, Verdict

ADAPTER = "adapter"  # the name its verdict and its argument go under


def split_adapter(name: str) -> tuple[str, str | None]:
    """Split "model:adapter" at its first colon; without one there is no adapter."""
    model, colon, adapter = name.partition(":")
    return model, adapter if colon else None


def adapter_of(model: Model, name: str) -> str | None:
    """Return the adapter that "model:adapter" asks for, None when it asks for none.

    Raises `InvalidInput` naming the field `model` when the model has no such adapter.
    """
    adapter = split_adapter(name)[1]
    if adapter is None or adapter in model.adapters:
        return adapter
    known = list(model.adapters)
    has = f"it has {choices(known)}." if known else "it has none."
    message = f"{model.slug} has no adapter {shown(adapter)}: {has}{did_you_mean(adapter, known)}"
    raise InvalidInput.of("model", "unknown_adapter", message, name[:100], known)


def adapter_argument(model: Model, route: Route, request: Request) -> dict[str, Any]:
    """Return the argument of a route that puts the adapter on: its name, path and scale."""
    if request.adapter is None or not route.adapters:
        return {}
    adapter = model.adapters[request.adapter]
    return {ADAPTER: {"name": request.adapter, "path": adapter.path, "scale": adapter.scale}}


def adapter_verdict(route: Route, request: Request, runs: str) -> tuple[Verdict, ...]:
    """Return the verdict of the adapter asked for, () when none was; `runs` is the name of what the route runs."""
    if request.adapter is None:
        return ()
    reason = "put on the model" if route.adapters else f"{runs} loads no adapters: the picture is made without it"
    return (
        Verdict(
            parameter=ADAPTER,
            verdict="used" if route.adapters else "ignored",
            reason=reason,
            got=request.adapter,
            used=request.adapter if route.adapters else None,
            given=True,
        ),
    )
