"""A ledger for tests of the domain: a Work on the real database that is never committed, and cases in any state."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apiflask import APIFlask

from backend.domain import photos, reports, states
from backend.domain.actors import ROUTING, TIMER, Actor, HeldRole
from backend.domain.faults import Fault
from backend.domain.photos import PhotoRef
from backend.domain.reports import ReportForm
from backend.models import Account, Case, Person, Report, RosterRole
from backend.work import Work, unit_of_work

MONDAY = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai, a working day
LEAD, OTHER, NEXT = "530199001", "530199002", "530199003"
ASSISTING, OFFICE_UNIT = "530199-water", "530199-office"
LATER = timedelta(days=60)  # every window of the demo county is over by then


class _Undo(Exception):  # noqa: N818
    pass


@contextmanager
def undone(app: APIFlask) -> Iterator[Work]:
    """A Work at Monday morning whose changes are rolled back."""
    with suppress(_Undo), app.app_context(), unit_of_work() as work:
        work.now = MONDAY
        yield work
        raise _Undo


def official(role: str, unit: str, *others: tuple[str, str]) -> Actor:
    """Somebody on the roster who acts in `role` and holds `others` besides."""
    held = frozenset(HeldRole(*one) for one in ((role, unit), *others))
    return Actor(role=role, unit=unit, account_id=uuid.uuid4(), person_id=uuid.uuid4(), held=held)


def enrol(work: Work, actor: Actor, name: str = "某人") -> Actor:
    """Put an actor on the roster, with all roles that they hold."""
    since = work.now - timedelta(days=1)
    on_roster(work, *((held.role, held.unit, since, None) for held in actor.held), person_id=actor.person_id, name=name)
    return actor


def enrolled(work: Work, role: str, unit: str, *others: tuple[str, str], name: str = "某人") -> Actor:
    """Somebody who is on the roster in the database as well."""
    return enrol(work, official(role, unit, *others), name)


OFFICE = official("office", OFFICE_UNIT)
HANDLER = official("handler", LEAD)


def on_roster(
    work: Work,
    *roles: tuple[str, str, datetime, datetime | None],
    person_id: uuid.UUID | None = None,
    name: str = "赵六",
) -> uuid.UUID:
    """A person on the roster with these roles: role, unit, since when, until when. Returns the person's id."""
    digest = uuid.uuid4().hex
    person = Person(
        id=person_id or uuid.uuid4(), name=name, phone_digest=digest, phone_sealed="-", created_at=work.now
    )  # fmt: skip
    work.session.add(person)
    work.session.flush()
    for role, unit, since, ended_at in roles:
        work.session.add(
            RosterRole(person_id=person.id, role=role, unit_code=unit, since=since, ended_at=ended_at, reaches=[])
        )
    work.session.flush()
    return person.id


def account(work: Work) -> Account:
    made = Account(openid_digest=uuid.uuid4().hex, openid_sealed="-", created_at=work.now)
    work.session.add(made)
    work.session.flush()
    return made


def photo(work: Work, **facts: Any) -> PhotoRef:
    """A photo that was uploaded and found sound, of a picture of its own; `facts`: columns of models.Photo."""
    made, claim = photos.request(work)
    signed = [secrets.randbits(64) - (1 << 63) for _ in range(2)]
    known = {"sha256": secrets.token_hex(32), "phash": signed[0], "phash_mirrored": signed[1], **facts}
    made.state, made.width, made.height = "sound", 640, 480
    for name, value in known.items():
        setattr(made, name, value)
    work.session.flush()
    return PhotoRef(made.id, claim)


def submitted(work: Work, **changes: Any) -> Case:
    """A new case of a resident's report; `account_id` in `changes` names the resident."""
    given = {
        "category": "garbage", "text": "河边倒了一堆垃圾。", "lon": 102.719296, "lat": 25.205209, "coord_type": "wgs84",
        "privacy": "named", **changes,
    }  # fmt: skip
    account_id = given.pop("account_id", None) or account(work).id
    source = given.pop("source", None)
    given.setdefault("photos", (photo(work),))
    before, work.actor = work.actor, Actor(role="resident", account_id=account_id)
    report, _ = reports.submit(work, ReportForm(**given), uuid.uuid4().hex)
    work.actor = before
    found = work.session.get_one(Case, report.case_id)
    if source:
        found.source = source
    work.session.flush()
    return found


def act(work: Work, case: Case, actor: Actor, action: str, **form: Any) -> Case:
    before, work.actor = work.actor, actor
    try:
        return states.act(work, case.id, action, form)
    finally:
        work.actor = before


ASSIGNED = {"unit": LEAD, "assisting": [ASSISTING], "reason": "位于该乡镇境内。"}
# Where the tests' cases lie, as a form names it.
HERE = {"lon": 102.719296, "lat": 25.205209, "coord_type": "wgs84"}
STARTED = {"measure": "清运垃圾", "person": "李四", "date": "2026-09-01"}


def case_in(work: Work, state: str, **changes: Any) -> Case:
    """A case brought into a state by the shortest way of the table. In triage, it has been returned once."""
    case = submitted(work, **changes)
    if state == "submitted":
        return case
    if state == "withdrawn":
        states.withdraw_import(work, case, {})
        return case
    if state == "merged":
        target = case_in(work, "assigned")
        return act(work, case, ROUTING, "merge", target=target.id, reason="同一问题。")
    act(work, case, ROUTING, "assign", **ASSIGNED)
    if state in ("triage", "rejected", "transferred"):
        act(work, case, HANDLER, "return", reason="不属本辖区")
        if state == "rejected":
            act(work, case, OFFICE, "reject", reason="不属河湖问题")
        if state == "transferred":
            act(work, case, OFFICE, "transfer", body="邻县河长办", reason="在邻县境内")
        return case
    way = ("assigned", "accepted", "rectifying", "in_review", "closed", "archived")
    for reached in way[1 : way.index(state) + 1]:
        if reached == "accepted":
            act(work, case, HANDLER, "accept")
        elif reached == "rectifying":
            act(work, case, HANDLER, "start", **STARTED)
        elif reached == "in_review":
            act(work, case, HANDLER, "request_closure", photos=[photo(work)], done="已清理")
        elif reached == "closed":
            act(work, case, OFFICE, "close")
        else:
            work.now += LATER
            act(work, case, TIMER, "archive")
    return case


def reporter_of(report: Report) -> Actor:
    """Who gave this very report: by their account, or by the receipt alone."""
    role = "resident" if report.account_id else "receipt"
    return Actor(role=role, account_id=report.account_id, report_id=report.id)


def report_of(work: Work, case: Case) -> Report:
    return work.session.query(Report).filter_by(case_id=case.id).order_by(Report.id).first()  # type: ignore[return-value]


def fault_of(call: Callable[[], Any]) -> Fault:
    """The fault with which a call is refused."""
    with pytest.raises(Fault) as caught:
        call()
    return caught.value


def code_of(call: Callable[[], Any]) -> str:
    return fault_of(call).code
