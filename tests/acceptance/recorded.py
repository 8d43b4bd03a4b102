"""Recorded wire examples: how one is sent, and how an answer is compared with what was recorded (tests/recorded/README.md)."""

from __future__ import annotations

import base64
import io
import json
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from PIL import Image

FOLDER = Path(__file__).parent.parent / "recorded"
SECONDS = 60.0
_WORDS = {
    "<any>": lambda value: True,
    "<text>": lambda value: isinstance(value, str) and value != "",
    "<int>": lambda value: type(value) is int,
    "<number>": lambda value: type(value) in (int, float),
    "<uuid>": lambda value: re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", str(value)) is not None,
    "<url>": lambda value: isinstance(value, str) and urlsplit(value).scheme in ("http", "https"),
    "<time>": lambda value: re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", str(value)) is not None,
    "<base64>": lambda value: isinstance(value, str) and len(base64.b64decode(value, validate=True)) > 0,
    "<id>": lambda value: isinstance(value, str) and re.fullmatch(r"\S+", value) is not None,
}


def png() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (96, 64), "navy").save(data, "PNG")
    return data.getvalue()


def differences(got: Any, wanted: Any, where: str = "", *, more: bool = False) -> list[str]:
    """Return what is different from what was recorded."""
    if isinstance(wanted, str) and wanted in _WORDS:
        return [] if _WORDS[wanted](got) else [f"{where}: {got!r} is no {wanted}"]
    if isinstance(wanted, str) and wanted.startswith("<starts:"):
        return [] if str(got).startswith(wanted[8:-1]) else [f"{where}: {got!r} does not start so: {wanted}"]
    if isinstance(wanted, dict) and isinstance(got, dict):
        found = [f"{where}.{key} is missing" for key in wanted if key not in got]
        found += [] if more else [f"{where}.{key} was not recorded" for key in got if key not in wanted]
        for key in wanted:
            if key in got:
                found += differences(got[key], wanted[key], f"{where}.{key}", more=more)
        return found
    if isinstance(wanted, list) and isinstance(got, list):
        if wanted[:1] == ["<each>"]:
            return [
                one for i, item in enumerate(got) for one in differences(item, wanted[1], f"{where}[{i}]", more=more)
            ]
        if len(got) != len(wanted):
            return [f"{where} has {len(got)} items, not {len(wanted)}: {got!r}"]
        pairs = enumerate(zip(got, wanted, strict=True))
        return [one for i, (a, b) in pairs for one in differences(a, b, f"{where}[{i}]", more=more)]
    return [] if type(got) is type(wanted) and got == wanted else [f"{where}: {got!r} instead of {wanted!r}"]


def values_of(answer: Any, known: dict[str, Any]) -> None:
    """Remember every plain value of an answer by its key, the first of each."""
    if isinstance(answer, dict):
        for key, value in answer.items():
            if isinstance(value, str | int) and key not in known:
                known[key] = value
            values_of(value, known)
    elif isinstance(answer, list):
        for item in answer:
            values_of(item, known)


def filled(value: Any, known: dict[str, Any]) -> Any:
    """Return a recorded request's value with its $names replaced; one that is all of a text keeps its type."""
    if isinstance(value, dict):
        return {key: filled(item, known) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, known) for item in value]
    if not isinstance(value, str) or "$" not in value:
        return value
    if value.startswith("$") and value[1:] in known:
        return known[value[1:]]
    return re.sub(r"\$(\w+)", lambda found: str(known.get(found[1], found[0])), value)


class Player:
    """Sends the requests of examples to one dialect of a running server."""

    def __init__(self, url: str, dialect: str, keys: dict[str, str]) -> None:
        self._client = httpx.Client(base_url=url, timeout=SECONDS, trust_env=False)
        self._mount, self._keys = f"/{dialect.replace('_', '-')}", keys

    def close(self) -> None:
        self._client.close()

    def play(self, example: dict[str, Any]) -> tuple[httpx.Response, dict[str, Any]]:
        """Return the last answer and all that was learnt on the way."""
        data = png()
        known: dict[str, Any] = {"PICTURE": f"data:image/png;base64,{base64.b64encode(data).decode()}"}
        known["BASE64"] = base64.b64encode(data).decode()
        headers = {"Authorization": f"Bearer {self._keys['test']}"}
        if "file" in example.get("setup", ()):
            kept = self._client.post("/v1/files", headers=headers, files={"file": ("a.png", data, "image/png")})
            known["FILE_ID"] = kept.json()["id"]
        if "job" in example.get("setup", ()):
            ask = {"model": "gesso-sketch", "input": {"prompt": "a duck", "width": 64, "height": 64, "steps": 1}}
            made = self._client.post("/v1/jobs", headers={**headers, "Prefer": "wait=60"}, json=ask)
            known["JOB"] = made.json()["id"]
        answer = self._send(example["request"], known)
        for request in example.get("then", []):
            deadline = time.monotonic() + SECONDS
            while True:
                answer = self._send(request, known)
                if not request.get("until") or not _lacks(answer, request["until"]):
                    break
                assert time.monotonic() < deadline, f"{request} never became {request['until']}: {answer.text}"
                time.sleep(0.05)
        return answer, known

    def _send(self, request: dict[str, Any], known: dict[str, Any]) -> httpx.Response:
        headers = {name: filled(value, known) for name, value in request.get("headers", {}).items()}
        if (key := self._keys.get(request.get("key", "test"))) is not None:
            name = request.get("auth", "Authorization")
            headers[name] = f"Bearer {key}" if name == "Authorization" else key
        if "fault" in request:
            headers["Gesso-Test-Fault"] = request["fault"]
        content: dict[str, Any] = {}
        if "json" in request:
            content["json"] = filled(request["json"], known)
        elif "text" in request:
            content["content"] = filled(request["text"], known)
        elif "form" in request:
            file = ("a.png", png(), "image/png")
            content["files"] = [
                (n, file if v == "$FILE" else (None, str(filled(v, known)))) for n, v in request["form"]
            ]
        elif "put" in request:
            content["content"] = png()
        path = filled(request["path"], known)
        url = path if path.startswith("http") else self._mount + path
        answer = self._client.request(request["method"], url, headers=headers, **content)
        if answer.headers.get("content-type", "").startswith("application/json") and answer.content:
            values_of(answer.json(), known)
        return answer


def _lacks(answer: httpx.Response, wanted: dict[str, Any]) -> bool:
    found: dict[str, Any] = {}
    values_of(answer.json(), found)
    return any(found.get(key) != value for key, value in wanted.items())


def examples() -> list[tuple[str, str]]:
    """Return dialect and name of each recorded example."""
    return [(path.parent.name, path.stem) for path in sorted(FOLDER.glob("*/*.json"))]


def load(dialect: str, name: str) -> dict[str, Any]:
    return json.loads((FOLDER / dialect / f"{name}.json").read_text(encoding="utf-8"))
