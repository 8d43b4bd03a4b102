"""What a parameter means, whatever a model calls it. Two models' parameters of one role are the same thing."""

from typing import Literal

Role = Literal[
    # words
    "prompt",
    "negative_prompt",
    # pictures
    "image",
    "mask",
    "reference",
    "style_reference",
    "character_reference",
    "control_image",
    # how many, how large
    "count",
    "count_limit",
    "aspect_ratio",
    "width",
    "height",
    "megapixels",
    "resolution",
    "image_size",
    "size",
    # how it is painted
    "steps",
    "prior_steps",
    "guidance",
    "attention_guidance",
    "strength",
    "reference_strength",
    "seed",
    "scheduler",
    "style",
    "quality",
    "background",
    "detail",
    "model_version",
    "loras",
    "lora_weights",
    "lora_strength",
    # what becomes of it
    "output_format",
    "output_quality",
    "inline_result",
    # the service around it
    "safety",
    "safety_off",
    "safety_level",
    "acceleration",
    "prompt_expansion",
]

# Roles that say how large the picture is; `sizes.decide` reads them together.
SIZE_ROLES: frozenset[Role] = frozenset(
    {"aspect_ratio", "width", "height", "megapixels", "resolution", "image_size", "size"}
)
# Roles several parameters of one model may share; every other role belongs to one parameter.
SHARED_ROLES: frozenset[Role] = frozenset(
    {
        "reference",
        "style_reference",
        "character_reference",
        "control_image",
        "reference_strength",
        "style",
        "detail",
        "lora_weights",
        "lora_strength",
        "safety",
        "acceleration",
        "prompt_expansion",
    }
)
# Roles whose pictures an engine gets as references, in the model's order.
REFERENCE_ROLES: frozenset[Role] = frozenset({"reference", "style_reference", "character_reference", "control_image"})
# Roles the server fulfils itself, whatever engine paints.
SERVER_ROLES: frozenset[Role] = frozenset({"output_format", "output_quality", "inline_result"})
