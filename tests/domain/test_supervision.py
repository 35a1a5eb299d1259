"""Letters of supervision: opened by hand and by rule, answered in writing, decided, escalated, ended with the case."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select, true, update

from backend.domain import states, supervision
from backend.domain.actors import TIMER, Actor
from backend.models import Case, CaseEvent, Reminder, RosterRole, Supervision
from backend.work import Work
from tests.domain.ledger import (
    ASSISTING,
    HANDLER,
    HERE,
    LEAD,
    NEXT,
    OFFICE,
    OFFICE_UNIT,
    STARTED,
    act,
    case_in,
    code_of,
    official,
    photo,
    undone,
)
from tests.domain.timer import at, by_sms, carry_out, last_event, sent, tick, ticks, told

HEAD = official("head", LEAD)
CHIEF = official("county_chief", OFFICE_UNIT)
DEMANDS = "请三日内清运完毕，并书面说明原因。"


@pytest.fixture
def work(app: APIFlask, clean: None) -> Iterator[Work]:
    with undone(app) as found:
        yield found


def letters(work: Work, case: Case) -> list[Supervision]:
    query = select(Supervision).where(Supervision.case_id == case.id).order_by(Supervision.id)
    return list(work.session.scalars(query.execution_options(populate_existing=True)))


def supervised(work: Work, state: str = "rectifying", **form: Any) -> tuple[Case, Supervision]:
    case = case_in(work, state)
    act(work, case, OFFICE, "supervise", demands=DEMANDS, **form)
    return case, letters(work, case)[0]


def as_(work: Work, actor: Actor, call: Callable[..., Any], *given: Any) -> Any:
    before, work.actor = work.actor, actor
    try:
        return call(work, *given)
    finally:
        work.actor = before


def reply(work: Work, letter: Supervision, actor: Actor = HEAD, words: str = "已安排今晚清运。") -> Any:
    return as_(work, actor, supervision.reply, letter.id, words, [])


def decide(work: Work, letter: Supervision, accept: bool, actor: Actor = OFFICE, **form: Any) -> None:
    given = {"reason": "" if accept else "没有说明原因", "reply_days": None, **form}
    as_(work, actor, supervision.decide, letter.id, letter.replies[-1].id, accept, given["reason"], given["reply_days"])


def test_a_letter_is_numbered_names_its_date_and_is_told_to_the_unit_by_sms(work: Work) -> None:
    case, letter = supervised(work)
    _, second = supervised(work)
    assert (letter.number, second.number) == ("清督〔2026〕1号", "清督〔2026〕2号")
    assert letter.reply_by == at("06-04T23:59:59")  # three working days after Monday
    assert (letter.unit_code, letter.stage, letter.why) == (LEAD, "awaiting_reply", "hand")
    assert told(work, case, "supervise") == [("马光松", "督办函"), ("傅明春", "督办函")]
    assert by_sms(work, case, "supervise") == 2
    event = last_event(work, case)
    assert (event.action, event.seq, event.data["letter"]) == ("supervise", letter.seq, letter.number)
    assert supervision.events.words(work, case.id, [letter.seq]) == {letter.seq: DEMANDS}


def test_numbers_begin_anew_with_the_year_of_shanghai(work: Work) -> None:
    supervised(work)
    work.now = at("12-31T23:30").replace(year=2026) + timedelta(hours=1)  # still the 31st in Greenwich
    _, letter = supervised(work)
    assert letter.number == "清督〔2027〕1号"


def test_the_office_names_another_date_for_the_reply(work: Work) -> None:
    _, letter = supervised(work, reply_days=1)
    assert letter.reply_by == at("06-02T23:59:59")


def test_a_unit_has_one_open_letter_on_a_case(work: Work) -> None:
    case, letter = supervised(work)
    assert code_of(lambda: act(work, case, CHIEF, "supervise", demands=DEMANDS)) == "supervised_already"
    assert "supervise" not in {row.action for row in states.allowed(work, case, OFFICE)}
    as_(work, OFFICE, supervision.end, letter.id, "已当面说明。")
    act(work, case, CHIEF, "supervise", demands=DEMANDS)
    assert [one.ended_how for one in letters(work, case)] == ["office", None]
    assert (
        told(work, case, "supervise")[-1] == ("梁桂文", "已发督办函")
        or told(work, case, "supervise")[-1][0] == "孙家天"
    )


# ---- reply and decision ----------------------------------------------------------------------------------------------


def test_the_head_replies_the_office_sends_back_and_then_accepts(work: Work) -> None:
    case, letter = supervised(work)
    taken = photo(work)
    answer = as_(work, HEAD, supervision.reply, letter.id, "已清运。", [taken])
    assert (letter.stage, answer.photos) == ("replied", [str(taken.id)])
    assert last_event(work, case).data["photos"][0]["id"] == str(taken.id)
    work.now = at("06-03T10:00")
    decide(work, letter, accept=False, reply_days=2)
    assert (letter.stage, letter.reply_by) == ("awaiting_reply", at("06-05T23:59:59"))
    second = reply(work, letter, words="原因是……")
    decide(work, letter, accept=True)
    assert (letter.stage, second.decision, answer.decision) == ("accepted", "accepted", "sent_back")
    assert [name for name, _ in told(work, case, "send_back_reply")] == ["马光松", "傅明春"]
    actions = work.session.scalars(select(CaseEvent.action).where(CaseEvent.case_id == case.id).order_by(CaseEvent.seq))
    assert list(actions)[-5:] == [
        "supervise", "reply_supervision", "send_back_reply", "reply_supervision", "accept_reply",
    ]  # fmt: skip


def test_only_the_head_of_the_unit_replies_and_a_handler_where_there_is_none(work: Work) -> None:
    _, letter = supervised(work)
    for actor in (HANDLER, official("head", NEXT), official("township_chief", LEAD), OFFICE, CHIEF):
        assert code_of(lambda a=actor: reply(work, letter, a)) == "not_yours_to_do"
        assert "reply" not in supervision.allowed(work, letter, actor)
    heads = (RosterRole.unit_code == LEAD, RosterRole.role == "head")
    work.session.execute(update(RosterRole).where(*heads).values(ended_at=work.now))
    assert supervision.allowed(work, letter, HANDLER) == ["reply"]
    assert reply(work, letter, HANDLER).at == work.now


def test_a_reply_of_spaces_is_none_and_a_second_one_waits_for_the_decision(work: Work) -> None:
    _, letter = supervised(work)
    assert code_of(lambda: reply(work, letter, words="\u3000\t")) == "missing_field"
    reply(work, letter)
    assert code_of(lambda: reply(work, letter)) == "wrong_stage"


def test_only_the_office_decides_and_nobody_who_belongs_to_the_unit(work: Work) -> None:
    _, letter = supervised(work)
    reply(work, letter)
    both = official("office", OFFICE_UNIT, ("handler", LEAD))
    for actor in (HEAD, CHIEF, official("inspector", OFFICE_UNIT), both):
        assert code_of(lambda a=actor: decide(work, letter, True, a)) == "not_yours_to_do"
        assert supervision.allowed(work, letter, actor) == []
    assert supervision.allowed(work, letter, OFFICE) == ["accept", "send_back", "end"]


def test_a_decision_is_on_the_reply_that_was_read(work: Work) -> None:
    """The reply was sent back and answered anew while somebody still looked at the first one."""
    _, letter = supervised(work)
    first = reply(work, letter)
    decide(work, letter, accept=False)
    reply(work, letter)
    stale = lambda: as_(work, OFFICE, supervision.decide, letter.id, first.id, True, "", None)  # noqa: E731
    assert code_of(stale) == "newer_reply"
    assert code_of(lambda: decide(work, letter, accept=False, reason=" ")) == "missing_field"


# ---- the timer -------------------------------------------------------------------------------------------------------


def test_an_overdue_reply_goes_up_to_the_county_chief_once_and_in_working_hours(work: Work) -> None:
    case, letter = supervised(work)
    tick(work, at("06-05T03:00"))
    assert letter.escalated_at is None
    tick(work, at("06-05T08:30"))
    work.now = at("06-08T08:30")
    supervision.chase(work, letter.id)  # the row carried out again
    assert letter.escalated_at == at("06-05T08:30")
    rungs = [line for line in sent(work, case) if " supervision" in line]
    assert rungs == ["06-05 08:30 - supervision: head office county_chief"]
    assert ("程天松", "督办逾期未回复") in told(work, case)
    event = work.session.scalars(select(CaseEvent).where(CaseEvent.action == "escalate_supervision")).one()
    assert (event.role, event.data["letter"]) == ("timer", letter.number)


def test_a_reply_in_time_is_not_escalated_and_one_sent_back_has_a_time_of_its_own(work: Work) -> None:
    _, letter = supervised(work)
    work.now = at("06-04T10:00")
    reply(work, letter)
    decide(work, letter, accept=False, reply_days=1)
    tick(work, at("06-05T09:00"))
    assert letter.escalated_at is None
    tick(work, at("06-08T09:00"))
    assert letter.escalated_at == at("06-08T09:00")


def test_a_case_overdue_by_five_working_days_is_supervised_by_rule(work: Work) -> None:
    case = case_in(work, "rectifying")
    ticks(work, "06-16T09:00")
    letter = letters(work, case)[0]
    assert (letter.why, letter.by_role, letter.opened_at) == ("overdue", "timer", at("06-15T09:00"))
    demands = supervision.events.words(work, case.id, [letter.seq])[letter.seq]
    assert "已超期5个工作日" in demands
    ticks(work, "06-30T18:00", every=8)
    assert len(letters(work, case)) == 1


def test_a_letter_by_rule_is_sent_though_its_step_was_passed_over(work: Work) -> None:
    """The machine was off for weeks: the step that supervises is among those that fell due."""
    case = case_in(work, "rectifying")
    tick(work, at("06-01T10:00"))
    tick(work, at("07-01T09:00"))
    assert [one.why for one in letters(work, case)] == ["overdue"]


def test_a_failed_look_back_opens_a_letter_and_a_second_one_names_the_recurrence(work: Work) -> None:
    case = case_in(work, "closed")
    act(work, case, OFFICE, "fail_follow_up", photos=[photo(work)], place=HERE, reason="又倒了垃圾")
    carry_out(work)
    assert [one.why for one in letters(work, case)] == ["failed_follow_up"]
    act(work, case, HANDLER, "request_closure", photos=[photo(work)], done="已清理")
    act(work, case, OFFICE, "close")
    carry_out(work)
    assert letters(work, case)[0].ended_how == "case"
    act(work, case, OFFICE, "fail_follow_up", photos=[photo(work)], place=HERE, reason="又倒了垃圾")
    carry_out(work)
    letter = letters(work, case)[-1]
    assert letter.why == "recurrences"
    assert "第2次反弹" in supervision.events.words(work, case.id, [letter.seq])[letter.seq]


def test_recurrences_are_counted_over_the_risk_source(work: Work) -> None:
    first, second = case_in(work, "closed"), case_in(work, "closed")
    first.risk_source = second.risk_source = "OUT-01"
    work.session.flush()
    for case in (first, second):
        act(work, case, OFFICE, "fail_follow_up", photos=[photo(work)], place=HERE, reason="又倒了垃圾")
        carry_out(work)
    assert [letters(work, case)[0].why for case in (first, second)] == ["failed_follow_up", "recurrences"]


def test_others_open_a_letter_by_rule_and_nothing_happens_where_none_can_be_sent(work: Work) -> None:
    case, other = case_in(work, "accepted"), case_in(work, "in_review")
    for one in (case, case, other):
        supervision.open(work, one, "overdue")
    carry_out(work)
    assert (len(letters(work, case)), letters(work, other)) == (1, [])
    with pytest.raises(ValueError, match="known reason"):
        supervision.open(work, case, "because")


# ---- the end ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["closed", "merged", "rejected", "reassigned", "returned"])
def test_a_letter_ends_with_the_case_and_with_the_unit_that_gave_it_away(work: Work, how: str) -> None:
    case, letter = supervised(work, "assigned")
    if how == "closed":
        act(work, case, HANDLER, "accept")
        act(work, case, HANDLER, "start", **STARTED)
        act(work, case, HANDLER, "request_closure", photos=[photo(work)], done="已清理")
        carry_out(work)
        assert letter.ended_at is None
        act(work, case, OFFICE, "close")
    elif how == "merged":
        act(work, case, OFFICE, "merge", target=case_in(work, "assigned").id, reason="同一问题")
    elif how == "rejected":
        act(work, case, OFFICE, "reject", reason="不属河湖问题")
    elif how == "reassigned":
        act(work, case, OFFICE, "reassign", unit=NEXT, reason="属邻镇")
    else:
        act(work, case, HANDLER, "return", reason="不属本辖区")
    carry_out(work)
    assert (letter.stage, letter.ended_how) == ("ended", "unit" if how in ("reassigned", "returned") else "case")
    assert last_event(work, case).action == "end_supervision"
    tick(work, at("06-08T09:00"))
    assert letter.escalated_at is None
    assert supervision.allowed(work, letter, HEAD) == supervision.allowed(work, letter, OFFICE) == []


def test_a_unit_reads_its_own_letters_and_not_those_to_others(work: Work) -> None:
    case, letter = supervised(work)
    nothing = ~true()
    for actor, expected in ((HEAD, 1), (official("head", ASSISTING), 0), (official("township_chief", LEAD), 0)):
        work.actor = actor
        found = supervision.page(work, supervision.Asked(), supervision.readable(actor, nothing), None, 20)
        assert len(found) == expected
    work.actor = TIMER
    assert work.session.scalars(select(Reminder).where(Reminder.case_id == case.id)).all() == []
    assert letter.case_id == case.id
