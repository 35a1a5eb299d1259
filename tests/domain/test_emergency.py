"""Emergency linkage: all called at once, by day and night; whoever is silent goes up the line; one timeline for all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select

from backend.county import County
from backend.domain import assistance, cases, deadlines, emergency, push, states
from backend.domain.actors import ROUTING
from backend.domain.faults import NotFound
from backend.models import Case, CaseEvent, Emergency, Notice, Reminder
from backend.rules.emergency import Climb, EmergencyRules, Plan, Task
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
    report_of,
    submitted,
    undone,
)
from tests.domain.timer import at, by_sms, carry_out, last_event, sent, tick, told

WATER, ECOLOGY, RESCUE, POLICE = (f"530199-{name}" for name in ("water", "ecology", "emergency", "police"))
NIGHT = at("06-06T02:00")  # a Saturday


@pytest.fixture
def work(app: APIFlask, clean: None) -> Iterator[Work]:
    with undone(app) as found:
        yield found


def declared(work: Work, state: str = "assigned", **form: Any) -> tuple[Case, Emergency]:
    """An emergency in the middle of a Saturday night."""
    case = case_in(work, state, category="illegal_discharge")
    work.now = NIGHT
    act(work, case, OFFICE, "declare_emergency", **{"reason": "大量死鱼，下游有取水口。", **form})
    return case, running(work, case)


def running(work: Work, case: Case) -> Emergency:
    found = emergency.running(work, case)
    assert found is not None
    return found


def silent(work: Work, case: Case) -> set[str]:
    called = running(work, case).dispatches
    return {dispatch.unit_code for dispatch in called if dispatch.acknowledged_at is None}


def pass_time(work: Work, **by: float) -> None:
    work.now += timedelta(**by)
    carry_out(work)


def test_all_units_of_the_plan_are_called_at_once_with_their_task_and_by_sms(work: Work) -> None:
    case, found = declared(work)
    assert (found.plan, found.plan_name) == ("water_pollution", "突发水污染应急预案")
    assert {one.unit_code for one in found.dispatches} == {LEAD, ECOLOGY, WATER, RESCUE}
    assert {one.due_at for one in found.dispatches} == {NIGHT + timedelta(minutes=30)}
    assert set(assistance.units(work, case)) == {ECOLOGY, WATER, RESCUE}
    called = told(work, case, "call_in")
    assert len(called) == by_sms(work, case, "call_in") == 8  # head and handler of four units
    body = work.session.scalars(
        select(Notice.body).where(Notice.kind == "call_in", Notice.body.contains("采样"))
    ).first()
    assert body is not None
    assert body.endswith("启动突发水污染应急预案。你单位任务：到现场采样监测，查明污染来源。请在30分钟内应答。")
    assert {name for name, _ in told(work, case, "declare_emergency")} == {"孙家天", "梁桂文", "程天松"}
    assert next(one.phone for one in found.dispatches if one.unit_code == ECOLOGY) == "0871-00011002"
    assert next(one.phone for one in found.dispatches if one.unit_code == LEAD) == "0871-00020001"  # the unit's own


def test_near_an_intake_the_plan_for_intakes_goes_first(work: Work) -> None:
    case = case_in(work, "assigned", category="illegal_discharge")
    case.routing = {"near_intake": True}
    act(work, case, OFFICE, "declare_emergency", reason="取水口附近。")
    assert running(work, case).plan == "intake_pollution"
    assert min(one.due_at for one in running(work, case).dispatches) == work.now + timedelta(minutes=10)


def test_the_office_chooses_another_plan_or_calls_units_without_one(work: Work) -> None:
    garbage = case_in(work, "assigned")
    declare = {"reason": "影响行洪。"}
    assert code_of(lambda: act(work, garbage, OFFICE, "declare_emergency", **declare)) == "no_plan"
    assert code_of(lambda: act(work, garbage, OFFICE, "declare_emergency", plan="nothing", **declare)) == "unknown_plan"
    act(work, garbage, OFFICE, "declare_emergency", assisting=[RESCUE, POLICE], **declare)
    assert {one.unit_code for one in running(work, garbage).dispatches} == {RESCUE, POLICE}
    assert running(work, garbage).plan_name == "应急联动"
    other = case_in(work, "assigned")
    act(work, other, OFFICE, "declare_emergency", plan="water_pollution", assisting=[POLICE, WATER], **declare)
    assert {one.unit_code for one in running(work, other).dispatches} == {LEAD, ECOLOGY, WATER, RESCUE, POLICE}


def test_a_unit_that_is_both_lead_and_named_is_called_once_for_both_tasks(work: Work) -> None:
    case = case_in(work, "assigned", category="illegal_discharge")
    act(work, case, OFFICE, "reassign", unit=ECOLOGY, reason="由生态环境分局主办")
    act(work, case, OFFICE, "declare_emergency", reason="大量死鱼。")
    mine = [one for one in running(work, case).dispatches if one.unit_code == ECOLOGY]
    assert [one.duty for one in mine] == ["立即到现场，拦截污染物，守住现场。到现场采样监测，查明污染来源。"]


def test_a_case_has_one_emergency_at_a_time(work: Work) -> None:
    case, _ = declared(work)
    assert code_of(lambda: act(work, case, OFFICE, "declare_emergency", reason="x")) == "emergency_runs"
    act(work, case, OFFICE, "stand_down", reason="污染已控制。")
    act(work, case, OFFICE, "declare_emergency", reason="再次发生。")
    assert len(work.session.scalars(select(Emergency).where(Emergency.case_id == case.id)).all()) == 2


# ---- answering and climbing ------------------------------------------------------------------------------------------


def test_one_department_is_silent_and_its_line_is_called_at_night_step_by_step(work: Work) -> None:
    case, _ = declared(work)
    for unit in (LEAD, WATER, ECOLOGY):
        pass_time(work, minutes=5)
        act(work, case, official("handler", unit), "respond")
    assert silent(work, case) == {RESCUE}
    pass_time(work, minutes=15)
    assert sent(work, case) == ["06-06 02:30 - emergency: head"]
    for _ in range(6):
        pass_time(work, minutes=5)
    assert sent(work, case) == [
        "06-06 02:30 - emergency: head", "06-06 02:35 - emergency: office", "06-06 02:45 - emergency: county_chief",
    ]  # fmt: skip
    assert {row.to_unit for row in work.session.scalars(select(Reminder))} == {RESCUE, OFFICE_UNIT}
    assert told(work, case)[0] == ("韩天强", "应急通知无人应答")
    assert by_sms(work, case) == len(told(work, case)) == 4
    event = last_event(work, case)
    assert (event.action, event.role, event.data["unanswered"]) == ("call_up", "timer", RESCUE)
    words = emergency.events.words(work, case.id, [event.seq])[event.seq]
    assert "应急管理局超时15分钟未应答，值班电话0871-00011004" in words


def test_an_answer_ends_the_climbing(work: Work) -> None:
    case, _ = declared(work)
    pass_time(work, minutes=30)
    assert len(sent(work, case)) == 1
    for unit in (LEAD, WATER, ECOLOGY, RESCUE):
        act(work, case, official("head", unit), "respond")
    pass_time(work, minutes=60)
    assert len(sent(work, case)) == 1
    answered = code_of(lambda: act(work, case, official("handler", WATER), "respond"))
    assert answered == "not_called"


def test_after_hours_without_power_everybody_whose_turn_has_come_is_called_in_one_go(work: Work) -> None:
    case, _ = declared(work)
    for unit in (LEAD, WATER, ECOLOGY):
        act(work, case, official("handler", unit), "respond")
    pass_time(work, hours=9)
    pass_time(work, hours=9)
    assert sent(work, case) == ["06-06 11:00 - emergency: head office county_chief"]
    assert [e.action for e in events_of(work, case)].count("call_up") == 1


def events_of(work: Work, case: Case) -> list[CaseEvent]:
    return list(work.session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.seq)))


@pytest.mark.parametrize(("action", "form"), [("respond", {}), ("note", {"note": "已到现场。"}), ("accept", {})])
def test_whoever_works_on_it_has_answered(work: Work, action: str, form: dict[str, Any]) -> None:
    case, _ = declared(work)
    act(work, case, HANDLER, action, **form)
    assert LEAD not in silent(work, case)


def test_an_assisting_unit_is_offered_one_way_of_answering(work: Work) -> None:
    case, _ = declared(work)
    helper = official("handler", WATER)
    assert {row.action for row in states.allowed(work, case, helper)} == {"claim", "note", "respond"}
    assert code_of(lambda: act(work, case, helper, "acknowledge")) == "respond_instead"
    act(work, case, helper, "respond")
    assert assistance.units(work, case)[WATER].acknowledged_at == work.now
    assert {row.action for row in states.allowed(work, case, helper)} == {"claim", "note"}


def test_a_released_unit_is_called_no_further(work: Work) -> None:
    case, _ = declared(work)
    for unit in (LEAD, WATER, ECOLOGY):
        act(work, case, official("handler", unit), "respond")
    act(work, case, OFFICE, "release_assisting", assisting=[RESCUE], reason="不需要")
    pass_time(work, hours=2)
    assert sent(work, case) == []


# ---- hands change ----------------------------------------------------------------------------------------------------


def test_a_reassignment_keeps_the_units_and_calls_the_new_lead(work: Work) -> None:
    case, _ = declared(work)
    act(work, case, official("handler", WATER), "respond")
    act(work, case, OFFICE, "reassign", unit=NEXT, reason="属邻镇")
    carry_out(work)
    assert set(assistance.units(work, case)) == {ECOLOGY, WATER, RESCUE}
    assert assistance.units(work, case)[WATER].acknowledged_at is not None
    new = next(one for one in running(work, case).dispatches if one.unit_code == NEXT)
    assert new.duty == "立即到现场，拦截污染物，守住现场。"
    assert [e.action for e in events_of(work, case)][-2:] == ["reassign", "call_in"]
    pass_time(work, minutes=31)
    assert LEAD not in {row.to_unit for row in work.session.scalars(select(Reminder))}  # it no longer holds the case


def test_declared_in_triage_the_departments_come_and_the_lead_is_called_when_there_is_one(work: Work) -> None:
    case, _ = declared(work, "triage")
    assert {one.unit_code for one in running(work, case).dispatches} == {ECOLOGY, WATER, RESCUE}
    helper = official("handler", ECOLOGY)
    act(work, case, helper, "respond")
    act(work, case, helper, "note", note="已取样。")
    act(work, case, OFFICE, "assign", unit=NEXT, reason="属该镇")
    carry_out(work)
    assert NEXT in {one.unit_code for one in running(work, case).dispatches}
    assert set(assistance.units(work, case)) == {ECOLOGY, WATER, RESCUE}


def test_a_refusal_sends_no_department_home(work: Work) -> None:
    case, _ = declared(work)
    work.session.flush()
    act(work, case, OFFICE, "stand_down", reason="误报")  # the night's refusal limit is long over: declare anew by day
    work.now = at("06-01T10:00")
    act(work, case, OFFICE, "declare_emergency", reason="大量死鱼。")
    act(work, case, HANDLER, "return", reason="不属本辖区")
    carry_out(work)
    assert case.state == "triage"
    assert set(assistance.units(work, case)) == {ECOLOGY, WATER, RESCUE}


def test_the_office_calls_further_units_in(work: Work) -> None:
    case, _ = declared(work)
    act(work, case, OFFICE, "call_in", assisting=[POLICE], reason="需要警戒")
    assert POLICE in silent(work, case)
    assert code_of(lambda: act(work, case, OFFICE, "call_in", assisting=[POLICE], reason="x")) == "called_already"
    plain = case_in(work, "assigned")
    assert code_of(lambda: act(work, plain, OFFICE, "call_in", assisting=[POLICE], reason="x")) == "no_emergency"


def test_the_case_becomes_urgent_and_its_deadlines_are_spoken_of_at_night(work: Work) -> None:
    work.now = at("06-05T16:00")
    case = case_in(work, "rectifying")
    tick(work, at("06-05T17:00"))
    assert not case.urgent
    act(work, case, OFFICE, "declare_emergency", plan="water_pollution", reason="流入河道")
    assert case.urgent
    clock = deadlines.running(work, case, "rectify")
    assert clock is not None
    assert clock.push_version is None
    assert push.waiting(work)


def test_an_emergency_ends_with_its_case(work: Work) -> None:
    case, found = declared(work, "rectifying")
    act(work, case, HANDLER, "request_closure", photos=[photo(work)], done="已清理")
    carry_out(work)
    assert found.stood_down_at is None
    act(work, case, OFFICE, "close")
    carry_out(work)
    assert (found.stood_down_at, found.stood_down_how) == (work.now, "case")
    assert last_event(work, case).action == "stand_down"
    pass_time(work, hours=3)
    assert sent(work, case) == []


# ---- declared by the system ------------------------------------------------------------------------------------------


def routed(work: Work, lon: float, lat: float, **changes: Any) -> Case:
    """A report at a place, taken through routing."""
    case = submitted(work, category="illegal_discharge", lon=lon, lat=lat, **changes)
    cases.route(work, case.id)
    carry_out(work)
    return case


def intake(county: County) -> tuple[float, float]:
    source = next(source for source in county.risk_sources if source.kind == "water_intake")
    lon, lat = source.geometry["coordinates"]
    return lon, lat


def test_a_discharge_at_an_intake_is_an_emergency_by_itself(work: Work, county: County) -> None:
    case = routed(work, *intake(county))
    found = running(work, case)
    assert (found.plan, found.by_role) == ("intake_pollution", "routing")
    event = next(e for e in events_of(work, case) if e.action == "declare_emergency")
    assert (event.role, event.county_version) == ("routing", work.county_version)


def test_a_confidential_report_is_held_and_the_departments_come_without_its_words(work: Work, county: County) -> None:
    case = routed(work, *intake(county), privacy="confidential")
    assert case.state == "triage"
    assert {one.unit_code for one in running(work, case).dispatches} == {ECOLOGY, WATER, RESCUE, POLICE}
    helper = official("handler", WATER)
    assert cases.readable_text(helper, report_of(work, case))["text"] == "（举报内容由县河长办审核后转办）"


def test_away_from_intakes_nothing_is_declared_by_itself(work: Work) -> None:
    case = routed(work, 102.719296, 25.205209)
    assert emergency.running(work, case) is None


def test_what_was_declared_or_ended_meanwhile_is_left_alone(work: Work) -> None:
    case = case_in(work, "assigned", category="illegal_discharge")
    case.routing = {"near_intake": True}
    push.declare_emergency(work, case.id)
    push.declare_emergency(work, case.id)
    assert len(work.session.scalars(select(Emergency).where(Emergency.case_id == case.id)).all()) == 1
    act(work, case, OFFICE, "stand_down", reason="误报")
    act(work, case, OFFICE, "merge", target=case_in(work, "assigned").id, reason="同一问题")
    push.declare_emergency(work, case.id)
    assert emergency.running(work, case) is None
    assert code_of(lambda: act(work, case, ROUTING, "declare_emergency", reason="x")) == "wrong_state"


# ---- the timeline ----------------------------------------------------------------------------------------------------


def test_the_timeline_begins_with_the_declaration_and_tells_all_of_an_entry(work: Work) -> None:
    case, found = declared(work)
    act(work, case, official("handler", ECOLOGY), "note", note="氨氮超标12倍。", photos=[photo(work)])
    _, rows = emergency.timeline(work, case, 0, 50)
    assert [(event.action, text) for event, text in rows] == [
        ("declare_emergency", "大量死鱼，下游有取水口。"), ("note", "氨氮超标12倍。"),
    ]  # fmt: skip
    assert rows[0][0].seq == found.seq
    _, newer = emergency.timeline(work, case, found.seq, 50)
    assert [event.action for event, _ in newer] == ["note"]
    names = {name for name, _ in told(work, case, "note")}
    assert {"韩天强", "傅桂兴", "马光松", "孙家天"} <= names
    assert "彭文辉" not in names  # the unit's own head wrote it
    with pytest.raises(NotFound):
        emergency.timeline(work, case_in(work, "assigned"), 0, 50)


# ---- the rules' file -------------------------------------------------------------------------------------------------

TASK = Task(unit="530199-water", duty="到现场。", minutes=10)
PLAN = Plan(code="plan", name="预案", tasks=(TASK,))


def with_plan(**changes: Any) -> EmergencyRules:
    return EmergencyRules(plans=(PLAN.model_copy(update=changes),))


def with_task(**changes: Any) -> EmergencyRules:
    return with_plan(tasks=(TASK.model_copy(update=changes),))


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        (EmergencyRules(plans=(PLAN, PLAN)), "重复"),
        (with_plan(categories=("fire",)), "没有代码为 fire 的问题类别"),
        (with_plan(tasks=(TASK, TASK)), "有两项任务"),
        (with_task(unit="530199-fire"), "没有代码为 530199-fire 的单位"),
        (with_task(unit=OFFICE_UNIT), "县河长办统一指挥"),
        (EmergencyRules(climb=(Climb(to="office", after_min=5), Climb(to="head", after_min=9))), "由下而上"),
        (EmergencyRules(climb=(Climb(to="head", after_min=5), Climb(to="office", after_min=1))), "时间由短到长"),
        (EmergencyRules(climb=(Climb(to="handler", after_min=0),)), "从单位负责人"),
    ],
)
def test_plans_that_cannot_be_are_refused(county: County, rules: EmergencyRules, why: str) -> None:
    assert why in "".join(reason for _, reason in rules.faults(county))


def test_the_demo_countys_plans_are_sound(county: County) -> None:
    assert list(county.rules.emergency.faults(county)) == []
    assert list(EmergencyRules().faults(county)) == []
