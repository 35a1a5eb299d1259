"""The mini program in a browser: its files, and the two ways out of one page that a real phone does not need.

A browser page talks to one origin. So WeChat's stand-in and the form uploads to object storage are reached through this
application, and nothing else is: it is mounted at /phone beside the real one, on loopback, and never in production.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from flask import Flask, Response, abort, jsonify, redirect, request, send_from_directory
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from backend.local.demo_phone import RESIDENT, officials, points
from backend.local.folder import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HOST_FILES = CHECKOUT / "miniprogram" / "host"
MOUNT = "/phone"
_LONGEST_S = 60


def create_phone(stand_in_url: str, storage_url: str, county: Path, files: Path = HOST_FILES) -> Flask:
    """The application under /phone. `stand_in_url` and `storage_url` are the only addresses that it passes on to;
    `county` is the folder whose people and places the frame around the phone offers."""
    app = Flask("phone", static_folder=None)

    @app.get("/")
    @app.get("/<path:name>")
    def show(name: str = "index.html") -> Response:
        if not files.is_dir():
            return Response("小程序还没有构建，请先运行 make miniprogram。", status=503, content_type="text/plain")
        answer = send_from_directory(files, name)
        answer.headers["Cache-Control"] = "no-cache"
        return answer

    @app.get("/_world")
    def world() -> Response:
        return jsonify(people=_people(county), spots=_spots(county), reaches=_reaches(county))

    @app.post("/_stand-in/<path:name>")
    def ask_wechat(name: str) -> Response:
        return _passed_on(f"{stand_in_url}/_stand-in/{name}")

    @app.post("/_upload")
    def upload() -> Response:
        to = request.args.get("to", "")
        if not to.startswith(f"{storage_url.rstrip('/')}/"):
            abort(403)
        return _passed_on(to)

    return app


def with_phone(wsgi_app: WSGIApplication, phone: Flask) -> WSGIApplication:
    """The real application, with the phone beside it; who asks for nothing in particular is shown the phone."""
    mounted = DispatcherMiddleware(wsgi_app, {MOUNT: phone})

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") == "/":
            return redirect(f"{MOUNT}/")(environ, start_response)
        return mounted(environ, start_response)

    return serve


def _people(county: Path) -> list[dict[str, str]]:
    """A resident, and everybody on the demo roster; none where the county has no such roster."""
    resident = {"user": RESIDENT, "phone": "", "name": "", "title": "群众"}
    if not (county / "roster.csv").exists():
        return [resident]
    found = officials(county)
    return [resident, *({"user": one.user, "phone": one.phone, "name": one.name, "title": one.role} for one in found)]


def _spots(county: Path) -> list[dict[str, object]]:
    if not (county / "demo_points.json").exists():
        return []
    return [{"name": spot.get("about") or name, **spot} for name, spot in points(county).items()]


def _reaches(county: Path) -> list[dict[str, object]]:
    features = json.loads((county / "reaches.geojson").read_text("utf-8"))["features"]
    return [{"name": one["properties"]["name"], "line": one["geometry"]["coordinates"]} for one in features]


def _passed_on(url: str) -> Response:
    headers = {"Content-Type": request.headers["Content-Type"]} if "Content-Type" in request.headers else {}
    try:
        answer = requests.post(url, data=request.get_data(), headers=headers, timeout=_LONGEST_S)
    except requests.RequestException as error:
        return Response(type(error).__name__, status=502, content_type="text/plain")
    return Response(answer.content, answer.status_code, content_type=answer.headers.get("Content-Type", "text/plain"))
