"""Signing in at the desk: by a code that the phone confirms, or by password and one-time code."""

from __future__ import annotations

import io
from typing import Annotated, Any

import segno
from apiflask import APIBlueprint
from flask import Response, make_response, redirect, request
from markupsafe import Markup
from pydantic import StringConstraints

from backend.api.access import system
from backend.api.schemas import Input
from backend.desk import door, forms, pages
from backend.domain import desk_passwords, desk_scans, desk_sessions
from backend.domain.faults import Fault
from backend.work import unit_of_work

bp = APIBlueprint("sign_in", __name__, enable_openapi=False)

SCAN = "qinghe_desk_scan"  # the browser's half of a code
_WHY = {
    "signed_out": "您已在别处退出或被结束登录，请重新登录。",
    "sign_in_expired": "太久没有操作，为安全起见请重新登录。",
    "not_on_roster": "您已不在名册中，请联系县河长办核对。",
}
Phone = Annotated[str, StringConstraints(pattern=r"^1[3-9][0-9]{9}$")]


class PasswordForm(Input):
    phone: Phone
    password: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    one_time: Annotated[str, StringConstraints(pattern=r"^[0-9 ]{6,8}$")]
    next: str = ""


def qr(text: str) -> Markup:
    """A QR code as SVG, dark on light in any theme."""
    out = io.BytesIO()
    segno.make(text, error="m").save(out, kind="svg", xmldecl=False, svgns=True, scale=1, border=2, omitsize=True,
                                     dark="#17262a", light="#ffffff", svgclass="qr", lineclass=None)  # fmt: skip
    return Markup(out.getvalue().decode())  # ours, and holds no text


@bp.get("/sign-in")
def show() -> Any:
    """Both ways on one page. The code is made when it is asked for, so that looking at the page costs nothing."""
    why = _WHY.get(request.args.get("why", ""), "")
    return pages.render("sign_in.html", next=door.safe_next(request.args.get("next")), why=why)


@bp.post("/sign-in/code")
def code() -> Any:
    """A fresh code for the phone."""
    with unit_of_work() as work:
        row, digits, secret = desk_scans.show(work, door.browser())
        shown = {"code": digits, "check_digits": row.check_digits, "state": "waiting",
                 "qr": qr(f"{system().settings.public_url}/desk/scan?code={digits}"),
                 "next": door.safe_next(request.form.get("next"))}  # fmt: skip
    template = "_scan.html" if request.headers.get("HX-Request") else "sign_in.html"
    response = make_response(pages.render(template, **shown))
    return door.set_cookie(response, SCAN, secret, desk_scans.LIFE.total_seconds() + 60)


@bp.get("/sign-in/poll")
def poll() -> Any:
    """What became of the code: nothing new, or the piece of the page that says so."""
    with unit_of_work() as work:
        row = desk_scans.by_secret(work, request.cookies.get(SCAN, ""))
        state = desk_scans.state(work, row) if row is not None else "expired"
    if state == "waiting":
        return "", 204
    return pages.fragment("_scan.html", state=state, next=door.safe_next(request.args.get("next")))


@bp.post("/sign-in/finish")
def finish() -> Any:
    """The phone has confirmed: begin the session."""
    with unit_of_work() as work:
        _, token = desk_scans.enter(work, request.cookies.get(SCAN, ""), door.browser())
    response = _in(door.safe_next(request.form.get("next")), token)
    response.delete_cookie(SCAN, path="/desk")
    return response


@bp.get("/scan")
def scanned() -> Any:
    """Where the code leads whoever scans it with anything but the mini program."""
    return pages.render("scanned.html")


@bp.post("/sign-in/password")
def by_password() -> Any:
    """Password and one-time code together; whichever is wrong, the answer is the same."""
    form = forms.read(PasswordForm)
    system().limiter.spend("desk_password", system().vault.digest("desk password", form.phone))
    wrong: Fault | None = None
    token = ""
    with unit_of_work() as work:
        person, proven = desk_passwords.prove(work, form.phone, form.password, form.one_time)
        if person is not None and proven:
            _, token = desk_sessions.begin(work, person, None, "password", door.browser())
        else:
            desk_sessions.note(work, person.id if person else None, "password", "wrong", door.browser())
            wrong = desk_passwords.wrong()
    if wrong is not None:
        words = {"next": door.safe_next(form.next), "fault": wrong.title, "phone": form.phone, "open": "password"}
        return pages.render("sign_in.html", **words), 403
    return _in(door.safe_next(form.next), token)


def _in(where: str, token: str) -> Response:
    if request.headers.get("HX-Request"):
        return door.let_in(Response(status=204, headers={"HX-Redirect": where}), token)
    return door.let_in(redirect(where, 303), token)  # type: ignore[arg-type]
