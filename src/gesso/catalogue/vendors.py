"""Who runs models for others: what routes of the engine `upstream` may name, and the key each needs from the operator."""

from __future__ import annotations

from typing import NamedTuple

from gesso.domain.request import RouteChoice


class Vendor(NamedTuple):
    """A vendor's name for people, and the environment variable its key is read from.

    `owner` is the variable of who a key belongs to, where calls are signed with it: both are needed there. `unit` is
    what the vendor's answers tell its price in; empty: they do not tell it. `fetches`: it takes pictures only under
    links that it fetches itself.
    """

    name: str
    key: str
    owner: str = ""
    unit: str = ""
    fetches: bool = False

    @property
    def variables(self) -> tuple[str, ...]:
        """What has to be set."""
        return (self.owner, self.key) if self.owner else (self.key,)


VENDORS: dict[str, Vendor] = {
    "bfl": Vendor("Black Forest Labs", "BFL_API_KEY", unit="credit"),
    "bria": Vendor("Bria", "BRIA_API_TOKEN"),
    "byteplus_ark": Vendor("BytePlus ModelArk", "ARK_API_KEY"),
    "claid": Vendor("Claid", "CLAID_API_KEY"),
    "dashscope": Vendor("Alibaba Model Studio", "DASHSCOPE_API_KEY"),
    "eachlabs": Vendor("Eachlabs", "EACHLABS_API_KEY", unit="usd"),
    "fal": Vendor("fal", "FAL_KEY"),
    "fashn": Vendor("FASHN", "FASHN_API_KEY", unit="fashn_credit"),
    "friendli": Vendor("Friendli", "FRIENDLI_TOKEN"),
    "google": Vendor("Google Gemini", "GEMINI_API_KEY", unit="token"),
    "ideogram": Vendor("Ideogram", "IDEOGRAM_API_KEY"),
    "luma": Vendor("Luma", "LUMAAI_API_KEY", fetches=True),
    "magic_hour": Vendor("Magic Hour", "MAGIC_HOUR_API_KEY", unit="magic_hour_credit"),
    "minimax": Vendor("MiniMax", "MINIMAX_API_KEY"),
    "openai": Vendor("OpenAI", "OPENAI_API_KEY"),
    "pruna": Vendor("Pruna", "PRUNA_API_KEY"),
    "recraft": Vendor("Recraft", "RECRAFT_API_TOKEN", unit="usd"),
    "replicate": Vendor("Replicate", "REPLICATE_API_TOKEN"),
    "reve": Vendor("Reve", "REVE_API_TOKEN", unit="reve_credit"),
    "stability": Vendor("Stability AI", "STABILITY_API_KEY"),
    "tencent": Vendor("Tencent Cloud", "TENCENTCLOUD_SECRET_KEY", "TENCENTCLOUD_SECRET_ID"),
    "vidu": Vendor("Vidu", "VIDU_API_KEY", unit="vidu_credit"),
    "volcengine_visual": Vendor("Volcengine", "VOLC_SECRETKEY", "VOLC_ACCESSKEY"),
    "xai": Vendor("xAI", "XAI_API_KEY", unit="usd"),
}


def needs_links(route: RouteChoice) -> bool:
    """Tell whether a route's vendor has to fetch pictures of this request."""
    return bool(route.pictures) and route.vendor in VENDORS and VENDORS[route.vendor].fetches
