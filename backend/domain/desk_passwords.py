"""Passwords for the desk, always with a one-time code 动态码: for those without WeChat, set by a code of the office."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import select

from backend.domain import desk_sessions, people
from backend.domain.desk_sessions import Browser
from backend.domain.faults import Fault, Forbidden
from backend.models import DeskPassword, Person

if TYPE_CHECKING:
    from backend.work import Work

SHORTEST = 10
_STEP_S = 30
_HASHER = PasswordHasher()
# Checked when there is no such person, so that the time of the answer tells nobody who is on the roster.
_NOBODYS = _HASHER.hash("nobody's password")
_WRONG = "手机号、密码或动态码不正确。忘记了可以向县河长办要绑定码，重新设置。"


def new_secret() -> str:
    """A secret for an authenticator app, in base 32."""
    return pyotp.random_base32()


def address_of(work: Work, secret: str, person: Person) -> str:
    """What the authenticator app scans: otpauth://…"""
    name = f"{person.name}@{work.county.name}"
    return pyotp.TOTP(secret, interval=_STEP_S).provisioning_uri(name=name, issuer_name="清河")


def enrol(work: Work, code: str, password: str, secret: str, one_time: str, browser: Browser) -> Person:
    """Set the password of whom the office gave this binding code, once the app shows the right one-time code.

    Sessions that are open end. Raises Fault for a weak password, a wrong one-time or binding code.
    """
    person = people.of_binding_code(work, code)
    _check(work, person, password)
    step = _step_of(work, secret, one_time, 0)
    if step is None:
        raise Fault("bad_one_time_code", "动态码不正确，请等应用里换一个新的再填。", field="one_time")
    people.use_binding_code(work, code)
    row = work.session.scalar(select(DeskPassword).where(DeskPassword.person_id == person.id).with_for_update())
    row = row or DeskPassword(person_id=person.id)
    row.password_hash, row.totp_sealed = _HASHER.hash(password), work.vault.seal(secret)
    row.last_step, row.set_at = step, work.now
    work.session.add(row)
    desk_sessions.end_all(work, person.id)
    desk_sessions.note(work, person.id, "password", "enrolled", browser)
    return person


def prove(work: Work, phone: str, password: str, one_time: str) -> tuple[Person | None, bool]:
    """Who has this phone number, and whether password and one-time code are theirs. Takes as long either way."""
    person = work.session.scalar(select(Person).where(Person.phone_digest == work.vault.digest("phone", phone)))
    row = None
    if person is not None:
        row = work.session.scalar(select(DeskPassword).where(DeskPassword.person_id == person.id).with_for_update())
    try:
        _HASHER.verify(row.password_hash if row else _NOBODYS, password)
    except VerificationError:
        return person, False
    if row is None:
        return person, False
    step = _step_of(work, work.vault.open(row.totp_sealed), one_time, row.last_step)
    if step is None:
        return person, False
    row.last_step = step
    return person, True


def wrong() -> Fault:
    """The one answer to whatever was wrong."""
    return Forbidden("wrong_password", _WRONG)


def _step_of(work: Work, secret: str, one_time: str, last_step: int) -> int | None:
    """The step whose code this is, of the last, this and the next half minute, none that was used before."""
    totp = pyotp.TOTP(secret, interval=_STEP_S)
    now = int(work.now.timestamp()) // _STEP_S
    typed = one_time.replace(" ", "")
    for step in (now, now - 1, now + 1):
        if step > last_step and pyotp.utils.strings_equal(totp.generate_otp(step), typed):
            return step
    return None


def _check(work: Work, person: Person, password: str) -> None:
    if len(password) < SHORTEST:
        raise Fault("weak_password", f"密码至少 {SHORTEST} 个字符，一句自己记得住的话就很好。", field="password")
    digits = "".join(sign for sign in password if sign.isdigit())
    if len(set(password)) < 5 or digits == password or work.vault.open(person.phone_sealed) in password:
        raise Fault("weak_password", "密码太容易猜：不要只用数字、重复的字符或自己的手机号。", field="password")
