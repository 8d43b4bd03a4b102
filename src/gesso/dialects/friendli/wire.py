"""Friendli's words: what its two products take and how they answer.

Source: the types of the vendor's Python SDK 0.16 and its OpenAPI description.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ResponseFormat = Literal["url", "png", "jpeg", "jpg", "raw"]
EDIT_FORM = "friendli-edit"
GENERATE_FORM = "friendli-generate"
# The client hangs up after five seconds without a byte, and posts the same again for up to an hour.
KEEP_ALIVE_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 3600.0


@dataclass(frozen=True)
class Product:
    """One of the two ways the vendor serves models.

    A dedicated endpoint is named in each request; a container runs one model, and `model` may name its adapter.
    """

    name: Literal["dedicated", "container"]
    formats: tuple[ResponseFormat, ...]
    default_format: ResponseFormat


DEDICATED = Product("dedicated", ("url", "raw", "png", "jpeg", "jpg"), "url")
CONTAINER = Product("container", ("raw", "jpeg"), "jpeg")
PRODUCTS: dict[str, Product] = {product.name: product for product in (DEDICATED, CONTAINER)}
