"""Previews: latents laid out, decoded and looked ahead as the pipelines do it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

import torch
from diffusers import DDIMScheduler, EulerAncestralDiscreteScheduler, EulerDiscreteScheduler
from diffusers import FlowMatchEulerDiscreteScheduler as FlowMatch
from equality import checkpoint, order
from painting import Shelf, pixels, told, tools

from gesso.engines.diffusers.checkpoint import About, Checkpoint
from gesso.engines.diffusers.child import previews
from gesso.engines.diffusers.child.loaded import Loaded
from gesso.engines.diffusers.child.previews import Viewer, ahead, unpacked, viewer_of
from gesso.engines.diffusers.families.table import family_of
from gesso.engines.diffusers.order import LatentLayout

Tiny = Callable[[str], Path]
KINDS = ["flux1_dev", "flux2_klein", "z_image_turbo", "sd35", "qwen_image", "ovis_image", "sana", "sdxl", "bria32"]
COMBINED = {"kandinsky22": "KandinskyV22CombinedPipeline"}


class Kept(dict[str, Any]):
    """A configuration, as a model has it."""

    __getattr__ = dict.__getitem__


class Linear:
    """A decoder of which a matrix is a perfect likeness: each latent becomes 8 × 8 pixels of a colour."""

    dtype = torch.float32
    config = Kept(latent_channels=4, scaling_factor=0.5, shift_factor=0.1)

    def __init__(self) -> None:
        self.weight = torch.randn(3, 4, generator=torch.Generator().manual_seed(1)) * 0.1

    def decode(self, latents: torch.Tensor) -> Any:
        colours = torch.einsum("oc,bchw->bohw", self.weight, latents) + 0.2
        return SimpleNamespace(sample=colours.repeat_interleave(8, 2).repeat_interleave(8, 3))


def loaded_with(vae: Any) -> Loaded:
    pipe = SimpleNamespace(vae=vae)
    return Loaded(pipe, About("FluxPipeline", ()), Checkpoint("a/b", "FluxPipeline", Path("b")), 0, "cpu")


@pytest.mark.parametrize("kind", [*KINDS, "kandinsky22", "hunyuan_image21"])
def test_latents_are_laid_out_and_decoded_as_the_pipeline_does_it(
    kind: str, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The matrix is fitted to the decoding checked here, and applied to the layout checked here."""
    last: list[torch.Tensor] = []
    monkeypatch.setattr(
        Viewer, "show", lambda self, latents, size: last.append(latents) or np.zeros((8, 8, 3), np.uint8)
    )
    monkeypatch.setattr("gesso.engines.diffusers.child.steps.ahead", lambda before, now, scheduler: now)
    shelf = Shelf()
    width, height = (64, 64) if kind in ("kandinsky22", "hunyuan_image21") else (96, 64)
    one = order(
        checkpoint(tiny(kind), COMBINED.get(kind, "")),
        width=width,
        height=height,
        preview_steps=(2,),
        arguments={"prior_num_inference_steps": 2} if kind in COMBINED else {},
    )
    (painted,) = pixels(told([one], tools(shelf)))
    loaded = shelf.loaded[one.checkpoint]
    plain = unpacked(last[-1][None], family_of(one.checkpoint.pipeline).latents, (width, height))
    vae = loaded.part("vae") or loaded.part("movq")
    assert plain.shape[1] == previews._channels(vae)
    with torch.no_grad():
        decoded = previews._decoded(vae, plain)[0].permute(1, 2, 0)
    seen = ((decoded / 2 + 0.5).clamp(0, 1) * 255).round().numpy()
    assert np.abs(seen - painted).max() <= 1


def test_a_matrix_finds_what_is_linear() -> None:
    loaded = loaded_with(Linear())
    viewer = viewer_of(loaded, LatentLayout(packed=False))
    assert viewer is not None
    assert viewer_of(loaded, LatentLayout(packed=False)) is viewer
    latents = torch.randn(4, 6, 9)
    decoded = previews._decoded(Linear(), latents[None])[0].permute(1, 2, 0)
    expected = ((decoded.clamp(-1, 1) + 1) * 127.5)[::8, ::8].round().numpy()
    shown = viewer.show(latents, (9, 6))
    assert np.abs(shown.astype(int) - expected).max() <= 1


def test_latents_are_left_as_they_are_and_dice_too() -> None:
    latents = torch.randn(4, 8, 8)
    before, state = latents.clone(), torch.get_rng_state()
    viewer = viewer_of(loaded_with(Linear()), LatentLayout(packed=False))
    assert viewer is not None
    viewer.show(latents, (64, 64))
    assert torch.equal(latents, before)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(("size", "shown"), [((2048, 1024), (256, 512)), ((64, 96), (96, 64)), ((1000, 40), (20, 512))])
def test_a_preview_has_the_shape_of_the_picture(size: tuple[int, int], shown: tuple[int, int]) -> None:
    viewer = Viewer(torch.zeros(5, 3), LatentLayout(packed=False))
    assert viewer.show(torch.zeros(4, size[1] // 8, size[0] // 8), size).shape == (*shown, 3)


def test_what_is_no_number_is_shown_as_grey() -> None:
    viewer = Viewer(torch.ones(5, 3), LatentLayout(packed=False))
    assert (viewer.show(torch.full((4, 8, 8), float("nan")), (64, 64)) == 128).all()


def test_a_decoder_that_makes_no_numbers_gives_no_previews() -> None:
    broken = Linear()
    broken.weight = broken.weight * float("nan")
    assert viewer_of(loaded_with(broken), LatentLayout(packed=False)) is None


@pytest.mark.parametrize("scheduler", [FlowMatch(), EulerDiscreteScheduler()])
def test_a_straight_step_is_followed_to_its_end(scheduler: Any) -> None:
    """A model that is always right leads every step to the same picture: it is seen from the second step on."""
    scheduler.set_timesteps(4)
    picture, noise = torch.randn(1, 4, 8, 8), torch.randn(1, 4, 8, 8)
    flows = isinstance(scheduler, FlowMatch)
    latents = noise if flows else picture + noise * scheduler.init_noise_sigma
    seen = []
    for time in scheduler.timesteps:
        before = latents
        if not flows:
            scheduler.scale_model_input(latents, time)
        latents = scheduler.step(noise - picture if flows else noise, time, latents, return_dict=False)[0]
        seen.append(ahead(before, latents, scheduler))
    for one in seen[:-1]:
        assert torch.allclose(one, picture, atol=1e-3)


def test_latents_that_grow_with_noise_are_made_smaller() -> None:
    scheduler = EulerAncestralDiscreteScheduler()
    scheduler.set_timesteps(4)
    scheduler._step_index = 1
    now = torch.full((1, 4, 8, 8), 3.0)
    shown = ahead(now, now, scheduler)
    assert shown.max() < now.max()
    assert torch.allclose(shown * (1 + scheduler.sigmas[1] ** 2).sqrt(), now, rtol=1e-4)


def test_others_are_shown_as_they_are() -> None:
    scheduler = DDIMScheduler()
    scheduler.set_timesteps(4)
    now = torch.randn(1, 4, 8, 8)
    assert ahead(now * 2, now, scheduler) is now
