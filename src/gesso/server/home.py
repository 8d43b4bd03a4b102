"""`GET /`: what is served here, and how the clients of other APIs are pointed to it."""

from __future__ import annotations

from html import escape

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from gesso import __version__
from gesso.dialects.guide import example_for
from gesso.dialects.registry import DIALECTS
from gesso.server.links import base_url
from gesso.server.parts import PartsOf

router = APIRouter(tags=["health"])
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Gesso</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.55 system-ui, sans-serif; }}
body {{ max-width: 46rem; margin: 3rem auto; padding: 0 1rem; }}
h1 {{ font-size: 2rem; margin: 0; }}
summary {{ cursor: pointer; padding: .4rem 0; font-weight: 600; }}
details {{ border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); }}
summary code {{ font-weight: 400; opacity: .75; margin-left: .5rem; overflow-wrap: anywhere; }}
pre {{ overflow-x: auto; padding: .8rem 1rem; background: color-mix(in srgb, currentColor 7%, transparent); border-radius: .4rem; font-size: .85rem; }}
</style>
</head>
<body>
<h1>Gesso</h1>
<p>One self-hosted server under every image model. Version {version}. <a href="/docs">The native API</a>,
<a href="/v1/models">its models</a>.</p>
<p>A program written for one of these APIs changes its base URL and its key, nothing else:</p>
{dialects}
</body>
</html>
"""
_DIALECT = "<details><summary>{title}<code>{base}</code></summary><pre>{example}</pre></details>"


@router.get(
    "/",
    responses={
        200: {
            "description": "Each API that is served: its address and an example. HTML for browsers, JSON for all others.",
            "content": {"application/json": {"schema": {"type": "object"}}, "text/html": {}},
        }
    },
)
async def show_home(request: Request, parts: PartsOf) -> Response:
    """Show what is served here, and how the clients of other APIs are pointed to it. Takes no key."""
    host = base_url(parts, request)
    listed = [
        {
            "name": dialect.name,
            "title": dialect.title,
            "base_url": host + dialect.mount,
            "example": example_for(dialect, host),
        }
        for dialect in DIALECTS
    ]
    if "text/html" not in request.headers.get("accept", ""):
        native = {"openapi": f"{host}/openapi.json", "docs": f"{host}/docs", "models": f"{host}/v1/models"}
        return JSONResponse({"name": "gesso", "version": __version__, "native": native, "dialects": listed})
    rows = (
        _DIALECT.format(title=escape(one["title"]), base=escape(one["base_url"]), example=escape(one["example"]))
        for one in listed
    )
    headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'", "Vary": "Accept"}
    return HTMLResponse(_PAGE.format(version=escape(__version__), dialects="\n".join(rows)), headers=headers)
