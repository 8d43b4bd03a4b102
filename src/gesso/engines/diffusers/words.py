"""The engine's argument names: what `to:` of a diffusers route may say. A pipeline's own name goes before one of ours."""

from __future__ import annotations

from typing import Final

# Arguments of pipelines' `__call__`, handed on by the families that have them.
PASSED_ON: Final = frozenset(
    {
        "prompt",
        "negative_prompt",
        "width",
        "height",
        "num_inference_steps",
        "prior_num_inference_steps",
        "guidance_scale",
        "true_cfg_scale",
        "pag_scale",
        "strength",
        "caption_upsample_temperature",
        "start_merge_step",
    }
)
# Done by the engine around the call.
AROUND: Final = frozenset(
    {
        "seed",  # one generator for each picture
        "count",  # one call for each picture
        "loras",  # a list of {path, scale}, or of {path}; several parameters may add to it
        "lora_scales",  # a list: strengths of those given without one, in their order
        "acceleration",  # regular or high; left out: none
        "check_pictures",  # true: finished pictures are looked at; only where the engine says it is able to
        "expand_prompt",  # true: the prompt is written out first; only where the engine says it is able to
        "scheduler",  # a class of diffusers
        "use_karras_sigmas",
        "model_version",  # which weights these are: a route is for some of them
        "styles",  # words around the prompt, by name, with commas between
        "performance",  # steps, scheduler and adapter in one word
        "variation",  # how a picture is varied or enlarged
        "variation_factor",  # by how much it is enlarged, where that is asked for by itself
        "inpaint_prompt",
        "outpaint_sides",
        "outpaint_left",
        "outpaint_top",
        "outpaint_right",
        "outpaint_bottom",
        "image_prompt_mode",
        "image_prompt_scale",
        "mask_start",
        "mask_end",
        "adapter",  # of a Friendli endpoint: weights put on the model by name
    }
)
NUMBERED: Final = ("control_type", "control_weight", "control_stop", "identity_scale", "style_scale", "depth_scale")
PICTURES: Final = frozenset({"image", "mask_image", "references", "image_prompts", "id_images", "vary_image"})
NUMBERED_PICTURES: Final = ("control", "identity", "style", "depth")


def is_word(name: str) -> bool:
    """Tell whether a route may use this name; numbered ones end in "[0]" to "[3]"."""
    plain, bracket, number = name.partition("[")
    if bracket:
        return plain in (*NUMBERED, *NUMBERED_PICTURES) and number in ("0]", "1]", "2]", "3]")
    return name in PASSED_ON | AROUND | PICTURES
