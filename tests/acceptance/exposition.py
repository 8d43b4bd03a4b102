"""Reads what a process tells at /metrics."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True)
class Exposition:
    """The samples of one scrape: by name, then labels and value; `kinds` are of the families."""

    samples: dict[str, list[tuple[dict[str, str], float]]]
    kinds: dict[str, str]

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of the samples with these labels among theirs; 0 where there is none."""
        return sum(value for found, value in self.samples.get(name, []) if labels.items() <= found.items())


def scrape(url: str, key: str = "") -> Exposition:
    """Ask a server or worker by its address."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = httpx.get(f"{url}/metrics", headers=headers, timeout=30, trust_env=False)
    assert answer.status_code == 200, answer.text
    samples: dict[str, list[tuple[dict[str, str], float]]] = {}
    kinds = {}
    for family in text_string_to_metric_families(answer.text):
        kinds[family.name] = family.type
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return Exposition(samples, kinds)
