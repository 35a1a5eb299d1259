"""What has been kept long enough goes, by the county's rules; what has not stays, and the ledger stays whole."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import delete, func, select

from backend.domain import events, people, retention
from backend.models import (
    BindingCode,
    Case,
    CaseEvent,
    Deferred,
    Delivery,
    DeskSession,
    IdempotencyKey,
    Notice,
    Person,
    Report,
    SignIn,
)
from backend.work import Work
from tests.domain.ledger import LEAD, MONDAY, case_in, enrolled, report_of, undone


@pytest.fixture
def work(app: APIFlask, clean: None) -> Iterator[Work]:
    with undone(app) as found:
        yield found


def with_rules(work: Work, **numbers: int) -> None:
    rules = work.county.rules.retention.model_copy(update=numbers)
    work.county = work.county.model_copy(update={"rules": work.county.rules.model_copy(update={"retention": rules})})


def after(work: Work, days: float) -> int:
    work.now = MONDAY + timedelta(days=days)
    return retention.carry_out(work)


def count(work: Work, kind: Any) -> int:
    return work.session.scalar(select(func.count()).select_from(kind)) or 0


def archived(work: Work) -> tuple[Case, Report]:
    """A case of somebody who named themselves, in the archive since `LATER`."""
    case = case_in(work, "archived")
    report = report_of(work, case)
    report.contact_sealed = work.vault.seal("周告发\n13900001111")
    work.session.flush()
    return case, report


def ended_days(work: Work, case: Case) -> float:
    query = select(func.max(CaseEvent.at)).where(CaseEvent.case_id == case.id, CaseEvent.action == "archive")
    return (work.session.scalar(query) - MONDAY) / timedelta(days=1)


def test_who_reported_is_forgotten_three_years_after_the_case_was_over_and_the_chain_tells_of_it(work: Work) -> None:
    case, report = archived(work)
    over = ended_days(work, case)
    after(work, over + 1094)
    assert report.contact_sealed is not None
    assert after(work, over + 1096) >= 1
    assert (report.contact_sealed, report.account_id) == (None, None)
    last = work.session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.seq)).all()[-1]
    assert (last.action, last.role) == ("erase", "timer")
    assert report.text != "（内容已依法删除）"
    told = count(work, CaseEvent)
    after(work, over + 1200)
    assert count(work, CaseEvent) == told  # once


def test_a_case_that_is_not_over_keeps_its_reporter_however_old(work: Work) -> None:
    case = case_in(work, "rectifying")
    report = report_of(work, case)
    report.contact_sealed = work.vault.seal("x")
    work.session.flush()
    after(work, 4000)
    assert report.contact_sealed is not None


def test_a_county_that_says_nought_keeps_identities(work: Work) -> None:
    with_rules(work, identity_days=0)
    case, report = archived(work)
    after(work, ended_days(work, case) + 9000)
    assert report.contact_sealed is not None


def test_reporters_photos_go_when_the_county_says_so(work: Work) -> None:
    with_rules(work, photo_days=400)
    case, report = archived(work)
    before = [photo.state for photo in report.photos]
    after(work, ended_days(work, case) + 399)
    assert [photo.state for photo in report.photos] == before
    after(work, ended_days(work, case) + 401)
    work.session.expire(report, ["photos"])
    assert {photo.state for photo in report.photos} <= {"erased"}


@pytest.mark.parametrize(
    ("kind", "days"),
    [(IdempotencyKey, 90), (Deferred, 30), (SignIn, 180), (DeskSession, 180), (BindingCode, 180), (Notice, 365)],
)
def test_each_kind_of_row_stays_its_days_and_no_longer(work: Work, kind: Any, days: int) -> None:
    work.session.execute(delete(Deferred))
    person = work.session.scalars(select(Person).limit(1)).one()
    mine = {
        IdempotencyKey: {"digest": "d", "request_digest": "r", "created_at": MONDAY, "outcome": {}},
        Deferred: {"name": "tell", "args": [], "created_at": MONDAY, "run_at": MONDAY, "done_at": MONDAY},
        SignIn: {"token_hash": "t", "created_at": MONDAY, "expires_at": MONDAY},
        DeskSession: {
            "person_id": person.id, "token_hash": "t", "how": "scan", "browser": "", "address": "",
            "created_at": MONDAY, "seen_at": MONDAY, "expires_at": MONDAY + timedelta(days=99), "ended_at": MONDAY,
        },
        BindingCode: {"person_id": person.id, "code_digest": "c", "created_at": MONDAY, "expires_at": MONDAY},
        Notice: {
            "key": "k", "person_id": person.id, "kind": "x", "title": "x", "body": "x", "created_at": MONDAY,
        },
    }[kind]  # fmt: skip
    if kind is SignIn:
        mine["account_id"] = account(work)
    work.session.add(kind(**mine))
    work.session.flush()
    held = count(work, kind)
    after(work, days - 0.1)
    assert count(work, kind) == held
    after(work, days + 0.1)
    assert count(work, kind) == held - 1


def account(work: Work) -> uuid.UUID:
    row, _ = people.sign_in(work, "somebody")
    account_id = row.account_id
    work.session.delete(row)
    work.session.flush()
    return account_id


def test_what_is_still_to_be_done_or_sent_stays(work: Work) -> None:
    work.session.execute(delete(Deferred))
    person = enrolled(work, "handler", LEAD).person_id
    work.session.add(Deferred(name="tell", args=[], created_at=MONDAY, run_at=MONDAY))
    notice = Notice(key="k", person_id=person, kind="x", title="x", body="x", created_at=MONDAY)
    work.session.add(notice)
    work.session.flush()
    work.session.add(Delivery(notice_id=notice.id, channel="wechat", created_at=MONDAY))
    work.session.flush()
    after(work, 4000)
    assert (count(work, Deferred), count(work, Notice)) == (1, 1)


def test_a_round_takes_some_and_calls_for_the_next(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 3)
    for n in range(7):
        row = IdempotencyKey(digest=f"d{n}", request_digest="r", created_at=MONDAY, outcome={})
        work.session.add(row)
    work.session.flush()
    after(work, 91)
    assert count(work, IdempotencyKey) == 4
    assert [name for name, _ in called(work)] == ["keep_no_longer"]
    after(work, 91)
    after(work, 91)
    assert count(work, IdempotencyKey) == 0


def called(work: Work) -> list[tuple[str, list[str]]]:
    rows = work.session.scalars(select(Deferred).where(Deferred.name == "keep_no_longer", Deferred.done_at.is_(None)))
    return [(row.name, row.args) for row in rows]


def test_the_ledger_is_whole_after_everything_that_has_a_period_is_gone(work: Work) -> None:
    with_rules(work, photo_days=1)
    case, _ = archived(work)
    after(work, ended_days(work, case) + 5000)
    chain = list(work.session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.seq)))
    assert [event.seq for event in chain] == list(range(1, len(chain) + 1))
    assert chain[0].prev_hash == events.genesis(case.id)
    assert all(later.prev_hash == earlier.hash for earlier, later in pairwise(chain))
