"""Every dialect there is."""

from __future__ import annotations

from gesso.dialects.claid.routes import DIALECT as CLAID
from gesso.dialects.dialect import Dialect
from gesso.dialects.eachlabs.routes import DIALECT as EACHLABS
from gesso.dialects.fashn.routes import DIALECT as FASHN
from gesso.dialects.friendli.routes import DIALECT as FRIENDLI
from gesso.dialects.magic_hour.routes import DIALECT as MAGIC_HOUR
from gesso.dialects.openai.routes import DIALECT as OPENAI
from gesso.dialects.replicate.routes import DIALECT as REPLICATE

DIALECTS: tuple[Dialect, ...] = (CLAID, MAGIC_HOUR, FRIENDLI, FASHN, EACHLABS, OPENAI, REPLICATE)
BY_NAME: dict[str, Dialect] = {dialect.name: dialect for dialect in DIALECTS}
