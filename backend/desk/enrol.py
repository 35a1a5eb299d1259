"""Setting a password for the desk, with the binding code that the office gives out."""

from __future__ import annotations

from typing import Annotated, Any

from apiflask import APIBlueprint
from cryptography.fernet import InvalidToken
from pydantic import StringConstraints, ValidationError

from backend.api.access import system
from backend.api.schemas import BindingForm
from backend.desk import door, errors, forms, pages
from backend.desk.sign_in import qr
from backend.domain import desk_passwords, people
from backend.domain.faults import Fault
from backend.work import Work, unit_of_work

bp = APIBlueprint("enrol", __name__, enable_openapi=False)


class EnrolForm(BindingForm):
    sealed: Annotated[str, StringConstraints(max_length=400)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    again: Annotated[str, StringConstraints(max_length=200)]
    one_time: Annotated[str, StringConstraints(pattern=r"^[0-9 ]{6,8}$")]


@bp.get("/enrol")
def ask() -> Any:
    return pages.render("enrol.html")


@bp.post("/enrol")
def start() -> Any:
    """The code is right: show the secret for the authenticator app, and ask for a password."""
    try:
        form = forms.read(BindingForm)
        with unit_of_work() as work:
            return pages.render("enrol_password.html", **_step(work, form.code, desk_passwords.new_secret()))
    except (Fault, ValidationError) as wrong:
        return pages.render("enrol.html", fault=_words(wrong)), 422


@bp.post("/enrol/password")
def finish() -> Any:
    form = forms.read(EnrolForm)
    try:
        secret = system().vault.open(form.sealed)
    except InvalidToken:
        raise Fault("stale_form", "页面已过期，请重新填写绑定码。") from None
    try:
        if form.password != form.again:
            raise Fault("not_the_same", "两次填写的密码不一样，请重新填写。", field="again")
        with unit_of_work() as work:
            desk_passwords.enrol(work, form.code, form.password, secret, form.one_time, door.browser())
    except Fault as wrong:
        if wrong.code == "bad_binding_code":
            return pages.render("enrol.html", fault=wrong.title), 422
        with unit_of_work() as work:
            step = _step(work, form.code, secret)
            return pages.render("enrol_password.html", fault=wrong.title, field=wrong.extra.get("field"), **step), 422
    return pages.go("/desk/sign-in?way=password", "密码已设好，请用手机号、密码和动态码登录。")


def _step(work: Work, code: str, secret: str) -> dict[str, Any]:
    person = people.of_binding_code(work, code)
    spaced = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    return {"code": code, "sealed": work.vault.seal(secret), "secret": spaced, "name": person.name,
            "qr": qr(desk_passwords.address_of(work, secret, person)), "shortest": desk_passwords.SHORTEST}  # fmt: skip


def _words(wrong: Fault | ValidationError) -> str:
    return wrong.title if isinstance(wrong, Fault) else errors.fault_of(wrong).title
