"""The desk's built assets: named by their content, so that browsers keep them for good; packed where they take it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from apiflask import APIBlueprint
from flask import Response, abort, request, send_from_directory

FOLDER = Path(__file__).parent / "static"

bp = APIBlueprint("static_files", __name__, enable_openapi=False)


@cache
def _manifest(changed: float) -> dict[str, str]:
    found: dict[str, str] = json.loads((FOLDER / "manifest.json").read_text("utf-8"))
    return found


def address(name: str) -> str:
    """Where a browser fetches the built file of this name. Before `make desk` there is nothing to be had."""
    path = FOLDER / "manifest.json"
    built = _manifest(path.stat().st_mtime) if path.exists() else {}
    return f"/desk/static/{built.get(name, name)}"


@bp.get("/static/<path:name>")
def show(name: str) -> Any:
    if not FOLDER.is_dir():
        return Response("电脑端还没有构建，请先运行 make desk。", status=503, content_type="text/plain; charset=utf-8")
    if name.endswith((".gz", ".json")):
        abort(404)
    packed = "gzip" in request.headers.get("Accept-Encoding", "") and (FOLDER / f"{name}.gz").is_file()
    response = send_from_directory(FOLDER, name, max_age=31_536_000)
    if packed:
        kind = response.content_type
        response = send_from_directory(FOLDER, f"{name}.gz", max_age=31_536_000)
        response.headers["Content-Type"] = kind or "application/octet-stream"
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.headers["Vary"] = "Accept-Encoding"
    return response
