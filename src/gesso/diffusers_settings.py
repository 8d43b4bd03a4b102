"""Settings of open weights that this server runs itself: on which devices, from where, how fast and how true."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from gesso.engines.diffusers.checkpoint import Offload, Quantisation
from gesso.engines.diffusers.loras.settings import Allowed
from gesso.engines.diffusers.order import Level
from gesso.setting_words import listed, pairs

GIBIBYTE = 1 << 30
_DEVICE = r"^(cuda:\d+|mps|cpu)$"
Device = Annotated[str, Field(pattern=_DEVICE)]


class DiffusersSettings(BaseModel):
    """They are part of `Settings`."""

    diffusers_devices: Annotated[tuple[Device, ...], NoDecode] = Field(
        (),
        description="Devices open weights run on, comma-separated: cuda:0, cuda:1, mps or cpu; each has a process of its "
        "own. Left out, every CUDA device that can be seen, else Apple's, else the processor.",
    )
    diffusers_folder: Path | None = Field(
        None,
        description="Folder of the weights that `gesso pull` brings. Left out, the folder weights in the data folder.",
    )
    diffusers_checkpoints: Annotated[Mapping[str, Path], NoDecode] = Field(
        {},
        description="Where weights of yours lie, by the name a route has for them: a folder as diffusers writes it, or a "
        "file.safetensors. A table `[diffusers_checkpoints]`, or black-forest-labs/FLUX.1-dev=/models/flux comma-separated.",
    )
    diffusers_memory_gigabytes: float | None = Field(
        None,
        gt=0,
        le=100_000,
        description="Gigabytes (2^30 bytes) of weights that stay loaded on each device. Left out, nine tenths of its "
        "memory; of the processor, half of main memory.",
    )
    diffusers_host_gigabytes: float | None = Field(
        None,
        gt=0,
        le=100_000,
        description="Gigabytes (2^30 bytes) of main memory for weights that wait there while a device computes with "
        "others. Left out, half of it.",
    )
    diffusers_keep: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Weights that stay loaded whatever else is asked for, by their names in routes, comma-separated.",
    )
    diffusers_offload: Offload = Field(
        "none",
        description="Where weights wait while they are not computed with: on the device (none), or in main memory, from "
        "where a whole model (model), a group of layers (group) or a single layer (sequential) comes to the device.",
    )
    diffusers_offload_of: Annotated[Mapping[str, Offload], NoDecode] = Field(
        {}, description="The same for single weights: a table, or black-forest-labs/FLUX.2-dev=model comma-separated."
    )
    diffusers_precision: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        "auto",
        description="Numbers that weights are computed in. auto is bfloat16 on a GPU and float32 on the processor.",
    )
    diffusers_quantisation_of: Annotated[Mapping[str, Quantisation], NoDecode] = Field(
        {},
        description="Weights that are held in fewer bits, which changes their pictures: fp8, int8 or nf4. A table, or "
        "black-forest-labs/FLUX.2-dev=nf4 comma-separated.",
    )
    diffusers_acceleration: Level = Field(
        "none",
        description="The highest level of acceleration a request gets: with none pictures are exactly those of diffusers; "
        "regular and high are quicker and less exact.",
    )
    diffusers_batch: int = Field(
        1,
        ge=1,
        le=64,
        description="Pictures painted in one call, of requests that differ in words and seed alone. More than 1 gives up "
        "that a picture is the same to the last bit whatever else runs.",
    )
    diffusers_threads: int | None = Field(
        None, ge=1, le=1024, description="Threads that weights on the processor are computed with. Left out, all cores."
    )
    diffusers_silence_seconds: float = Field(
        600,
        ge=1,
        le=86_400,
        description="Seconds a device's process may say nothing while it paints, before it is ended and started again.",
    )
    diffusers_loras: Annotated[Mapping[str, str], NoDecode] = Field(
        {},
        description="LoRA weights that requests may name: a path, a link or a hub id each. A table `[diffusers_loras]`, or "
        "watercolour=/models/watercolour.safetensors comma-separated.",
    )
    diffusers_lora_sources: Annotated[tuple[Allowed, ...], NoDecode] = Field(
        ("url",),
        description="Where requests may name LoRA weights besides, comma-separated: url (links to safetensors files), hub "
        "(Hugging Face), civitai.",
    )
    diffusers_lora_bytes: int = Field(2 * GIBIBYTE, ge=1024, description="Largest LoRA file that is fetched, in bytes.")
    diffusers_lora_cache_bytes: int = Field(
        20 * GIBIBYTE,
        ge=1024,
        description="Bytes of fetched LoRA files that are kept; those used longest ago go first.",
    )
    safety_model: str | None = Field(
        None,
        min_length=1,
        description="A classifier that finished pictures of open weights are shown to: a folder, or a name in "
        "GESSO_DIFFUSERS_CHECKPOINTS or of pulled weights. Left out, nobody looks at them.",
    )
    safety_threshold: float = Field(
        0.5, gt=0, lt=1, description="How sure the classifier must be that a picture is unsafe for the job to fail."
    )
    rewriter_url: str | None = Field(
        None,
        description="Base URL of a chat endpoint like OpenAI's that writes out prompts where a request asks for it: "
        "http://127.0.0.1:11434/v1. Left out, prompts stay as they are.",
    )
    rewriter_model: str = Field("", description="Model that is asked there.")
    rewriter_key: SecretStr | None = Field(None, description="Key that is sent there.")

    @field_validator("diffusers_devices", "diffusers_keep", "diffusers_lora_sources", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        return () if value == "auto" else listed(value)

    @field_validator(
        "diffusers_checkpoints", "diffusers_offload_of", "diffusers_quantisation_of", "diffusers_loras", mode="before"
    )
    @classmethod
    def _by_name(cls, value: object) -> object:
        """Take "name=value, other=value" from the environment as well as a table from the file."""
        return pairs(value) if isinstance(value, str) else value

    @field_validator("diffusers_devices")
    @classmethod
    def _once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError("names a device twice")
        return value

    @field_validator("rewriter_url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/") if value else None

    def rewriter_without_effect(self) -> list[str]:
        """Return what was said of a rewriter that is not there."""
        return [
            f"GESSO_{name.upper()} is set, and has no effect without GESSO_REWRITER_URL"
            for name in ("rewriter_model", "rewriter_key")
            if getattr(self, name) and not self.rewriter_url
        ]
