"""The vendors this version speaks to."""

from __future__ import annotations

from gesso.engines.upstream.vendor import Vendor
from gesso.engines.upstream.vendors.claid import Claid
from gesso.engines.upstream.vendors.eachlabs import Eachlabs
from gesso.engines.upstream.vendors.fal import Fal
from gesso.engines.upstream.vendors.fashn import Fashn
from gesso.engines.upstream.vendors.friendli import Friendli
from gesso.engines.upstream.vendors.magic_hour import MagicHour
from gesso.engines.upstream.vendors.openai import OpenAI
from gesso.engines.upstream.vendors.replicate import Replicate

_VENDORS: tuple[Vendor, ...] = (
    Claid(),
    Eachlabs(),
    Fal(),
    Fashn(),
    Friendli(),
    MagicHour(),
    OpenAI(),
    Replicate(),
)
UPSTREAMS: dict[str, Vendor] = {vendor.name: vendor for vendor in _VENDORS}
