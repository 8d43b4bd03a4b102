"""What `gesso doctor --live` asks of each vendor: its cheapest way to one small picture, and what that is likely to cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gesso.catalogue.model import Confidence

PROMPT = "a red circle on a white ground"
EDIT_PROMPT = "make the circle blue"


class Trial(NamedTuple):
    """One real call. `values` are the model's own parameters beside prompt and picture; where `image` names one, the call
    is an edit of a small picture. `cost` is what the vendor is likely to take, "" where it publishes nothing to say so;
    `sure` is how well that is known.
    """

    model: str
    cost: str
    sure: Confidence
    values: Mapping[str, Any] = {}
    image: str = ""


# By vendor; the first that is ready is tried.
TRIALS: dict[str, tuple[Trial, ...]] = {
    "bfl": (Trial("flux-2-klein-4b-text-to-image", "0.014 US dollars", "documented", {"image_size": "square"}),),
    "bria": (Trial("bria-v1-text-to-image-fast", "", "inferred", {"num_results": 1}),),
    "byteplus_ark": (Trial("seedream-v4-text-to-image", "0.03 US dollars", "inferred", {"image_size": "square_hd"}),),
    "claid": (Trial("claid-generate", "", "inferred", {"number_of_images": 1}),),
    "dashscope": (Trial("z-image-turbo-text-to-image", "0.015 US dollars", "inferred", {"image_size": "square"}),),
    "eachlabs": (Trial("flux-schnell", "", "inferred", {"megapixels": "0.25"}),),
    "fal": (Trial("flux-schnell", "0.003 US dollars", "documented", {"megapixels": "0.25"}),),
    "fashn": (
        Trial("fashn-edit", "1 credit", "documented", {"resolution": "1k", "generation_mode": "fast"}, image="image"),
    ),
    "friendli": (
        Trial("friendli-generate", "the seconds of your endpoint's GPU", "documented", {"num_inference_steps": 4}),
        Trial("friendli-edit", "the seconds of your endpoint's GPU", "documented", {"num_inference_steps": 4}, "image"),
    ),
    "google": (Trial("imagen-4-fast", "0.07 US dollars", "inferred"),),
    "ideogram": (Trial("ideogram-v3-turbo", "0.03 US dollars", "inferred", {"aspect_ratio": "1:1"}),),
    "luma": (Trial("photon", "0.016 US dollars", "inferred", {"aspect_ratio": "1:1"}),),
    "magic_hour": (Trial("magic-hour-generator-z-image-turbo", "5 credits", "documented", {"resolution": "640px"}),),
    "minimax": (Trial("minimax-text-to-image", "0.004 US dollars", "inferred", {"aspect_ratio": "1:1"}),),
    "openai": (Trial("openai-images", "0.009 US dollars", "documented", {"size": "1024x1024", "quality": "low"}),),
    "pruna": (
        Trial(
            "p-image-text-to-image",
            "0.005 US dollars",
            "inferred",
            {"aspect_ratio": "custom", "width": 512, "height": 512},
        ),
    ),
    "recraft": (Trial("recraft-v3", "0.04 US dollars", "inferred", {"size": "1024x1024"}),),
    "replicate": (Trial("flux-schnell", "0.003 US dollars", "documented", {"megapixels": "0.25"}),),
    "reve": (Trial("reve-text-to-image", "", "inferred", {"aspect_ratio": "1:1"}),),
    "stability": (Trial("stable-diffusion-3-5-medium", "0.035 US dollars", "inferred", {"aspect_ratio": "1:1"}),),
    "tencent": (Trial("hunyuan-image-v3-text-to-image", "", "inferred", {"image_size": "square_hd"}),),
    "vidu": (Trial("vidu-q2-text-to-image", "", "inferred", {"aspect_ratio": "1:1"}),),
    "volcengine_visual": (Trial("dreamina-3-1", "", "inferred", {"aspect_ratio": "1:1", "resolution": "1K"}),),
    "xai": (Trial("xai-grok-imagine-text-to-image", "0.02 US dollars", "inferred", {"aspect_ratio": "1:1"}),),
}
