"""An SDXL as one file, in the layout it was trained in: what people publish and operators have on their disks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from diffusers import DiffusionPipeline
from safetensors.torch import save_file

Weights = dict[str, torch.Tensor]
Rule = tuple[str, str | Callable[[re.Match[str]], str]]
LAYERS = 1  # of a block of the tiny U-Net
STAGES = 4  # of the tiny encoder of pictures

_RESNET: tuple[Rule, ...] = (
    (r"\.norm1\.", ".in_layers.0."),
    (r"\.conv1\.", ".in_layers.2."),
    (r"\.norm2\.", ".out_layers.0."),
    (r"\.conv2\.", ".out_layers.3."),
    (r"\.time_emb_proj\.", ".emb_layers.1."),
    (r"\.conv_shortcut\.", ".skip_connection."),
)
_UNET: tuple[Rule, ...] = (
    (r"^time_embedding\.linear_1", "time_embed.0"),
    (r"^time_embedding\.linear_2", "time_embed.2"),
    (r"^add_embedding\.linear_1", "label_emb.0.0"),
    (r"^add_embedding\.linear_2", "label_emb.0.2"),
    (r"^conv_in", "input_blocks.0.0"),
    (r"^conv_norm_out", "out.0"),
    (r"^conv_out", "out.2"),
    (r"^mid_block\.resnets\.(\d)", lambda at: f"middle_block.{2 * int(at[1])}"),
    (r"^mid_block\.attentions\.0", "middle_block.1"),
    (r"^down_blocks\.(\d)\.resnets\.(\d)", lambda at: f"input_blocks.{_slot(at) + 1}.0"),
    (r"^down_blocks\.(\d)\.attentions\.(\d)", lambda at: f"input_blocks.{_slot(at) + 1}.1"),
    (r"^down_blocks\.(\d)\.downsamplers\.0\.conv", lambda at: f"input_blocks.{(int(at[1]) + 1) * (LAYERS + 1)}.0.op"),
    (r"^up_blocks\.(\d)\.resnets\.(\d)", lambda at: f"output_blocks.{_slot(at)}.0"),
    (r"^up_blocks\.(\d)\.attentions\.(\d)", lambda at: f"output_blocks.{_slot(at)}.1"),
    # The first of the two has attentions, and its sampler stands behind them.
    (r"^up_blocks\.(\d)\.upsamplers\.0\.conv", lambda at: f"output_blocks.{int(at[1]) * (LAYERS + 1) + LAYERS}.2.conv"),
)
_PICTURES: tuple[Rule, ...] = (
    (r"conv_norm_out", "norm_out"),
    (r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2"),
    (r"down_blocks\.(\d)\.downsamplers\.0\.", r"down.\1.downsample."),
    (r"up_blocks\.(\d)\.resnets\.(\d)", lambda at: f"up.{STAGES - 1 - int(at[1])}.block.{at[2]}"),
    (r"up_blocks\.(\d)\.upsamplers\.0\.", lambda at: f"up.{STAGES - 1 - int(at[1])}.upsample."),
    (r"mid_block\.resnets\.(\d)", lambda at: f"mid.block_{int(at[1]) + 1}"),
    (r"mid_block\.attentions\.0", "mid.attn_1"),
    (r"group_norm", "norm"),
    (r"to_out\.0", "proj_out"),
    (r"attn_1\.to_", "attn_1."),
    (r"conv_shortcut", "nin_shortcut"),
)
_OPEN: tuple[Rule, ...] = (
    (r"^text_model\.embeddings\.position_embedding\.weight", "positional_embedding"),
    (r"^text_model\.embeddings\.", ""),
    (r"^text_model\.final_layer_norm", "ln_final"),
    (r"^text_model\.encoder\.layers\.", "transformer.resblocks."),
    (r"layer_norm", "ln_"),
    (r"\.fc1\.", ".c_fc."),
    (r"\.fc2\.", ".c_proj."),
    (r"\.self_attn\.", ".attn."),
)


def save_one_file(pipe: DiffusionPipeline, file: Path) -> Path:
    """Write the weights of an SDXL whose text encoders differ in width: by that its readers tell them apart."""
    first = {f"text_model.{name.removeprefix('text_model.')}": at for name, at in _weights(pipe.text_encoder).items()}
    unet = {name: rename(name, _UNET) for name in _weights(pipe.unet)}
    inner = {name: rename(new, _RESNET) if "resnets" in name else new for name, new in unet.items()}
    parts = {
        "model.diffusion_model.": {inner[name]: at for name, at in _weights(pipe.unet).items()},
        "first_stage_model.": {rename(name, _PICTURES): at for name, at in _weights(pipe.vae).items()},
        "conditioner.embedders.0.transformer.": first,
        "conditioner.embedders.1.model.": _open(_weights(pipe.text_encoder_2)),
    }
    save_file({prefix + name: at for prefix, part in parts.items() for name, at in part.items()}, file)
    return file


def rename(name: str, rules: tuple[Rule, ...]) -> str:
    """Return the name a weight has in the old layout."""
    for pattern, new in rules:
        name = re.sub(pattern, new, name)
    return name


def _open(weights: Mapping[str, torch.Tensor]) -> Weights:
    """Return the second text encoder's: its queries, keys and values are one matrix."""
    found = {rename(name, _OPEN): at for name, at in weights.items() if "_proj." not in name or "out_proj" in name}
    found["text_projection"] = found.pop("text_projection.weight", weights["text_projection.weight"]).T
    for name in weights:
        if "q_proj" in name:
            three = torch.cat([weights[name.replace("q_proj", f"{one}_proj")] for one in "qkv"])
            found[rename(name, _OPEN).replace("q_proj.", "in_proj_")] = three
    return {name: at.clone(memory_format=torch.contiguous_format) for name, at in found.items()}


def _weights(model: torch.nn.Module) -> Weights:
    return {name: at for name, at in model.state_dict().items() if "position_ids" not in name}


def _slot(at: re.Match[str]) -> int:
    return int(at[1]) * (LAYERS + 1) + int(at[2])
