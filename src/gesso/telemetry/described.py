"""What a metric is called and what it means, for the pages that list them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MetricKind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True)
class Described:
    """One metric. `name` is that of its samples, for a histogram without `_bucket`, `_sum` and `_count`."""

    name: str
    kind: MetricKind
    text: str
    labels: tuple[str, ...] = ()
