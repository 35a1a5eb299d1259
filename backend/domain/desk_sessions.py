"""Sessions at the desk: a person on the roster at a browser, by scan or by password, seen, ended, on record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select, update

from backend.domain import people
from backend.domain.actors import Actor, HeldRole
from backend.domain.faults import Forbidden, NotFound, Unauthenticated
from backend.models import DeskEntry, DeskSession, Person
from backend.vault import new_token, token_hash

if TYPE_CHECKING:
    from backend.work import Work

LIFE = timedelta(hours=12)
IDLE = timedelta(hours=2)
# Being seen is written down this often, so that not every page is a write.
_SEEN_EVERY = timedelta(minutes=1)
HOW = {"scan": "手机扫码", "password": "密码与动态码"}
OUTCOMES = {
    "ok": "登录成功", "wrong": "没有通过", "refused": "手机上拒绝", "enrolled": "设置了密码", "signed_out": "退出",
    "ended": "被结束",
}  # fmt: skip


@dataclass(frozen=True)
class Browser:
    """What is known of the other end: a short name of the browser, and its network address."""

    name: str
    address: str


def begin(work: Work, person: Person, role_id: UUID | None, how: str, browser: Browser) -> tuple[DeskSession, str]:
    """A session for a person whose identity was proven. Returns it and its token. Raises Forbidden off the roster."""
    held = people.roles_in_force(person)
    if not held:
        raise Forbidden("not_on_roster", "您已不在名册中，不能使用电脑端。请联系县河长办核对。")
    chosen = next((role for role in held if role.id == role_id), held[0])
    token = new_token()
    row = DeskSession(
        person_id=person.id, role_id=chosen.id, token_hash=token_hash(token), how=how, browser=browser.name,
        address=browser.address, created_at=work.now, seen_at=work.now, expires_at=work.now + LIFE,
    )  # fmt: skip
    row.person = person
    work.session.add(row)
    work.session.flush()
    note(work, person.id, how, "ok", browser, row.id)
    return row, token


def current(work: Work, token: str) -> DeskSession:
    """The session of a token. Raises Unauthenticated when it is unknown, ended, expired or was left alone too long."""
    row = work.session.scalar(select(DeskSession).where(DeskSession.token_hash == token_hash(token)))
    if row is None or row.ended_at is not None:
        raise Unauthenticated("signed_out", "登录已失效，请重新登录。")
    if row.expires_at <= work.now or row.seen_at + IDLE <= work.now:
        raise Unauthenticated("sign_in_expired", "登录已过期，请重新登录。")
    if not people.roles_in_force(row.person):
        raise Unauthenticated("not_on_roster", "您已不在名册中，请联系县河长办核对。")
    if row.seen_at + _SEEN_EVERY <= work.now:
        row.seen_at = work.now
    return row


def actor_of(row: DeskSession) -> Actor:
    """Who acts in a session. A role that has ended is gone at once; the next one held takes over."""
    held = people.roles_in_force(row.person)
    chosen = next((role for role in held if role.id == row.role_id), held[0])
    return Actor(
        role=chosen.role, unit=chosen.unit_code, person_id=row.person_id, name=row.person.name,
        held=frozenset(HeldRole(role.role, role.unit_code) for role in held),
    )  # fmt: skip


def choose_role(work: Work, row: DeskSession, role_id: UUID) -> None:
    if role_id not in {role.id for role in people.roles_in_force(row.person)}:
        raise Forbidden("not_your_role", "您没有这个身份。")
    row.role_id = role_id


def live(work: Work, person_id: UUID) -> list[DeskSession]:
    """The sessions of a person that are open now, the latest used first."""
    open_ones = select(DeskSession).where(
        DeskSession.person_id == person_id, DeskSession.ended_at.is_(None), DeskSession.expires_at > work.now,
        DeskSession.seen_at > work.now - IDLE,
    )  # fmt: skip
    return list(work.session.scalars(open_ones.order_by(DeskSession.seen_at.desc())))


def end(work: Work, row: DeskSession) -> None:
    """Sign out of this session."""
    if row.ended_at is None:
        row.ended_at = work.now
        note(work, row.person_id, row.how, "signed_out", Browser(row.browser, row.address), row.id)


def end_another(work: Work, person_id: UUID, session_id: UUID) -> None:
    """End another session of the same person. Raises NotFound for somebody else's."""
    row = work.session.get(DeskSession, session_id)
    if row is None or row.person_id != person_id:
        raise NotFound("找不到这个登录。")
    if row.ended_at is None:
        row.ended_at = work.now
        note(work, person_id, row.how, "ended", Browser(row.browser, row.address), row.id)


def end_all(work: Work, person_id: UUID, but: UUID | None = None) -> None:
    """End all sessions of a person, but one when it is named."""
    which = [DeskSession.person_id == person_id, DeskSession.ended_at.is_(None)]
    if but is not None:
        which.append(DeskSession.id != but)
    ended = work.session.scalars(select(DeskSession).where(*which))
    for row in ended:
        note(work, person_id, row.how, "ended", Browser(row.browser, row.address), row.id)
    work.session.execute(update(DeskSession).where(*which).values(ended_at=work.now))


def note(
    work: Work, person_id: UUID | None, how: str, outcome: str, browser: Browser, session_id: UUID | None = None
) -> None:
    """Put on record what happened at the door."""
    work.session.add(
        DeskEntry(
            at=work.now, person_id=person_id, session_id=session_id, how=how, outcome=outcome, browser=browser.name,
            address=browser.address,
        )
    )  # fmt: skip


def entries(work: Work, person_id: UUID | None, before: int | None, limit: int) -> list[DeskEntry]:
    """The record, the latest first: of one person, or of everybody for the office."""
    if person_id is None and work.actor.role != "office":
        raise Forbidden("role_required", "只有县河长办可以查看所有人的登录记录。")
    query = select(DeskEntry).order_by(DeskEntry.id.desc()).limit(limit)
    if person_id is not None:
        query = query.where(DeskEntry.person_id == person_id)
    if before is not None:
        query = query.where(DeskEntry.id < before)
    return list(work.session.scalars(query))
