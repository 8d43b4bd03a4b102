"""OpenAI Images on the wire: its limits, words and numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from gesso.domain.request import Operation

WAIT_SECONDS = 590.0  # the client gives up after 600 s; asked again it goes on waiting for the same job
MOST_PREVIEWS = 3
MOST_IDENTIFIER = 512  # characters of `user` and `safety_identifier`
RESPONSE_FORMATS = ("url", "b64_json")
MODELS_CREATED = 1767225600  # what every model says of its age: 2026-01-01

# Names that are OpenAI's own: they are told to the model as well, which stands for all of them.
OWN_MODEL = re.compile(r"(gpt-image|chatgpt-image|dall-e)-[a-z0-9.-]+")
# Fields the dialect carries out itself.
OWN_FIELDS = frozenset({"model", "response_format", "stream", "partial_images", "user", "safety_identifier"})

# Tokens of one picture of 1024x1024, as OpenAI counts them; other sizes count by their area.
OUTPUT_TOKENS = {"low": 272, "medium": 1056, "high": 4160}
LANDSCAPE_TOKENS = {"low": 400, "medium": 1568, "high": 6208}  # of 1536x1024, which counts a little less
INPUT_TOKENS = 194  # of one picture that goes in
FAITHFUL_TOKENS = 4160  # and more with input_fidelity high
LETTERS_PER_TOKEN = 4


@dataclass(frozen=True)
class Endpoint:
    """One way to ask for pictures: the model whose words its fields are, what it does, how its events begin.

    `only` is the single one of OpenAI's names that may be asked for here; it means the form itself.
    """

    form: str
    operation: Operation
    event: Literal["image_generation", "image_edit"]
    only: str | None = None


GENERATION = Endpoint("openai-images", "generate", "image_generation")
EDIT = Endpoint("openai-images-edit", "edit", "image_edit")
VARIATION = Endpoint("openai-images-variation", "generate", "image_generation", only="dall-e-2")
