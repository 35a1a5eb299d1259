"""Signing in at the desk by phone 扫码登录: the page shows a code, the phone confirms, a session begins, once."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import delete, select

from backend.domain import desk_sessions
from backend.domain.desk_sessions import Browser
from backend.domain.faults import Conflict, Forbidden, NotFound
from backend.models import DeskScan, DeskSession, Person
from backend.vault import new_token, token_hash

if TYPE_CHECKING:
    from backend.work import Work

LIFE = timedelta(minutes=2)
_CODE_DIGITS = 8


def show(work: Work, browser: Browser) -> tuple[DeskScan, str, str]:
    """A fresh code for a sign-in page. Returns the row, the code for the phone and the secret for the browser."""
    work.session.execute(delete(DeskScan).where(DeskScan.expires_at < work.now - timedelta(days=1)))
    code, secret = f"{secrets.randbelow(10**_CODE_DIGITS):0{_CODE_DIGITS}d}", new_token()
    row = DeskScan(
        code_digest=work.vault.digest("desk scan", code), secret_hash=token_hash(secret),
        check_digits=f"{secrets.randbelow(100):02d}", browser=browser.name, address=browser.address,
        created_at=work.now, expires_at=work.now + LIFE,
    )  # fmt: skip
    work.session.add(row)
    work.session.flush()
    return row, code, secret


def by_code(work: Work, code: str) -> DeskScan:
    """The page that waits with this code, for the phone. Raises NotFound when it is unknown, answered or too old."""
    digest = work.vault.digest("desk scan", code.strip())
    row = work.session.scalar(select(DeskScan).where(DeskScan.code_digest == digest).with_for_update())
    if row is None or row.expires_at <= work.now or row.confirmed_at is not None or row.refused_at is not None:
        raise NotFound("登录码已失效，请刷新电脑上的登录页，重新扫码。", "scan_expired")
    return row


def by_secret(work: Work, secret: str) -> DeskScan | None:
    """The browser's own page; None when it is unknown or was used."""
    row = work.session.scalar(select(DeskScan).where(DeskScan.secret_hash == token_hash(secret)).with_for_update())
    return row if row is not None and row.used_at is None else None


def confirm(work: Work, code: str, role_id: UUID | None) -> DeskScan:
    """Whoever acts lets the page in as themselves. A resident cannot."""
    if work.actor.person_id is None or not work.actor.official:
        raise Forbidden("officials_only", "只有名册上的工作人员可以登录电脑端。")
    row = by_code(work, code)
    row.person_id, row.role_id, row.confirmed_at = work.actor.person_id, role_id, work.now
    return row


def refuse(work: Work, code: str) -> None:
    row = by_code(work, code)
    row.refused_at = work.now
    desk_sessions.note(work, work.actor.person_id, "scan", "refused", Browser(row.browser, row.address))


def state(work: Work, row: DeskScan) -> str:
    """What the page is told: waiting, confirmed, refused or expired."""
    if row.refused_at is not None:
        return "refused"
    if row.expires_at <= work.now:
        return "expired"
    return "confirmed" if row.confirmed_at is not None else "waiting"


def enter(work: Work, secret: str, browser: Browser) -> tuple[DeskSession, str]:
    """Begin the session that a phone has confirmed, once. Raises Conflict when there is nothing to begin."""
    row = by_secret(work, secret)
    if row is None or state(work, row) != "confirmed":
        raise Conflict("scan_not_confirmed", "这次扫码已失效或还没有确认，请重新扫码。")
    row.used_at = work.now
    return desk_sessions.begin(work, work.session.get_one(Person, row.person_id), row.role_id, "scan", browser)
