"""What words became, kept for the next picture with the same: exactly what the pipeline itself would make of them."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import torch

from gesso.engines.diffusers.child.batch import WORDS
from gesso.engines.diffusers.order import Call, Encoding, Order

Embeddings = Mapping[str, Any]  # by argument: a tensor, or a list of them


class Encoder:
    """Embeddings by checkpoint, LoRAs (they may change a text encoder) and words, in main memory; the least recently
    used go when they take more than `most_bytes`."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Hashable, Embeddings] = OrderedDict()
        self.kept_bytes = 0

    def arguments(self, pipe: Any, order: Order, call: Call, encoding: Encoding | None) -> dict[str, Any]:
        """Return the arguments of a call with its words encoded, where that is done apart."""
        given = dict(call.arguments)
        if encoding is None:
            return given
        found = self._found(pipe, order, call, encoding)
        words = WORDS.intersection(encoding.takes)  # said to be none: left out, some are ""
        left = {name: None if name in words else said for name, said in given.items()}
        return left | {name: _on(pipe._execution_device, made) for name, made in found.items()}

    def forget(self, target: str | None = None) -> None:
        """Let go of what the words of a target became, or of all."""
        for key in [key for key in self._kept if target is None or key[0].target == target]:  # type: ignore[index]
            self.kept_bytes -= _bytes(self._kept.pop(key))

    def _found(self, pipe: Any, order: Order, call: Call, encoding: Encoding) -> Embeddings:
        takes = _takes(pipe, call, encoding)
        loras = tuple((use.ready.sha256, use.scale) for use in order.loras)
        key = (order.checkpoint, loras, type(pipe), encoding, _frozen(takes), call.negative_words)
        found = self._kept.pop(key, None)
        if found is None:
            found = _on("cpu", _encoded(pipe, call, encoding, takes))
            self.kept_bytes += _bytes(found)
        self._kept[key] = found
        while self.kept_bytes > self._most_bytes and self._kept:
            self.kept_bytes -= _bytes(self._kept.popitem(last=False)[1])
        return found


def _encoded(pipe: Any, call: Call, encoding: Encoding, takes: Mapping[str, Any]) -> dict[str, Any]:
    with torch.no_grad():
        found = _named(encoding, pipe.encode_prompt(**takes))
        if call.negative_words is not None:
            prompts = takes["prompt"]
            words = [call.negative_words] * len(prompts) if isinstance(prompts, list) else call.negative_words
            against = _named(encoding, pipe.encode_prompt(**{**takes, "prompt": words}))
            found |= {f"negative_{name}": made for name, made in against.items()}
    return found


def _takes(pipe: Any, call: Call, encoding: Encoding) -> dict[str, Any]:
    """Return what `encode_prompt` is called with: the call's own arguments, or what they are when they are not given."""
    known = inspect.signature(pipe.encode_prompt).parameters
    usual = inspect.signature(pipe.__call__).parameters
    takes = {name: call.arguments.get(name, usual[name].default if name in usual else None) for name in encoding.takes}
    around = {
        "device": pipe._execution_device,
        "batch_size": len(prompts) if isinstance(prompts := takes.get("prompt"), list) else 1,
        "num_images_per_prompt": 1,
        "do_classifier_free_guidance": encoding.guided,
    }
    return takes | {name: said for name, said in around.items() if name in known}


def _named(encoding: Encoding, made: Any) -> dict[str, Any]:
    together = made if isinstance(made, tuple) else (made,)
    named = zip(encoding.gives, together, strict=False)
    return {name: one for name, one in named if name is not None and one is not None}


def _on(device: Any, made: Any) -> Any:
    """Return copies on a device, so that nobody changes what is kept."""
    match made:
        case torch.Tensor():
            return made.detach().to(device, copy=True)
        case Mapping():
            return {name: _on(device, one) for name, one in made.items()}
        case list() | tuple():
            return [_on(device, one) for one in made]
    return made


def _tensors(made: Any) -> Iterator[torch.Tensor]:
    match made:
        case torch.Tensor():
            yield made
        case Mapping():
            for one in made.values():
                yield from _tensors(one)
        case list() | tuple():
            for one in made:
                yield from _tensors(one)


def _bytes(made: Any) -> int:
    return sum(one.numel() * one.element_size() for one in _tensors(made))


def _frozen(said: Any) -> Hashable:
    """Return something that can be a key, equal for what is equal."""
    match said:
        case Mapping():
            return tuple((name, _frozen(one)) for name, one in sorted(said.items()))
        case str() | bytes():
            return said
        case Sequence():
            return tuple(_frozen(one) for one in said)
        case torch.device():
            return str(said)
        case bool() | float() | int():
            return (type(said).__name__, said)
    return said if isinstance(said, Hashable) else repr(said)
