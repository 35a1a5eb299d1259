"""Rendering: what every template can use, and the words in which times and deadlines are told."""

from __future__ import annotations

import base64
import json
import math
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from apiflask import APIFlask
from flask import Blueprint, Response, after_this_request, g, redirect, render_template, request
from werkzeug.datastructures import MultiDict

from backend.api.access import system
from backend.clock import SHANGHAI
from backend.desk import door, navigation, static_files
from backend.domain.actors import NOBODY, ROLE_NAMES

SAID = "qinghe_desk_said"  # what the page after a form says once


def install(app: APIFlask, desk: Blueprint) -> None:
    for shown in (day, moment, hour, clock_time, number):
        app.add_template_filter(shown)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    desk.context_processor(_always)


def render(template: str, **words: Any) -> str:
    return render_template(template, **words)


def fragment(template: str, **words: Any) -> str:
    """A piece of a page, for htmx."""
    return render_template(template, **words)


def go(where: str, said: str | None = None) -> Any:
    """After a form: on to another page, which says what was done."""
    response = redirect(where, 303)
    if said:
        packed = base64.urlsafe_b64encode(said.encode()).decode()
        door.set_cookie(response, SAID, packed, 60)  # type: ignore[arg-type]
    return response


def _always() -> dict[str, Any]:
    actor = g.get("actor", NOBODY)
    return {
        "actor": actor,
        "signed_in": actor.person_id is not None,
        "navigation": navigation.for_actor(actor) if actor.person_id is not None else [],
        "here": request.endpoint,
        "role_title": ROLE_NAMES.get(actor.role, ""),
        "asset": static_files.address,
        "form_token": door.form_token() if "binding" in g else "",
        "form_key": door.form_key,
        "said": _said(),
        "with_query": with_query,
        "now": system().clock(),
        "county_name": "",
        "hotline": "",
        "unit_name": "",
        **g.get("frame", {}),
    }


def _said() -> str:
    packed = request.cookies.get(SAID)
    if not packed:
        return ""

    @after_this_request
    def said_once(response: Response) -> Response:
        response.delete_cookie(SAID, path="/desk")
        return response

    try:
        return base64.urlsafe_b64decode(packed.encode()).decode()[:300]
    except ValueError:
        return ""


def with_query(**changes: Any) -> str:
    """This page's address with some of its filters changed; None removes one. The page of the list is left behind."""
    kept = MultiDict(request.args)
    for name in {"before", *changes}:
        kept.poplist(name)
    for name, value in changes.items():
        if value is not None and value != "":
            kept.setlist(name, [str(value)])
    href = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in kept.items(multi=True))
    return f"{request.path}?{href}" if href else request.path


def _quoted(text: str) -> str:
    return quote(text, safe=",")


def to_json(data: Any) -> str:
    """Data for a script, to stand in an attribute; Jinja escapes it."""
    return json.dumps(data, ensure_ascii=False, default=str)


def day(at: datetime | None) -> str:
    """06-01, or with the year when it is another one than now."""
    if at is None:
        return "—"
    local, now = at.astimezone(SHANGHAI), system().clock().astimezone(SHANGHAI)
    return f"{local:%m-%d}" if local.year == now.year else f"{local:%Y-%m-%d}"


def moment(at: datetime | None) -> str:
    return "—" if at is None else f"{day(at)} {at.astimezone(SHANGHAI):%H:%M}"


def hour(at: datetime | None) -> str:
    return "—" if at is None else f"{at.astimezone(SHANGHAI):%H:%M}"


def moment_of(text: str) -> str:
    """The same of a time written as RFC 3339."""
    return moment(datetime.fromisoformat(text))


def clock_time(at: datetime | None) -> str:
    return "—" if at is None else f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


def number(value: float | None, digits: int = 0) -> str:
    return "—" if value is None else f"{value:,.{digits}f}"


def left(due_at: datetime, now: datetime) -> str:
    """How long there is still, or how long it is over."""
    span = abs(due_at - now)
    if span < timedelta(hours=1):
        words = f"{max(1, math.floor(span / timedelta(minutes=1)))} 分钟"
    elif span < timedelta(hours=48):
        words = f"{math.floor(span / timedelta(hours=1))} 小时"
    else:
        words = f"{span.days} 天"
    return f"超期 {words}" if due_at < now else f"还有 {words}"
