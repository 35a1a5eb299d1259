"""People: signing in, binding to the roster, choosing a role, leaving."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from uuid6 import uuid7

from backend.domain.actors import ROLE_NAMES, Actor, HeldRole
from backend.domain.faults import Fault, Forbidden, NotFound, Unauthenticated
from backend.models import Account, BindingCode, DeskSession, Person, RosterRole, SignIn
from backend.vault import new_token, token_hash

if TYPE_CHECKING:
    from backend.work import Work

SIGN_IN_LIFE = timedelta(days=30)
BINDING_CODE_LIFE = timedelta(days=3)
_ORDER = list(ROLE_NAMES)


def sign_in(work: Work, openid: str) -> tuple[SignIn, str]:
    """A session for the WeChat account of this openid, made when new. Returns it and its token."""
    digest = work.vault.digest("openid", openid)
    statement = insert(Account).values(
        id=uuid7(), openid_digest=digest, openid_sealed=work.vault.seal(openid), created_at=work.now
    )
    work.session.execute(statement.on_conflict_do_nothing(index_elements=["openid_digest"]))
    account = work.session.scalars(select(Account).where(Account.openid_digest == digest)).one()
    token = new_token()
    row = SignIn(
        account_id=account.id, token_hash=token_hash(token), created_at=work.now, expires_at=work.now + SIGN_IN_LIFE
    )
    first = next(iter(roles_in_force(account.person)), None)
    row.role_id = first.id if first else None
    row.account = account
    work.session.add(row)
    work.session.flush()
    return row, token


def current(work: Work, token: str) -> SignIn:
    """The sign-in of a token. Raises Unauthenticated when it is unknown, ended or expired."""
    row = work.session.scalar(select(SignIn).where(SignIn.token_hash == token_hash(token)))
    if row is None or row.ended_at is not None:
        raise Unauthenticated("signed_out", "登录已失效，请重新登录。")
    if row.expires_at <= work.now:
        raise Unauthenticated("sign_in_expired", "登录已过期，请重新登录。")
    return row


def name_of(work: Work, label: str | None) -> str | None:
    """The name of somebody whom an event or a record names by Actor.label; None for the system and for reporters."""
    kind, _, id_ = (label or "").partition(":")
    person = work.session.get(Person, UUID(id_)) if kind == "person" else None
    return person.name if person else None


def roles_in_force(person: Person | None) -> list[RosterRole]:
    """The roles a person holds now, the office's first."""
    held = [role for role in person.roles if role.ended_at is None] if person else []
    return sorted(held, key=lambda role: (_ORDER.index(role.role), role.unit_code))


def actor_of(row: SignIn) -> Actor:
    """Who acts under a sign-in. A role that has ended is gone at once: the next one held, or resident, takes over."""
    person = row.account.person
    held = roles_in_force(person)
    chosen = next((role for role in held if role.id == row.role_id), None) or next(iter(held), None)
    return Actor(
        role=chosen.role if chosen else "resident",
        unit=chosen.unit_code if chosen else None,
        account_id=row.account_id,
        person_id=person.id if person and held else None,
        name=person.name if person else "",
        held=frozenset(HeldRole(role.role, role.unit_code) for role in held),
    )


def holder(work: Work, person_id: UUID, role: str, unit: str) -> Actor | None:
    """The person acting in a role that they still hold; None when they hold it no longer. For work done later."""
    person = work.session.get(Person, person_id, populate_existing=True)
    held = frozenset(HeldRole(found.role, found.unit_code) for found in roles_in_force(person))
    if person is None or HeldRole(role, unit) not in held:
        return None
    return Actor(role=role, unit=unit, person_id=person.id, name=person.name, held=held)


def name(work: Work, person_id: UUID) -> str:
    """The name of somebody who is, or ever was, on the roster."""
    person = work.session.get(Person, person_id)
    return person.name if person is not None else "（已删除）"


def choose_role(work: Work, row: SignIn, role_id: UUID | None) -> None:
    """Switch to another of one's own roles."""
    if role_id not in {role.id for role in roles_in_force(row.account.person)}:
        raise Forbidden("not_your_role", "您没有这个身份。")
    row.role_id = role_id


def sign_out(work: Work, row: SignIn, everywhere: bool) -> None:
    """End this sign-in, or `everywhere` all of the account and of the other accounts of the same person."""
    which = SignIn.id == row.id
    if everywhere:
        which = SignIn.account_id == row.account_id
        if row.account.person_id is not None:
            accounts = select(Account.id).where(Account.person_id == row.account.person_id)
            which = SignIn.account_id.in_(accounts)
    work.session.execute(update(SignIn).where(SignIn.ended_at.is_(None), which).values(ended_at=work.now))
    if everywhere and row.account.person_id is not None:
        # A lost phone may have let a computer in.
        at_desks = update(DeskSession).where(DeskSession.person_id == row.account.person_id)
        work.session.execute(at_desks.where(DeskSession.ended_at.is_(None)).values(ended_at=work.now))


def bind_by_phone(work: Work, row: SignIn, phone: str) -> Person:
    """Bind the account to the person on the roster with the phone number that WeChat vouches for."""
    person = work.session.scalar(select(Person).where(Person.phone_digest == work.vault.digest("phone", phone)))
    if person is None or not roles_in_force(person):
        raise NotFound("名册中没有这个手机号，请联系县河长办核对，或使用绑定码。", "not_on_roster")
    _bind(work, row, person)
    return person


def new_binding_code(work: Work, person_id: UUID) -> str:
    """A one-time code for a person on the roster, 8 digits, three days. Earlier codes of the person end."""
    person = work.session.get(Person, person_id)
    if person is None or not roles_in_force(person):
        raise NotFound("名册中没有这个人。")
    revoke_binding_codes(work, person.id)
    code = f"{secrets.randbelow(10**8):08d}"
    work.session.add(
        BindingCode(
            person_id=person.id, code_digest=work.vault.digest("binding", code), created_at=work.now,
            expires_at=work.now + BINDING_CODE_LIFE, made_by=work.actor.label,
        )
    )  # fmt: skip
    return code


def revoke_binding_codes(work: Work, person_id: UUID) -> bool:
    """End the codes of a person that nobody has used. Returns whether there was one."""
    waiting = update(BindingCode).where(
        BindingCode.person_id == person_id, BindingCode.used_at.is_(None), BindingCode.expires_at > work.now
    )
    ended = work.session.scalars(waiting.values(expires_at=work.now).returning(BindingCode.id)).all()
    return bool(ended)


def binding_codes(work: Work, people: list[UUID]) -> dict[UUID, BindingCode]:
    """The last code that each of these people was given, used or not."""
    query = select(BindingCode).where(BindingCode.person_id.in_(people)).order_by(BindingCode.created_at)
    return {code.person_id: code for code in work.session.scalars(query)}


def bind_by_code(work: Work, row: SignIn, code: str) -> Person:
    """Bind by a one-time code from the office."""
    person = use_binding_code(work, code)
    _bind(work, row, person)
    return person


def of_binding_code(work: Work, code: str) -> Person:
    """Whom the office gave this code. Raises Fault when it is unknown, used or too old, NotFound off the roster."""
    return work.session.get_one(Person, _binding_code(work, code).person_id)


def use_binding_code(work: Work, code: str) -> Person:
    """The same; the code is used up."""
    found = _binding_code(work, code)
    found.used_at = work.now
    return work.session.get_one(Person, found.person_id)


def _binding_code(work: Work, code: str) -> BindingCode:
    digest = work.vault.digest("binding", code.strip())
    found = work.session.scalar(select(BindingCode).where(BindingCode.code_digest == digest).with_for_update())
    if found is None or found.used_at is not None or found.expires_at <= work.now:
        raise Fault("bad_binding_code", "绑定码无效、已使用或已过期，请向县河长办索取新的绑定码。", field="code")
    if not roles_in_force(work.session.get_one(Person, found.person_id)):
        raise NotFound("您已不在名册中，请联系县河长办核对。", "not_on_roster")
    return found


def _bind(work: Work, row: SignIn, person: Person) -> None:
    row.account.person_id = person.id
    row.account.person = person
    first = next(iter(roles_in_force(person)), None)
    row.role_id = first.id if first else None
    work.session.flush()


@dataclass(frozen=True)
class RosterRow:
    """One checked row of a roster file. `phone`: 11 digits."""

    line: int
    name: str
    phone: str
    role: str
    unit: str
    reaches: tuple[str, ...] = ()


def import_roster(work: Work, rows: list[RosterRow]) -> dict[str, int]:
    """Make the roster what the file says, whole: new people and roles are added, absent roles end now."""
    wanted: set[tuple[UUID, str, str]] = set()
    added = 0
    for row in rows:
        person = _person(work, row)
        wanted.add((person.id, row.role, row.unit))
        role = work.session.scalar(
            select(RosterRole).where(
                RosterRole.person_id == person.id,
                RosterRole.role == row.role,
                RosterRole.unit_code == row.unit,
                RosterRole.ended_at.is_(None),
            )
        )
        if role is None:
            role = RosterRole(person_id=person.id, role=row.role, unit_code=row.unit, since=work.now)
            work.session.add(role)
            added += 1
        role.reaches = list(row.reaches)
    ended = 0
    for role in work.session.scalars(select(RosterRole).where(RosterRole.ended_at.is_(None))):
        if (role.person_id, role.role, role.unit_code) not in wanted:
            role.ended_at = work.now
            ended += 1
    return {"rows": len(rows), "added": added, "ended": ended}


def _person(work: Work, row: RosterRow) -> Person:
    digest = work.vault.digest("phone", row.phone)
    person = work.session.scalar(select(Person).where(Person.phone_digest == digest))
    if person is None:
        person = Person(
            name=row.name, phone_digest=digest, phone_sealed=work.vault.seal(row.phone), created_at=work.now
        )
        work.session.add(person)
    person.name = row.name
    work.session.flush()
    return person
