"""The vendors this version speaks to."""

from __future__ import annotations

from gesso.engines.upstream.vendor import Vendor
from gesso.engines.upstream.vendors.eachlabs import Eachlabs
from gesso.engines.upstream.vendors.fal import Fal
from gesso.engines.upstream.vendors.openai import OpenAI
from gesso.engines.upstream.vendors.replicate import Replicate

UPSTREAMS: dict[str, Vendor] = {vendor.name: vendor for vendor in (Eachlabs(), Fal(), OpenAI(), Replicate())}
