"""The vendors this version speaks to."""

from __future__ import annotations

from gesso.engines.upstream.vendor import Vendor
from gesso.engines.upstream.vendors.bfl import Bfl
from gesso.engines.upstream.vendors.bria import Bria
from gesso.engines.upstream.vendors.byteplus_ark import BytePlusArk
from gesso.engines.upstream.vendors.claid import Claid
from gesso.engines.upstream.vendors.dashscope import DashScope
from gesso.engines.upstream.vendors.eachlabs import Eachlabs
from gesso.engines.upstream.vendors.fal import Fal
from gesso.engines.upstream.vendors.fashn import Fashn
from gesso.engines.upstream.vendors.friendli import Friendli
from gesso.engines.upstream.vendors.google import Google
from gesso.engines.upstream.vendors.ideogram import Ideogram
from gesso.engines.upstream.vendors.luma import Luma
from gesso.engines.upstream.vendors.magic_hour import MagicHour
from gesso.engines.upstream.vendors.minimax import MiniMax
from gesso.engines.upstream.vendors.openai import OpenAI
from gesso.engines.upstream.vendors.pruna import Pruna
from gesso.engines.upstream.vendors.recraft import Recraft
from gesso.engines.upstream.vendors.replicate import Replicate
from gesso.engines.upstream.vendors.reve import Reve
from gesso.engines.upstream.vendors.stability import Stability
from gesso.engines.upstream.vendors.tencent import Tencent
from gesso.engines.upstream.vendors.vidu import Vidu
from gesso.engines.upstream.vendors.volcengine_visual import VolcengineVisual
from gesso.engines.upstream.vendors.xai import XAI

_VENDORS: tuple[Vendor, ...] = (
    Bfl(),
    Bria(),
    BytePlusArk(),
    Claid(),
    DashScope(),
    Eachlabs(),
    Fal(),
    Fashn(),
    Friendli(),
    Google(),
    Ideogram(),
    Luma(),
    MagicHour(),
    MiniMax(),
    OpenAI(),
    Pruna(),
    Recraft(),
    Replicate(),
    Reve(),
    Stability(),
    Tencent(),
    Vidu(),
    VolcengineVisual(),
    XAI(),
)
UPSTREAMS: dict[str, Vendor] = {vendor.name: vendor for vendor in _VENDORS}
