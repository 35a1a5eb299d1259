"""Who is told of what: the units of the event, the office, every reporter of the case, and nobody twice."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from apiflask import APIFlask
from sqlalchemy import func, select, update

from backend.domain import notices, people
from backend.domain.actors import ROUTING
from backend.domain.people import RosterRow
from backend.models import Account, Case, CaseEvent, Deferred, Delivery, Notice, Person, RosterRole
from backend.work import Work
from tests.domain.ledger import (
    ASSIGNED,
    ASSISTING,
    HANDLER,
    LEAD,
    OFFICE,
    OFFICE_UNIT,
    OTHER,
    account,
    act,
    case_in,
    submitted,
    undone,
)


@pytest.fixture
def work(app: APIFlask, clean: None) -> Iterator[Work]:
    """A roster of one person a role: clerk, head and chief of the lead unit, the water bureau, another town, office."""
    with undone(app) as made:
        roster = [
            ("经办", "handler", LEAD), ("镇长", "head", LEAD), ("河长", "township_chief", LEAD),
            ("水务", "handler", ASSISTING), ("邻镇", "handler", OTHER), ("县办", "office", OFFICE_UNIT),
        ]  # fmt: skip
        rows = [RosterRow(n, name, f"1990000{n:04d}", role, unit) for n, (name, role, unit) in enumerate(roster, 1)]
        people.import_roster(made, rows)
        yield made


def tell(work: Work, case: Case, seq: int | None = None) -> None:
    notices.tell(work, case.id, seq or case.version)
    work.session.flush()


def told(work: Work, case: Case | None = None) -> dict[str, set[str]]:
    """Title → the names of the officials, or the ids of the accounts, to whom it was written."""
    query = select(Notice.title, Person.name, Notice.account_id).outerjoin(Person, Person.id == Notice.person_id)
    if case is not None:
        query = query.where(Notice.case_id == case.id)
    found: dict[str, set[str]] = {}
    for title, name, account_id in work.session.execute(query):
        found.setdefault(title, set()).add(name or str(account_id))
    return found


def test_an_assignment_is_told_to_the_lead_unit_those_who_assist_and_the_reporter(work: Work) -> None:
    reporter = account(work)
    case = submitted(work, account_id=reporter.id)
    act(work, case, ROUTING, "assign", **ASSIGNED)
    tell(work, case)
    assert told(work) == {
        "新交办案件": {"经办", "镇长"},
        "请协办": {"水务"},
        "您的举报已交办": {str(reporter.id)},
    }


def test_the_same_event_told_again_writes_nothing_twice(work: Work) -> None:
    case = case_in(work, "assigned")
    for _ in range(3):
        tell(work, case)
    assert work.session.scalar(select(func.count()).select_from(Notice)) == 4
    sms = select(func.count()).select_from(Delivery).where(Delivery.channel == "sms")
    assert work.session.scalar(sms) == 3
    deferred = select(func.count()).select_from(Deferred).where(Deferred.name == "deliver")
    assert work.session.scalar(deferred) == work.session.scalar(select(func.count()).select_from(Delivery))


def test_a_notice_names_the_unit_of_its_event_though_the_case_has_moved_on(work: Work) -> None:
    case = case_in(work, "assigned")
    assigned_at = case.version
    act(work, case, HANDLER, "return", reason="不属本辖区")
    act(work, case, OFFICE, "assign", unit=OTHER, reason="属该镇")
    tell(work, case, assigned_at)
    bodies = {n.title: n.body for n in work.session.scalars(select(Notice))}
    assert "清源镇" in bodies["新交办案件"]
    assert "清源镇" in bodies["您的举报已交办"]
    assert told(work)["新交办案件"] == {"经办", "镇长"}


@pytest.mark.parametrize(
    ("state", "action", "title"),
    [
        ("assigned", "return", "单位退回案件"),
        ("rectifying", "request_closure", "申请销号"),
        ("triage", "hold", "待分办案件"),
    ],
)
def test_what_waits_for_the_office_is_told_to_the_office(work: Work, state: str, action: str, title: str) -> None:
    if action == "hold":
        case = submitted(work)
        act(work, case, ROUTING, "hold", why="no_unit", reason="没有划定的单位。")
    elif action == "return":
        case = case_in(work, "triage")
    else:
        case = case_in(work, "in_review")
    tell(work, case)
    assert told(work)[title] == {"县办"}


@pytest.mark.parametrize(
    ("state", "title"),
    [("rejected", "您的举报未予受理"), ("transferred", "您的举报已移送"), ("closed", "您的举报已办结")],
)
def test_a_reporter_is_told_how_it_ended(work: Work, state: str, title: str) -> None:
    reporter = account(work)
    case = case_in(work, state, account_id=reporter.id)
    tell(work, case)
    assert told(work)[title] == {str(reporter.id)}


def test_of_a_merge_only_those_hear_whose_report_moved_and_of_the_end_everybody(work: Work) -> None:
    first, second = account(work), account(work)
    target = case_in(work, "assigned", account_id=first.id)
    merged = submitted(work, account_id=second.id)
    act(work, merged, ROUTING, "merge", target=target.id, reason="同一问题。")
    merge_at = merged.version
    act(work, target, HANDLER, "accept")
    tell(work, merged, merge_at)
    assert told(work)["您的举报已并案"] == {str(second.id)}
    tell(work, target)
    assert told(work, target)["您的举报已签收"] == {str(first.id), str(second.id)}


def test_a_merge_is_told_to_its_reporter_though_it_was_split_off_again_meanwhile(work: Work) -> None:
    reporter = account(work)
    target = case_in(work, "assigned")
    merged = submitted(work, account_id=reporter.id)
    act(work, merged, ROUTING, "merge", target=target.id, reason="同一问题。")
    merge_at = merged.version
    act(work, merged, OFFICE, "split", reason="不是同一处")
    tell(work, merged, merge_at)
    assert told(work)["您的举报已并案"] == {str(reporter.id)}


def test_an_anonymous_reporter_is_never_written_to_and_never_keeps_others_from_being_told(work: Work) -> None:
    target = case_in(work, "assigned", privacy="anonymous")
    reporter = account(work)
    merged = submitted(work, account_id=reporter.id)
    act(work, merged, ROUTING, "merge", target=target.id, reason="同一问题。")
    tell(work, merged)
    act(work, target, HANDLER, "accept")
    tell(work, target)
    assert told(work, target) == {"您的举报已签收": {str(reporter.id)}}


def test_two_reports_of_one_person_on_one_case_are_one_notice(work: Work) -> None:
    reporter = account(work)
    target = case_in(work, "assigned", account_id=reporter.id)
    merged = submitted(work, account_id=reporter.id)
    act(work, merged, ROUTING, "merge", target=target.id, reason="同一问题。")
    act(work, target, HANDLER, "accept")
    tell(work, target)
    written = work.session.scalars(select(Notice).where(Notice.case_id == target.id)).all()
    assert [notice.title for notice in written] == ["您的举报已签收"]


def test_whoever_left_the_roster_is_not_told(work: Work) -> None:
    case = case_in(work, "assigned")
    clerk = select(Person.id).where(Person.name == "经办")
    work.session.execute(update(RosterRole).where(RosterRole.person_id.in_(clerk)).values(ended_at=work.now))
    tell(work, case)
    assert told(work)["新交办案件"] == {"镇长"}


def test_one_person_with_two_accounts_has_one_inbox_row_and_two_messages(work: Work) -> None:
    clerk = work.session.scalars(select(Person).where(Person.name == "经办")).one()
    for _ in range(2):
        account(work).person_id = clerk.id
    case = case_in(work, "assigned")
    tell(work, case)
    mine = work.session.scalars(select(Notice).where(Notice.person_id == clerk.id)).one()
    channels = select(Delivery.channel).where(Delivery.notice_id == mine.id)
    assert sorted(work.session.scalars(channels)) == ["sms", "wechat", "wechat"]


def by_sms(work: Work, case: Case) -> set[str]:
    """Whom the last event of the case sends a text message."""
    query = select(Person.name).join(Notice, Notice.person_id == Person.id).join(Delivery)
    return set(work.session.scalars(query.where(Delivery.channel == "sms", Notice.key.startswith(f"{case.id}/"))))


@pytest.mark.parametrize(
    ("category", "state", "whom"),
    [
        ("garbage", "assigned", {"经办", "镇长", "水务"}),  # newly assigned, urgent or not
        ("garbage", "triage", set()),  # returned: it waits in the office's list
        ("garbage", "in_review", set()),
        ("sand_mining", "triage", {"县办"}),  # urgent, and somebody has to do something
        ("sand_mining", "in_review", {"县办"}),
        ("sand_mining", "closed", set()),  # urgent, but nothing is left to be done
    ],
)
def test_what_cannot_wait_goes_by_sms(work: Work, category: str, state: str, whom: set[str]) -> None:
    case = case_in(work, state, category=category)
    tell(work, case)
    assert by_sms(work, case) == whom


def test_no_words_of_people_enter_a_notice(work: Work) -> None:
    case = case_in(work, "rejected", text="张三家的猪场夜里偷排")
    for seq in work.session.scalars(select(CaseEvent.seq).where(CaseEvent.case_id == case.id)).all():
        tell(work, case, seq)
    assert work.session.scalar(select(func.count()).select_from(Notice))
    for notice in work.session.scalars(select(Notice)):
        assert "张三" not in notice.title + notice.body
        assert "不属河湖问题" not in notice.title + notice.body


def test_consents_are_counted_for_known_templates_only(work: Work) -> None:
    made = account(work)
    answers = {"A": "accept", "B": "reject", "C": "acceptWithAudio", "X": "accept"}
    for _ in range(2):
        notices.consented(work, made.id, answers, {"A", "B", "C"})
    found = {c.template_id: c.remaining for c in work.session.scalars(select(notices.Consent))}
    assert found == {"A": 2, "C": 2}


def test_an_inbox_holds_what_is_addressed_to_the_account_or_the_person_and_nothing_else(work: Work) -> None:
    reporter = account(work)
    case = case_in(work, "assigned", account_id=reporter.id)
    tell(work, case)
    clerk = work.session.scalars(select(Person).where(Person.name == "经办")).one()
    both = [
        (reporter.id, None, {"您的举报已交办"}),
        (uuid.uuid4(), clerk.id, {"新交办案件"}),
        (uuid.uuid4(), None, set()),
    ]
    for account_id, person_id, titles in both:
        work.actor = people.Actor(role="resident", account_id=account_id, person_id=person_id)
        assert {notice.title for notice in notices.inbox(work, None, 20)} == titles
    assert work.session.get(Account, reporter.id) is not None
