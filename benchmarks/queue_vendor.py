"""A vendor that speaks fal's queue and takes its time. Prints its address; counts what was begun and how much at once.

python queue_vendor.py SECONDS SIDE

A request is done SECONDS after it was begun; its picture, of SIDE by SIDE pixels, lies behind a link.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from typing import Any
from uuid import uuid4

from tiny_http import Answer, Asked, serve
from vendor_pictures import picture

DIFFERENT = 8  # pictures that are drawn; requests get them in turn


class QueueVendor:
    """Its requests, by their ids, and when each will be done."""

    def __init__(self, seconds: float, side: int) -> None:
        self.home = ""
        self._seconds = seconds
        self._pictures = [Answer(picture(side, seed), "image/png").written() for seed in range(DIFFERENT)]
        self._done_at: dict[str, float] = {}
        self._counts: Counter[str] = Counter(begun=0, looks=0, results=0, pictures=0, cancelled=0)
        self._most_at_once = 0

    def answer(self, asked: Asked) -> bytes:
        """Return the answer to a call."""
        if asked.path == "/counts":
            return said({**self._counts, "most_at_once": self._most_at_once})
        place, _, last = asked.path.rpartition("/")
        if place == "/pictures":
            self._counts["pictures"] += 1
            return self._pictures[int(last)]
        if asked.method == "POST":
            return self._begin(asked.path)
        if asked.method == "PUT":
            self._counts["cancelled"] += 1
            return said({"status": "CANCELLATION_REQUESTED"})
        if last == "status":
            self._counts["looks"] += 1
            left = self._done_at[place.rpartition("/")[2]] - time.monotonic()
            return said({"status": "IN_PROGRESS" if left > 0 else "COMPLETED"})
        self._counts["results"] += 1
        link = f"{self.home}/pictures/{int(last, 16) % DIFFERENT}"
        return said({"images": [{"url": link, "content_type": "image/png"}], "seed": 1, "has_nsfw_concepts": [False]})

    def _begin(self, path: str) -> bytes:
        request, now = uuid4().hex, time.monotonic()
        self._counts["begun"] += 1
        self._done_at[request] = now + self._seconds
        self._most_at_once = max(self._most_at_once, sum(at > now for at in self._done_at.values()))
        link = f"{self.home}{path}/requests/{request}"
        links = {"status_url": f"{link}/status", "response_url": link, "cancel_url": f"{link}/cancel"}
        return said({"request_id": request, "status": "IN_QUEUE", **links})


def said(body: dict[str, Any]) -> bytes:
    """Return a body as an answer."""
    return Answer(json.dumps(body).encode()).written()


def main() -> None:
    """Serve until a signal."""
    vendor = QueueVendor(float(sys.argv[1]), int(sys.argv[2]))

    def ready(port: int) -> None:
        vendor.home = f"http://127.0.0.1:{port}"
        print(json.dumps({"url": vendor.home}), flush=True)

    asyncio.run(serve(vendor.answer, ready))


if __name__ == "__main__":
    main()
