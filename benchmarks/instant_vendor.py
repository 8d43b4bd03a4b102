"""A vendor that speaks OpenAI's Images API and is never busy. Prints its address; counts what each key paid for.

python instant_vendor.py

A prompt that says "large" is answered with a picture of 1024 by 1024 pixels (a megabyte), any other with one of 64 by 64.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter

from tiny_http import Answer, Asked, serve
from vendor_pictures import picture

SIDES = {"small": 64, "large": 1024}


def main() -> None:
    """Serve until a signal."""
    answers = {name: answer_with(picture(side, seed=1)) for name, side in SIDES.items()}
    paid: Counter[str] = Counter()

    def answer(asked: Asked) -> bytes:
        if asked.path == "/paid":
            return Answer(json.dumps(paid).encode()).written()
        if (asked.method, asked.path) != ("POST", "/v1/images/generations"):
            return Answer(b'{"error": {"message": "no such place"}}', status=404).written()
        paid[asked.headers.get("authorization", "").removeprefix("Bearer ")] += 1
        return answers["large" if "large" in json.loads(asked.body)["prompt"] else "small"]

    asyncio.run(serve(answer, lambda port: print(json.dumps({"url": f"http://127.0.0.1:{port}"}), flush=True)))


def answer_with(file: bytes) -> bytes:
    """Return the whole answer that carries a picture."""
    usage = {
        "input_tokens": 5,
        "input_tokens_details": {"text_tokens": 5, "image_tokens": 0},
        "output_tokens": 272,
        "output_tokens_details": {"text_tokens": 0, "image_tokens": 272},
        "total_tokens": 277,
    }
    data = [{"b64_json": base64.b64encode(file).decode()}]
    return Answer(json.dumps({"created": 1767225600, "data": data, "usage": usage}).encode()).written()


if __name__ == "__main__":
    main()
