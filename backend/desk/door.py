"""The door of the desk: who is at it by their cookie, that a form comes from our own page, and what browsers may do."""

from __future__ import annotations

import re
import secrets
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, g, redirect, request

from backend.api import access
from backend.api.access import ACCESS, system
from backend.desk import uploads
from backend.domain import deputies, desk_sessions
from backend.domain.actors import NOBODY, Actor
from backend.domain.desk_sessions import Browser
from backend.domain.faults import Forbidden, Unauthenticated
from backend.models import DeskSession
from backend.work import Work, unit_of_work

SESSION = "qinghe_desk"  # who is signed in
VISITOR = "qinghe_desk_visitor"  # a browser that is not: what its forms and its sign-in code are bound to
_PATH = "/desk"
_WITH_PHOTOS = frozenset({"desk.cases.act"})  # the limit has to be known before the form's token is read
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_BROWSERS = (("MicroMessenger", "微信"), ("Edg", "Edge"), ("360SE", "360 浏览器"), ("Firefox", "Firefox"),
             ("Chrome", "Chrome"), ("Safari", "Safari"))  # fmt: skip
_MACHINES = (("Windows", "Windows"), ("HarmonyOS", "鸿蒙"), ("Android", "安卓"), ("iPad", "iPad"), ("iPhone", "iPhone"),
             ("Mac OS", "Mac"), ("UOS|Deepin|Kylin|Linux", "Linux"))  # fmt: skip


def install(desk: Blueprint) -> None:
    desk.before_request(_admit)
    desk.after_request(_guard)


def _admit() -> None:
    """Let in whom ACCESS lets in. Raises Unauthenticated, Forbidden or TooMany."""
    needed = ACCESS[request.endpoint or ""]
    g.actor, g.desk_session_id = NOBODY, None
    g.visitor, g.new_visitor = request.cookies.get(VISITOR, ""), False
    if not re.fullmatch(r"[\w-]{43}", g.visitor):
        g.visitor, g.new_visitor = secrets.token_urlsafe(32), True
    if needed == "desk:public":
        token, g.binding = "", g.visitor
    else:
        token = g.binding = request.cookies.get(SESSION, "")
    if request.endpoint == "desk.static_files.show":
        return
    with unit_of_work() as work:
        g.frame = {"county_name": work.county.name, "hotline": work.county.hotline}
        if needed != "desk:public":
            if not token:
                raise Unauthenticated("unauthenticated", "请先登录。")
            row = desk_sessions.current(work, token)
            g.actor, g.desk_session_id = deputies.with_stand_ins(work, desk_sessions.actor_of(row)), row.id
            unit = work.county.unit_by_code.get(g.actor.unit)
            g.frame["unit_name"] = unit.name if unit else g.actor.unit
    if request.endpoint in _WITH_PHOTOS:
        uploads.allow_photos()
    _check_form()
    if needed == "desk:office" and g.actor.role != "office":
        raise Forbidden("role_required", "这一页只有县河长办可以使用。")
    access.count_call(g.actor)


def _check_form() -> None:
    """A form that changes something carries the token of this very session, and comes from our own pages."""
    if request.method in _SAFE:
        return
    origin = request.headers.get("Origin")
    foreign = request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")
    if foreign or (origin not in (None, "null") and urlsplit(origin or "").netloc != request.host):
        raise Forbidden("foreign_form", "这个请求不是从本页面发出的，没有执行。")
    sent = request.headers.get("X-Form-Token") or request.form.get("form_token", "")
    if not secrets.compare_digest(sent.encode(), form_token().encode()):
        raise Forbidden("stale_form", "页面已过期（可能已在别处重新登录），请刷新后再提交。")


def form_token() -> str:
    """What every form carries: bound to the session, or to the visitor's cookie before there is one."""
    return system().vault.digest("desk form", g.binding)


def form_key() -> str:
    """A fresh key for a form, so that the same one sent twice is carried out once."""
    return secrets.token_urlsafe(16)


def session_row(work: Work) -> DeskSession:
    """The session of this request, attached to this work's session."""
    return work.session.get_one(DeskSession, g.desk_session_id)


def actor() -> Actor:
    found: Actor = g.actor
    return found


def browser() -> Browser:
    """The other end in words: "Chrome · Windows"."""
    agent = request.headers.get("User-Agent", "")
    name = next((title for sign, title in _BROWSERS if sign in agent), "浏览器")
    machine = next((title for sign, title in _MACHINES if re.search(sign, agent)), "")
    return Browser(f"{name} · {machine}" if machine else name, request.remote_addr or "")


def let_in(response: Response, token: str) -> Response:
    """Give the browser its session."""
    return set_cookie(response, SESSION, token, desk_sessions.LIFE.total_seconds())


def let_out(response: Response) -> Response:
    response.delete_cookie(SESSION, path=_PATH)
    return response


def set_cookie(response: Response, name: str, value: str, seconds: float | None) -> Response:
    response.set_cookie(
        name, value, max_age=None if seconds is None else int(seconds), path=_PATH, secure=_https(), httponly=True,
        samesite="Lax",
    )  # fmt: skip
    return response


def sent_to_sign_in(fault: Unauthenticated) -> Any:
    """To the sign-in page, and from there back to the page that was asked for."""
    asked = request.full_path.rstrip("?") if request.method in _SAFE else _PATH + "/"
    words = {"next": asked} if asked.rstrip("/") != _PATH else {}
    if fault.code != "unauthenticated":
        words["why"] = fault.code
    where = f"{_PATH}/sign-in" + (f"?{urlencode(words)}" if words else "")
    if request.headers.get("HX-Request"):
        return Response(status=204, headers={"HX-Redirect": where})
    return let_out(redirect(where, 303))  # type: ignore[arg-type]


def safe_next(asked: str | None) -> str:
    """The page to go on to: one of the desk's own, whatever an address from outside says."""
    parts = urlsplit(asked or "")
    own = not parts.scheme and not parts.netloc and re.fullmatch(r"/desk/[\w\-/]*", parts.path)
    return (parts.path + (f"?{parts.query}" if parts.query else "")) if own else f"{_PATH}/"


def _https() -> bool:
    return request.is_secure or system().settings.public_url.startswith("https://")


def _guard(response: Response) -> Response:
    """Headers that hold for every page: nothing from elsewhere, nothing inline, in nobody's frame."""
    settings = system().settings
    tiles = " https://*.tianditu.gov.cn" if settings.tianditu_key else ""
    pictures = f"'self' data: {settings.s3_public_url}{tiles}"
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src {pictures}; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    if _https():
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    if g.get("new_visitor") and request.endpoint != "desk.static_files.show":
        set_cookie(response, VISITOR, g.visitor, None)
    return response
