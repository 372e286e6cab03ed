"""Serves the page from memory: one exact route per file, so a path can name nothing else.

The files are read once at the start; a request touches no disk. Only known types are served.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from signaling.headers import PAGE_POLICY
from voice_agent.settings import ServerSettings

logger = logging.getLogger(__name__)

_INDEX = "index.html"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class Asset:
    path: str
    """As in the URL, with the leading slash."""
    body: bytes
    content_type: str
    etag: str


def web_folder(server: ServerSettings) -> Path:
    return Path(server.web_dir) if server.web_dir else Path(__file__).resolve().parent.parent / "web"


def load_assets(folder: Path) -> list[Asset]:
    """Every file of a known type below `folder`; hidden ones and links that lead out of it are left out."""
    root = folder.resolve()
    assets = []
    for file in sorted(root.rglob("*")):
        relative = file.relative_to(root)
        content_type = _TYPES.get(file.suffix)
        hidden = any(part.startswith(".") for part in relative.parts)
        if content_type is None or hidden or not file.is_file() or not file.resolve().is_relative_to(root):
            continue
        body = file.read_bytes()
        assets.append(Asset(f"/{relative.as_posix()}", body, content_type, hashlib.sha256(body).hexdigest()[:32]))
    return assets


def add_static_routes(app: web.Application, server: ServerSettings) -> None:
    assets = load_assets(web_folder(server))
    for asset in assets:
        handler = _handler(asset)
        app.router.add_get(asset.path, handler)
        if asset.path == f"/{_INDEX}":
            app.router.add_get("/", handler)
    if not any(asset.path == f"/{_INDEX}" for asset in assets):
        logger.warning("There is no index.html in WEB_DIR: the page is not served")


def _handler(asset: Asset) -> Callable[[web.Request], Awaitable[web.Response]]:
    headers = {
        "Content-Type": asset.content_type,
        "Content-Security-Policy": PAGE_POLICY,
        # Names carry no version: a browser may keep the file but asks each time whether it is still the same.
        "Cache-Control": "no-cache",
        "ETag": f'"{asset.etag}"',
    }

    async def serve(request: web.Request) -> web.Response:
        matches = request.if_none_match or ()
        if any(tag.value in (asset.etag, "*") for tag in matches):
            unchanged = {name: value for name, value in headers.items() if name != "Content-Type"}
            return web.Response(status=304, headers=unchanged)
        return web.Response(body=asset.body, headers=headers)

    return serve
