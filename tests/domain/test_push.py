"""The timer's reminders, with the clock moved: each once, up the line, in working hours unless urgent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import create_engine, select, text, update
from sqlalchemy.orm import Session

from backend.domain import deadlines, push
from backend.domain.actors import Actor
from backend.models import Case, CaseEvent, Notice, Person, Reminder, RosterRole
from backend.rules.supervision import Step
from backend.work import Work
from tests.domain.ledger import (
    HANDLER,
    LEAD,
    NEXT,
    OFFICE,
    OFFICE_UNIT,
    act,
    case_in,
    code_of,
    official,
    photo,
    undone,
)
from tests.domain.timer import at, by_sms, last_event, sent, tick, ticks, told
from tests.ledger_rows import fill


@pytest.fixture
def work(app: APIFlask, clean: None) -> Iterator[Work]:
    with undone(app) as found:
        yield found


def person(work: Work, name: str, role: str, unit: str) -> Actor:
    """Somebody on the demo roster, acting in a role of theirs."""
    return replace(
        official(role, unit), person_id=work.session.scalars(select(Person.id).where(Person.name == name)).one()
    )


def test_a_ladder_over_the_national_day_week(work: Work) -> None:
    """Opened on Thursday 24 September, due on 9 October; the office is off for ten of the days between."""
    work.now = at("09-24T15:00")
    case = case_in(work, "rectifying")
    ticks(work, "10-20T18:00")
    assert sent(work, case) == [
        "09-30 09:00 rectify before_2_days: handler",
        "10-09 09:00 rectify due: handler head",
        "10-10 09:00 rectify after_1_days: handler head office",
        "10-13 09:00 rectify after_3_days: county_chief",
        "10-15 09:00 rectify after_5_days: head office",
    ]
    assert told(work, case)[:3] == [
        ("傅明春", "催办：整改期限将到"), ("傅明春", "催办：整改期限将到"), ("马光松", "催办：整改期限将到"),
    ]  # fmt: skip
    assert ("程天松", "催办：整改已超期") in told(work, case)


def test_the_words_say_whose_what_and_how_long(work: Work) -> None:
    case = case_in(work, "rectifying")
    ticks(work, "06-09T09:00")
    said = [
        push.reminders.get(work, one).words
        for one in work.session.scalars(select(Reminder.id).where(Reminder.to_role == "handler").order_by(Reminder.id))
    ]
    name = f"清源镇办理的{case.number}（垃圾倾倒），整改期限为2026年6月8日 23:59"
    assert said == [
        f"{name}，还剩2个工作日，请抓紧办理。",
        f"{name}，今天到期，请抓紧办理。",
        f"{name}，已超期1个工作日，请立即办理。",
    ]


def test_every_reminder_is_an_event_with_its_rule_version(work: Work) -> None:
    case = case_in(work, "rectifying")
    ticks(work, "06-08T09:00")
    event = last_event(work, case)
    assert (event.action, event.role, event.from_state, event.to_state) == (
        "remind_due", "timer", "rectifying", "rectifying",
    )  # fmt: skip
    assert event.data["step"] == "due"
    assert event.data["to"] == [{"unit": LEAD, "role": "handler"}, {"unit": LEAD, "role": "head"}]
    assert event.county_version == work.county_version
    rows = work.session.scalars(select(Reminder).where(Reminder.seq == event.seq)).all()
    assert {row.county_version for row in rows} == {work.county_version}


def test_nothing_is_sent_at_night_or_on_a_day_off_unless_the_case_is_urgent(work: Work) -> None:
    work.now = at("06-05T22:00")  # Friday night
    urgent = case_in(work, "assigned", category="illegal_discharge")  # four hours to accept
    assert urgent.urgent
    ticks(work, "06-06T05:00", every=0.5)
    assert sent(work, urgent) == [
        "06-06 01:30 accept before_30_minutes: handler",
        "06-06 02:00 accept due: handler head",
        "06-06 02:30 accept after_30_minutes: office",
        "06-06 04:00 accept after_2_hours: county_chief",
    ]
    assert by_sms(work, urgent) == len(told(work, urgent)) == 6


def test_what_falls_due_while_nobody_works_waits_for_the_morning(work: Work) -> None:
    """The machine was off in the morning and comes back at night: the day's reminder goes out the next morning."""
    case = case_in(work, "rectifying")
    tick(work, at("06-01T10:00"))
    tick(work, at("06-04T20:00"))
    tick(work, at("06-05T08:29"))
    assert sent(work, case) == []
    tick(work, at("06-05T08:30"))
    assert sent(work, case) == ["06-05 08:30 rectify before_2_days: handler"]


def test_after_three_days_without_power_one_reminder_goes_out_not_three(work: Work) -> None:
    case = case_in(work, "rectifying")
    ticks(work, "06-05T09:00")  # the first step was sent; then darkness
    tick(work, at("06-11T09:00"))
    ticks(work, "06-12T18:00")
    assert sent(work, case)[1:] == ["06-11 09:00 rectify after_3_days: county_chief"]
    passed = work.session.scalars(select(Reminder).where(Reminder.skipped_at.is_not(None)).order_by(Reminder.id)).all()
    assert [(one.step, one.to_role, one.sent_at) for one in passed] == [
        ("due", "handler", None), ("due", "head", None),
        ("after_1_days", "handler", None), ("after_1_days", "head", None), ("after_1_days", "office", None),
    ]  # fmt: skip
    events = work.session.scalars(select(CaseEvent.action).where(CaseEvent.case_id == case.id)).all()
    assert events.count("remind_due") == 2
    assert len(told(work, case)) == 2


def test_ordinary_reminders_cost_no_sms_and_overdue_ones_do(work: Work) -> None:
    case = case_in(work, "rectifying")
    ticks(work, "06-08T12:00")
    assert by_sms(work, case) == 0
    ticks(work, "06-09T12:00")
    assert by_sms(work, case) == 4  # handler, head, two in the office


def test_a_moved_deadline_has_a_ladder_of_its_own(work: Work) -> None:
    case = case_in(work, "rectifying")
    ticks(work, "06-08T09:00")
    clock = deadlines.running(work, case, "rectify")
    assert clock is not None
    deadlines.postpone(work, clock, at("06-17T23:59:59"), "extension")
    ticks(work, "06-18T12:00")
    assert sent(work, case) == [
        "06-04 09:00 rectify before_2_days: handler",
        "06-08 09:00 rectify due: handler head",
        "06-15 09:00 rectify before_2_days: handler",
        "06-17 09:00 rectify due: handler head",
        "06-18 09:00 rectify after_1_days: handler head office",
    ]


def test_a_deadline_that_comes_back_is_not_reminded_of_twice(work: Work) -> None:
    """Graded up and down again on the same day: what was sent for Monday's deadline is not sent again."""
    case = case_in(work, "rectifying")
    ticks(work, "06-04T09:00")
    act(work, case, OFFICE, "grade", severity="serious", reason="堆量大")
    clock = deadlines.running(work, case, "rectify")
    assert clock is not None
    assert clock.due_at < at("06-08T00:00")
    tick(work, at("06-04T09:01"))
    act(work, case, OFFICE, "grade", severity="normal", reason="复核")
    ticks(work, "06-08T09:00")
    assert [line for line in sent(work, case) if "before_2_days" in line] == [
        "06-04 09:00 rectify before_2_days: handler",
        "06-04 09:01 rectify before_2_days: handler",  # of the nearer deadline, which was Friday's
    ]
    assert sent(work, case)[-1] == "06-08 09:00 rectify due: handler head"


@pytest.mark.parametrize("how", ["closure asked for", "merged", "rejected"])
def test_what_is_no_longer_theirs_to_do_escalates_no_further(work: Work, how: str) -> None:
    case = case_in(work, "accepted")
    ticks(work, "06-05T11:00")
    if how == "merged":
        act(work, case, OFFICE, "merge", target=case_in(work, "assigned").id, reason="同一问题")
    elif how == "rejected":
        act(work, case, OFFICE, "reject", reason="不属河湖问题")
    else:
        act(work, case, HANDLER, "start", measure="清运", person="李四", date=at("06-08T00:00").date())
        act(work, case, HANDLER, "request_closure", photos=[photo(work)], done="已清理")
    before = sent(work, case)
    ticks(work, "06-20T12:00", every=8)
    assert [line for line in sent(work, case) if "rectify" in line] == before
    assert ("review" in "".join(sent(work, case))) is (how == "closure asked for")


def test_a_clock_stopped_after_the_bell_rang_is_silent(work: Work) -> None:
    case = case_in(work, "rectifying")
    tick(work, at("06-01T10:00"))
    work.now = at("06-04T09:00")
    push.push_due(work)
    clock = deadlines.running(work, case, "rectify")
    assert clock is not None
    act(work, case, HANDLER, "request_closure", photos=[photo(work)], done="已清理")
    push.push_clock(work, clock.id)
    assert sent(work, case) == []


def test_a_row_carried_out_twice_sends_once(work: Work) -> None:
    case = case_in(work, "rectifying")
    tick(work, at("06-01T10:00"))
    tick(work, at("06-04T09:00"))
    clock = deadlines.running(work, case, "rectify")
    assert clock is not None
    push.push_clock(work, clock.id)
    push.push_clock(work, clock.id)
    assert len(sent(work, case)) == len(told(work, case)) == 1


def test_the_new_holder_of_an_overdue_case_is_reminded_for_itself(work: Work) -> None:
    case = case_in(work, "rectifying")
    ticks(work, "06-09T12:00")
    act(work, case, OFFICE, "reassign", unit=NEXT, reason="属邻镇")
    clock = deadlines.running(work, case, "rectify")
    assert clock is not None
    ticks(work, "06-10T12:00")
    rows = work.session.scalars(select(Reminder).where(Reminder.clock_id == clock.id)).all()
    assert {(row.step, row.to_unit, row.to_role) for row in rows} == {
        ("after_1_days", NEXT, "handler"), ("after_1_days", NEXT, "head"), ("after_1_days", OFFICE_UNIT, "office"),
    }  # fmt: skip


def test_what_the_office_holds_itself_is_said_to_the_office(work: Work) -> None:
    case = case_in(work, "triage")
    ticks(work, "06-04T12:00")
    assert sent(work, case) == [
        "06-02 09:00 triage due: office", "06-03 09:00 triage after_1_days: county_chief",
        "06-04 09:00 rectify before_2_days: office",
    ]  # fmt: skip


def test_a_rung_that_nobody_holds_is_taken_by_the_next_one_up(work: Work) -> None:
    in_lead = (RosterRole.unit_code == LEAD, RosterRole.role.in_(("handler", "head")))
    work.session.execute(update(RosterRole).where(*in_lead).values(ended_at=work.now))
    case = case_in(work, "rectifying")
    ticks(work, "06-04T12:00")
    assert sent(work, case) == ["06-04 09:00 rectify before_2_days: office"]


def test_the_chief_of_the_river_is_called_not_every_county_chief(work: Work) -> None:
    other = work.session.scalars(select(Person).where(Person.name == "谢梅华")).one()
    work.session.add(
        RosterRole(person_id=other.id, role="county_chief", unit_code=OFFICE_UNIT, reaches=["MTH-01"], since=work.now)
    )
    work.session.flush()
    mine, nobodys = case_in(work, "rectifying"), case_in(work, "rectifying")
    mine.reach = "MTH-01"
    work.session.flush()
    ticks(work, "06-11T12:00", every=8)
    chiefs = {"谢梅华", "程天松"}
    assert chiefs & {name for name, _ in told(work, mine)} == {"谢梅华"}
    assert chiefs & {name for name, _ in told(work, nobodys)} == chiefs


def test_a_new_version_of_the_rules_plans_anew_and_repeats_nothing(work: Work) -> None:
    case = case_in(work, "rectifying")
    ticks(work, "06-04T12:00")
    ladder = (
        Step(clock="rectify", when="before", days=2, to=("head",)),
        Step(clock="rectify", when="before", days=1, to=("head",)),
    )
    supervision = work.county.rules.supervision.model_copy(update={"steps": ladder})
    rules = work.county.rules.model_copy(update={"supervision": supervision})
    work.county, work.county_version = work.county.model_copy(update={"rules": rules}), work.county_version + 1
    ticks(work, "06-09T12:00")
    assert sent(work, case) == [
        "06-04 09:00 rectify before_2_days: handler", "06-05 10:00 rectify before_1_days: head",
    ]  # fmt: skip


def test_the_timer_finds_what_is_due_by_index(work: Work, settings_env: dict[str, str]) -> None:
    """As the tables' owner, because nobody else may bring their statistics up to date."""
    running = "UPDATE clocks SET stopped_at = NULL, push_version = :version, next_push_at = :later"
    planned = {"version": work.county_version, "later": work.now + timedelta(days=9)}
    engine = create_engine(settings_env["MIGRATE_DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"))
    with Session(engine) as owner:
        owners = replace(work, session=owner)
        fill(owners, 3000)
        owner.execute(text(running), planned)
        owner.execute(text("ANALYZE clocks"))
        query = push.due_clocks(owners).compile(dialect=engine.dialect, compile_kwargs={"literal_binds": True})
        shown = "\n".join(owner.scalars(text(f"EXPLAIN {query}")))
        owner.rollback()
    engine.dispose()
    assert "Seq Scan on clocks" not in shown, shown
    assert "ix_clocks_next_push_at" in shown, shown


def test_nothing_is_written_down_while_nothing_is_due(work: Work) -> None:
    case_in(work, "rectifying")
    assert push.waiting(work)  # it is not planned yet
    tick(work, at("06-01T10:00"))
    assert not push.waiting(work)
    work.now = at("06-04T08:30")
    assert push.waiting(work)


# ---- by hand, and replies --------------------------------------------------------------------------------------------


def test_the_office_reminds_by_hand_and_not_twice_within_half_an_hour(work: Work) -> None:
    case = case_in(work, "rectifying")
    act(work, case, OFFICE, "remind", reason="群众再次来电，请今天清完。")
    assert sent(work, case) == ["06-01 09:00 - hand: handler head"]
    assert told(work, case) == [("傅明春", "催办"), ("马光松", "催办")]
    assert code_of(lambda: act(work, case, OFFICE, "remind", reason="再催")) == "reminded_just_now"
    work.now += timedelta(minutes=31)
    act(work, case, OFFICE, "remind", reason="再催")
    bodies = work.session.scalars(select(Notice.body).where(Notice.case_id == case.id)).all()
    assert not any("群众再次来电" in body for body in bodies)


def test_a_county_chief_reminds_the_office_of_what_it_holds(work: Work) -> None:
    case = case_in(work, "triage")
    chief = official("county_chief", OFFICE_UNIT)
    act(work, case, chief, "remind", reason="请尽快分办。")
    assert sent(work, case) == ["06-01 09:00 - hand: office"]
    assert code_of(lambda: act(work, case, OFFICE, "remind", reason="x")) == "wrong_state"


def reminders_of(work: Work, case: Case) -> dict[str, Reminder]:
    return {one.to_role: one for one in work.session.scalars(select(Reminder).where(Reminder.case_id == case.id))}


def reply(work: Work, actor: Any, reminder: Reminder, words: str = "今晚清完。") -> Reminder:
    work.actor = actor
    return push.reminders.reply(work, reminder.id, words, push.cases.visible(actor))


def test_a_reply_is_on_the_record_once_and_in_the_words_of_the_unit(work: Work) -> None:
    case = case_in(work, "rectifying")
    handler = person(work, "傅明春", "handler", LEAD)
    act(work, case, OFFICE, "remind", reason="请抓紧")
    mine = reminders_of(work, case)["handler"]
    answered = reply(work, handler, mine)
    assert answered.replied_at == work.now
    assert push.reminders.get(work, mine.id).reply == "今晚清完。"
    event = last_event(work, case)
    assert (event.action, event.seq, event.actor) == ("reply_reminder", answered.reply_seq, handler.label)
    assert "今晚" not in str(event.data)
    assert code_of(lambda: reply(work, handler, mine)) == "replied_before"


def test_only_those_who_were_reminded_reply(work: Work) -> None:
    case = case_in(work, "rectifying")
    act(work, case, OFFICE, "remind", reason="请抓紧")
    mine = reminders_of(work, case)["handler"]
    for actor in (OFFICE, official("inspector", OFFICE_UNIT), official("township_chief", LEAD)):
        assert code_of(lambda a=actor: reply(work, a, mine)) == "not_yours_to_do"
    assert code_of(lambda: reply(work, official("handler", NEXT), mine)) == "not_found"
    head = person(work, "马光松", "head", LEAD)
    assert code_of(lambda: reply(work, head, mine, "\u3000 ")) == "missing_field"
    assert reply(work, head, mine).replied_at is not None


def test_a_step_that_was_passed_over_has_no_reply(work: Work) -> None:
    case = case_in(work, "rectifying")
    tick(work, at("06-01T10:00"))
    tick(work, at("06-09T09:00"))
    skipped = work.session.scalars(
        select(Reminder).where(Reminder.case_id == case.id, Reminder.skipped_at.is_not(None))
    ).first()
    assert skipped is not None
    assert code_of(lambda: reply(work, HANDLER, skipped)) == "never_sent"
    assert not push.reminders.may_reply(HANDLER, skipped)
