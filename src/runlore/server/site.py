"""The built web app: files with lasting names are cached for ever, every other path of the app is its one page."""

from __future__ import annotations

import asyncio
import gzip
import mimetypes
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from litestar import Request, Response, get
from litestar.params import FromPath

from runlore.server.refusal import not_found

FOLDER: Final = Path(__file__).resolve().parent.parent / "_web"

_HASHED: Final = re.compile(r"[.-][A-Za-z0-9_-]{8,}\.\w+$")
_PACKED: Final = frozenset({".html", ".js", ".css", ".svg", ".json", ".map", ".txt", ".webmanifest"})
_MISSING: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Runlore</title>
<h1>The web app is not built</h1>
<p>The server works; programs can use it. To build the pages, run <code>python build_web.py</code> in the source
tree and reload this page. Packages of Runlore have them built already.</p></html>
"""


@get(["/", "/{path:path}"], opt={"is_open": True}, include_in_schema=False)
async def serve_site(request: Request[Any, Any, Any], path: FromPath[str] = "/") -> Response[bytes]:
    """Serve a file of the web app, or its page for any other path."""
    return await asyncio.to_thread(_answer, path, takes_gzip="gzip" in request.headers.get("accept-encoding", ""))


def _answer(path: str, *, takes_gzip: bool) -> Response[bytes]:
    if path == "/api" or path.startswith("/api/"):
        raise not_found(path)
    file = _file(path.strip("/"))
    if file is None:
        if path.startswith("/assets/"):
            raise not_found(path)
        file = FOLDER / "index.html"
        if not file.is_file():
            return Response(_MISSING.encode(), media_type="text/html", headers={"Cache-Control": "no-store"})
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    is_lasting = file.parent.name == "assets" and _HASHED.search(file.name) is not None
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if is_lasting else "no-cache",
        "Vary": "Accept-Encoding",
    }
    changed_ns = file.stat().st_mtime_ns
    if file.suffix in _PACKED and takes_gzip:
        headers["Content-Encoding"] = "gzip"
        return Response(_packed(file, changed_ns), media_type=kind, headers=headers)
    return Response(file.read_bytes(), media_type=kind, headers=headers)


def _file(path: str) -> Path | None:
    """The file at a path of the site, never outside its folder."""
    if not path or "\x00" in path:
        return None
    file = (FOLDER / path).resolve()
    return file if file.is_relative_to(FOLDER) and file.is_file() else None


@lru_cache(maxsize=128)
def _packed(file: Path, changed_ns: int) -> bytes:  # noqa: ARG001 - the time keeps a rebuilt file from being served old
    return gzip.compress(file.read_bytes(), 6, mtime=0)
