"""The life of a case, held against a list written from DESIGN section 4 by hand, not from domain/states.py.

Every action is tried in every state by everybody. To add an action: one row in LISTED, its form in FORMS. To add a
capacity: name it in the rows, and say in CAST who stands in it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from apiflask import APIFlask
from sqlalchemy import select

from backend.domain import deadlines, follow_ups, states
from backend.domain.actors import NOBODY, ROUTING, TIMER, Actor
from backend.domain.faults import Conflict, Forbidden, NotFound
from backend.models import Assignment, Case, CaseEvent, Clock, Report, Supplement
from backend.rules.supervision import Step
from backend.work import Work
from tests.domain.ledger import (
    ASSIGNED,
    ASSISTING,
    HANDLER,
    HERE,
    LATER,
    LEAD,
    MONDAY,
    NEXT,
    OFFICE,
    OFFICE_UNIT,
    OTHER,
    STARTED,
    account,
    act,
    case_in,
    enrol,
    enrolled,
    fault_of,
    official,
    on_roster,
    photo,
    report_of,
    submitted,
    undone,
)  # fmt: skip

STATES = (
    "submitted", "triage", "assigned", "accepted", "rectifying", "in_review", "closed", "archived", "rejected",
    "merged", "transferred", "withdrawn",
)  # fmt: skip
NOW, AFTER_THE_WINDOWS, IN_AN_EMERGENCY, ASKED = "now", "after the windows", "in an emergency", "asked"
PLANNED, LINKED = "with a look-back planned", "with a risk source"
_AT_WORK = "assigned accepted rectifying in_review"


class Row(NamedTuple):
    """`froms`: states with spaces between; `to`: "=" when the case stays where it is; `who`: capacities.

    `when`: ASKED is for what answers the lead unit's question of QUESTIONS, or what a reporter added.
    """

    action: str
    froms: str
    to: str
    who: str
    when: str = NOW


LISTED = (
    Row("assign", "submitted", "assigned", "routing"),
    Row("hold", "submitted", "triage", "routing"),
    Row("assign", "submitted triage", "assigned", "office"),
    Row("reassign", "assigned accepted rectifying", "assigned", "office"),
    Row("order", "triage assigned accepted rectifying", "=", "office"),
    Row("grade", "triage assigned accepted rectifying", "=", "office"),
    Row("rule", "triage", "assigned", "office"),
    Row("return", "assigned", "triage", "lead_unit"),
    Row("reject", "triage assigned accepted", "rejected", "office"),
    Row("appeal", "rejected", "triage", "reporter"),
    Row("merge", "submitted", "merged", "routing"),
    Row("merge", "submitted triage assigned accepted rectifying", "merged", "office"),
    Row("split", "merged", "triage", "office"),
    Row("transfer", "triage", "transferred", "office"),
    Row("accept", "assigned", "accepted", "lead_unit"),
    Row("start", "accepted", "rectifying", "lead_unit"),
    Row("settle_on_spot", "submitted", "in_review", "chief"),
    Row("request_closure", "rectifying", "in_review", "lead_unit"),
    Row("send_back", "in_review", "rectifying", "verifier"),
    Row("verify", "in_review", "=", "verifier"),
    Row("close", "in_review", "closed", "verifier"),
    Row("dispute", "closed", "=", "reporter"),
    Row("pass_follow_up", "closed archived", "=", "inspector"),
    Row("fail_follow_up", "closed archived", "rectifying", "inspector"),
    Row("acknowledge", "assigned accepted rectifying in_review", "=", "assisting"),
    Row("note", "triage", "=", "office county_chief"),
    Row("note", "assigned accepted rectifying in_review", "=", "assisting lead_unit own_chief office"),
    Row("add_assisting", "assigned accepted rectifying in_review", "=", "office"),
    Row("release_assisting", "assigned accepted rectifying in_review", "=", "office"),
    Row("remind", "assigned accepted rectifying", "=", "office"),
    Row("remind", "triage assigned accepted rectifying in_review", "=", "county_chief"),
    Row("remind_due", "triage assigned accepted rectifying in_review", "=", "timer"),
    Row("supervise", "assigned accepted rectifying", "=", "office county_chief timer"),
    Row("declare_emergency", "triage assigned accepted rectifying in_review", "=", "office routing"),
    Row("call_in", "triage assigned accepted rectifying in_review", "=", "office", IN_AN_EMERGENCY),
    Row("respond", "assigned accepted rectifying in_review", "=", "assisting lead_unit", IN_AN_EMERGENCY),
    Row("stand_down", "triage assigned accepted rectifying in_review", "=", "office", IN_AN_EMERGENCY),
    Row("plan_follow_up", "closed archived", "=", "office"),
    Row("plan_follow_up", "closed archived", "=", "timer"),
    Row("assign_follow_up", "closed archived", "=", "office", PLANNED),
    Row("assign_follow_up", "closed archived", "=", "timer", PLANNED),
    Row("link_source", f"triage {_AT_WORK} closed archived rejected transferred", "=", "office"),
    Row("unlink_source", f"triage {_AT_WORK} closed archived rejected transferred", "=", "office", LINKED),
    Row("propose_rejection", "assigned accepted", "=", "lead_unit"),
    Row("decline_rejection", "assigned accepted", "=", "office", ASKED),
    Row("ask_extension", "rectifying", "=", "lead_unit"),
    Row("withdraw_extension", "rectifying", "=", "lead_unit", ASKED),
    Row("grant_extension", "rectifying", "=", "arbiter", ASKED),
    Row("refuse_extension", "rectifying", "=", "arbiter", ASKED),
    Row("claim", "assigned accepted rectifying in_review", "=", "unit_member"),
    Row("allocate", "assigned accepted rectifying in_review", "=", "unit_head"),
    Row("supplement", "submitted triage assigned accepted rectifying in_review closed rejected", "=", "reporter"),
    Row("forward", "triage assigned accepted rectifying in_review closed", "=", "office", ASKED),
    Row("withdraw", "submitted triage assigned accepted rectifying in_review", "=", "reporter"),
    Row("rate", "closed archived", "=", "reporter"),
    Row("archive", "closed", "archived", "timer", AFTER_THE_WINDOWS),
)

ADDED = uuid.UUID("00000000-0000-7000-8000-00000000add0")

A_STEP = Step(clock="rectify", when="before", days=2, to=("handler",))


def a_clock(work: Work) -> Clock | None:
    """Any clock that runs: the timer's form names one."""
    return work.session.scalars(select(Clock).where(Clock.stopped_at.is_(None)).order_by(Clock.id.desc())).first()


# What a good form brings; a function is called with the work when the form is sent.
FORMS: dict[str, dict[str, Any]] = {
    "assign": ASSIGNED,
    "hold": {"why": "no_unit", "reason": "附近没有乡镇。"},
    "reassign": {"unit": NEXT, "reason": "属邻镇"},
    "rule": {"unit": LEAD, "reason": "经核实属本镇"},
    "order": {"ordered_by": date(2026, 12, 1), "reason": "省里发来督办通知"},
    "grade": {"severity": "serious", "reason": "堆量大"},
    "return": {"reason": "不属本辖区"},
    "reject": {"reason": "不属河湖问题"},
    "appeal": {"reason": "问题仍在"},
    "merge": {"target": lambda work: case_in(work, "assigned").id, "reason": "同一问题"},
    "split": {"reason": "不是同一处"},
    "transfer": {"body": "邻县河长办", "reason": "在邻县境内"},
    "accept": {},
    "start": STARTED,
    "settle_on_spot": {"photos_before": lambda work: [photo(work)], "photos": lambda work: [photo(work)]},
    "request_closure": {"photos": lambda work: [photo(work)], "done": "已清理"},
    "send_back": {"reason": "还有残留"},
    "verify": {"photos": lambda work: [photo(work)]},
    "close": {},
    "dispute": {"reason": "没有清理干净"},
    "pass_follow_up": {"photos": lambda work: [photo(work)], "place": HERE},
    "fail_follow_up": {"photos": lambda work: [photo(work)], "place": HERE, "reason": "又倒了垃圾"},
    "plan_follow_up": {"reason": "群众关注"},
    "assign_follow_up": {"inspector": lambda work: on_roster(work, ("inspector", OFFICE_UNIT, MONDAY, None))},
    "acknowledge": {},
    "note": {"note": "已派人到现场。"},
    "add_assisting": {"assisting": [OTHER], "reason": "需要联合执法"},
    "release_assisting": {"assisting": [ASSISTING], "reason": "不再需要"},
    "remind": {"reason": "请抓紧办理。"},
    "remind_due": {"clock": lambda work: a_clock(work), "step": A_STEP, "reason": "还剩2个工作日，请抓紧办理。"},
    "supervise": {"demands": "请限期办理。"},
    "declare_emergency": {"assisting": [OTHER], "reason": "影响行洪。"},
    "call_in": {"assisting": [NEXT], "reason": "需要增援"},
    "respond": {},
    "stand_down": {"reason": "险情已排除"},
    "link_source": {"risk_source": "FX-001", "reason": "来自该排口"},
    "unlink_source": {"reason": "与该排口无关"},
    "propose_rejection": {"reason": "不是河湖问题"},
    "decline_rejection": {"reason": "属于河湖问题"},
    "ask_extension": {"reason": "连日下雨", "rectify_by": datetime(2026, 6, 15).date()},  # noqa: DTZ001
    "withdraw_extension": {},
    "grant_extension": {"reason": "情况属实"},
    "refuse_extension": {"reason": "时间足够"},
    "claim": {},
    "allocate": {"handler": lambda work: enrolled(work, "handler", LEAD, ("handler", ASSISTING)).person_id},
    "supplement": {"text": "晚上又倒了一车"},
    "forward": {"supplement": ADDED},
    "withdraw": {},
    "rate": {"stars": 4},
    "archive": {},
}

# What the lead unit asked before somebody can answer so.
QUESTIONS = {
    "decline_rejection": "propose_rejection",
    "withdraw_extension": "ask_extension",
    "grant_extension": "ask_extension",
    "refuse_extension": "ask_extension",
}

# Who is there, and in which capacities each stands towards a case that LEAD leads and ASSISTING assists with.
# The reporters are made for each case: see everybody().
CAST: dict[str, tuple[Actor, str]] = {
    "routing": (ROUTING, "routing"),
    "timer": (TIMER, "timer"),
    "nobody": (NOBODY, ""),
    "office": (official("office", OFFICE_UNIT), "office arbiter verifier inspector"),
    "office, also handler of the lead unit": (official("office", OFFICE_UNIT, ("handler", LEAD)), "office"),
    "office, also patroller of the lead unit": (official("office", OFFICE_UNIT, ("patroller", LEAD)), "office"),
    "office, also handler elsewhere": (
        official("office", OFFICE_UNIT, ("handler", OTHER)), "office arbiter verifier inspector",
    ),
    "handler of the lead unit": (official("handler", LEAD), "lead_unit unit_member"),
    "head of the lead unit": (official("head", LEAD), "lead_unit unit_member unit_head"),
    "handler of the lead unit, also office": (
        official("handler", LEAD, ("office", OFFICE_UNIT)), "lead_unit unit_member",
    ),
    "handler of the assisting unit": (official("handler", ASSISTING), "assisting unit_member"),
    "head of the assisting unit": (official("head", ASSISTING), "assisting unit_member unit_head"),
    "handler of another township": (official("handler", OTHER), ""),
    "handler of another township, also of the lead unit": (official("handler", OTHER, ("handler", LEAD)), ""),
    "township chief of the lead unit": (official("township_chief", LEAD), "chief own_chief"),
    "village chief of the lead unit": (official("village_chief", LEAD), "chief own_chief"),
    "township chief of the lead unit, also office": (
        official("township_chief", LEAD, ("office", OFFICE_UNIT)), "chief own_chief",
    ),
    "patroller of the lead unit": (official("patroller", LEAD), "chief own_chief"),
    "township chief of another township": (official("township_chief", OTHER), "chief"),
    "county chief": (official("county_chief", OFFICE_UNIT), "chief own_chief county_chief verifier inspector"),
    "county chief, also head of the lead unit": (
        official("county_chief", OFFICE_UNIT, ("head", LEAD)), "chief own_chief county_chief",
    ),
    "inspector": (official("inspector", OFFICE_UNIT), "verifier inspector"),
    "inspector appointed from the lead unit": (official("inspector", LEAD), ""),
    "inspector, also chief of the lead unit": (official("inspector", OFFICE_UNIT, ("township_chief", LEAD)), ""),
    "inspector, also of another township": (
        official("inspector", OFFICE_UNIT, ("handler", OTHER)), "verifier inspector",
    ),
}  # fmt: skip
REPORTERS = ("reporter", "another resident", "receipt of the report", "receipt of another report")
EVERYBODY = (*CAST, *REPORTERS)


def everybody(work: Work, case: Case) -> dict[str, tuple[Actor, str]]:
    """The cast with the reporters of this case, and with those of another one."""
    held_by = case.merged_into_id or case.id
    mine = report_of(work, work.session.get_one(Case, held_by))  # the oldest: that of the merged case, not the target's
    other = report_of(work, submitted(work))
    return CAST | {
        "reporter": (Actor(role="resident", account_id=mine.account_id), "reporter"),
        "another resident": (Actor(role="resident", account_id=other.account_id), ""),
        "receipt of the report": (Actor(role="receipt", report_id=mine.id), "reporter"),
        "receipt of another report": (Actor(role="receipt", report_id=other.id), ""),
    }


def row_for(state: str, action: str, capacities: str) -> Row | None:
    held = set(capacities.split())
    return next(
        (r for r in LISTED if r.action == action and state in r.froms.split() and held & set(r.who.split())), None
    )


def ask_first(work: Work, case: Case, action: str) -> None:
    """Let the lead unit ask what this action answers, or a reporter add what the office reads first."""
    question = QUESTIONS.get(action)
    if action == "forward":
        work.session.add(
            Supplement(id=ADDED, report_id=report_of(work, case).id, text="x", forwarded_text="x", created_at=work.now)
        )
        work.session.flush()
    if question:
        act(work, case, HANDLER, question, **form_of(work, question))


def form_of(work: Work, action: str) -> dict[str, Any]:
    return {key: value(work) if callable(value) else value for key, value in FORMS[action].items()}


@pytest.fixture
def work(app: APIFlask) -> Iterator[Work]:
    with undone(app) as found:
        yield found


# ---- the whole table -------------------------------------------------------------------------------------------------


def test_the_list_and_the_code_name_the_same_actions_states_and_capacities() -> None:
    """Whoever adds an action to states.TABLE adds its rows to LISTED, from the design, and its form to FORMS."""
    assert set(states.ACTIONS) == {row.action for row in LISTED}
    assert set(FORMS) == {row.action for row in LISTED}
    assert set(states.STATES) == set(STATES)
    known = {word for row in LISTED for word in row.who.split()}
    assert {who for row in states.TABLE for who in row.who} == known
    assert known == {word for _, words in CAST.values() for word in words.split()} | {"reporter"}


@pytest.mark.parametrize("state", STATES)
def test_everybody_tries_every_action(work: Work, state: str) -> None:
    """In this state: who may, and where the case then is; who may not, and that nothing then has changed."""
    case = case_in(work, state, source="patrol")
    assert case.state == state
    start, people = work.now, everybody(work, case)
    wrong, tried = [], 0
    for name, (actor, capacities) in people.items():
        for action in FORMS:
            row = row_for(state, action, capacities)
            work.now = start + LATER if row and row.when == AFTER_THE_WINDOWS else start
            case_id, version = case.id, case.version
            part = work.session.begin_nested()
            prepare(work, case, row)
            form = form_of(work, action)
            if row:
                ask_first(work, case, action)
            if row and action == "claim":
                enrol(work, actor)
            outcome = _outcome(work, case, actor, action, form)
            expected = (state if row.to == "=" else row.to) if row else "refused"
            if outcome != expected:
                wrong.append(f"{action} by {name}: {outcome}, listed: {expected}")
            part.rollback()
            work.session.refresh(case)
            assert (case.id, case.version, case.state) == (case_id, version, state)
            tried += 1
    work.now = start
    assert not wrong
    assert tried == len(EVERYBODY) * len(FORMS)


def prepare(work: Work, case: Case, row: Row | None) -> None:
    """What some rows take for granted: units called that have not answered, a planned look-back, a risk source."""
    if row is not None and row.when == IN_AN_EMERGENCY:
        act(work, case, OFFICE, "declare_emergency", plan="water_pollution", reason="流入河道")
    if row is not None and row.when == PLANNED:
        follow_ups.plan(work, case, {"reason": "群众关注"})
    if row is not None and row.when == LINKED:
        case.risk_source = "FX-002"


def _outcome(work: Work, case: Case, actor: Actor, action: str, form: dict[str, Any]) -> str:
    """The state after the action, or "refused"; either with the events that belong to it."""
    before, version, refused = case.state, case.version, ""
    try:
        act(work, case, actor, action, **form)
    except (Forbidden, Conflict) as fault:
        refused = fault.code
    work.session.flush()
    newer = list(work.session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.seq > version)))
    if refused:
        assert refused in ("not_yours_to_do", "wrong_state"), refused
        assert (case.state, case.version, newer) == (before, version, [])
        return "refused"
    assert [(e.seq, e.action, e.from_state, e.to_state, e.actor, e.role) for e in newer] == [
        (version + 1, action, before, case.state, actor.label, actor.role)
    ]
    return case.state


@pytest.mark.parametrize("state", STATES)
def test_what_is_offered_is_what_is_listed(work: Work, state: str) -> None:
    """`allowed_actions` now, and once all windows are over: then the archive, and no appeal or dispute."""
    case = case_in(work, state, source="patrol")
    start = work.now
    for name, (actor, capacities) in everybody(work, case).items():
        rows = [row for action in FORMS if (row := row_for(state, action, capacities))]
        work.now = start
        assert {row.action for row in states.allowed(work, case, actor)} == {
            row.action for row in rows if row.when == NOW
        }, name
        work.now = start + LATER
        assert {row.action for row in states.allowed(work, case, actor)} == {
            row.action
            for row in rows
            if row.action not in ("return", "appeal", "dispute", "ask_extension")
            and row.when not in (ASKED, IN_AN_EMERGENCY, PLANNED, LINKED)
        }, name


# ---- guards ----------------------------------------------------------------------------------------------------------


def test_a_unit_may_return_until_its_limit_to_the_second_and_not_after(work: Work) -> None:
    case = case_in(work, "assigned")
    limit = work.session.scalars(select(Clock).where(Clock.case_id == case.id, Clock.kind == "refuse")).one().due_at
    assert limit == datetime(2026, 6, 3, 15, 59, 59, tzinfo=UTC)  # two working days after Monday, to the end of the day
    work.now = limit + timedelta(seconds=1)
    assert "return" not in {row.action for row in states.allowed(work, case, HANDLER)}
    assert fault_of(lambda: act(work, case, HANDLER, "return", reason="晚了")).code == "too_late_to_return"
    work.now = limit
    assert act(work, case, HANDLER, "return", reason="不属本辖区").state == "triage"


def test_a_ruled_case_cannot_be_returned_not_even_after_a_reassignment(work: Work) -> None:
    case = case_in(work, "triage")
    act(work, case, OFFICE, "rule", unit=LEAD, reason="经核实属本镇")
    assert fault_of(lambda: act(work, case, HANDLER, "return", reason="仍不属")).code == "ruled"
    act(work, case, OFFICE, "reassign", unit=NEXT, reason="改由邻镇")
    other = official("handler", NEXT)
    assert fault_of(lambda: act(work, case, other, "return", reason="不属")).code == "ruled"
    assert act(work, case, other, "accept").state == "accepted"


def test_a_ruling_needs_a_refusal(work: Work) -> None:
    case = submitted(work)
    act(work, case, ROUTING, "hold", why="no_unit", reason="附近没有乡镇。")
    assert fault_of(lambda: act(work, case, OFFICE, "rule", unit=LEAD, reason="裁定")).code == "never_refused"
    assert "rule" not in {row.action for row in states.allowed(work, case, OFFICE)}


@pytest.mark.parametrize("action", ["assign", "hold", "merge"])
def test_routing_never_touches_a_case_that_was_assigned(work: Work, action: str) -> None:
    case = submitted(work)
    case.ever_assigned = True
    form = form_of(work, action)
    assert fault_of(lambda: act(work, case, ROUTING, action, **form)).code == "assigned_before"


def reporter_of(work: Work, case: Case) -> Actor:
    return Actor(role="resident", account_id=report_of(work, case).account_id)


def test_one_appeal_and_only_in_time(work: Work) -> None:
    case = case_in(work, "rejected")
    who = reporter_of(work, case)
    work.now = datetime(2026, 6, 8, 16, 0, tzinfo=UTC)  # the fifth working day is the 8th; midnight in Shanghai
    assert fault_of(lambda: act(work, case, who, "appeal", reason="仍在")).code == "too_late_to_appeal"
    work.now -= timedelta(seconds=1)
    assert act(work, case, who, "appeal", reason="仍在").state == "triage"
    act(work, case, OFFICE, "reject", reason="仍不属")
    assert fault_of(lambda: act(work, case, who, "appeal", reason="还在")).code == "appealed_before"
    receipt = Actor(role="receipt", report_id=report_of(work, case).id)
    assert fault_of(lambda: act(work, case, receipt, "appeal", reason="还在")).code == "appealed_before"


def test_one_dispute_and_only_in_time(work: Work) -> None:
    case = case_in(work, "closed")
    who = reporter_of(work, case)
    over = deadlines.after(work, MONDAY, 10)
    work.now = over + timedelta(seconds=1)
    assert fault_of(lambda: act(work, case, who, "dispute", reason="没清")).code == "too_late_to_dispute"
    work.now = over
    assert act(work, case, who, "dispute", reason="没清").state == "closed"
    assert fault_of(lambda: act(work, case, who, "dispute", reason="没清")).code == "disputed_before"


def test_nothing_is_archived_while_it_can_be_disputed(work: Work) -> None:
    case = case_in(work, "closed")
    assert fault_of(lambda: act(work, case, TIMER, "archive")).code == "dispute_window_open"


def test_only_what_a_patrol_found_is_settled_on_the_spot(work: Work) -> None:
    case = submitted(work)
    chief, form = official("township_chief", LEAD), form_of(work, "settle_on_spot")
    assert fault_of(lambda: act(work, case, chief, "settle_on_spot", **form)).code == "not_from_patrol"


def test_nobody_verifies_what_they_settled_or_asked_for_whatever_they_are_today(work: Work) -> None:
    """A person who moved from the unit to the office, and a county chief who settled on the spot."""
    case = case_in(work, "in_review")
    moved = replace(OFFICE, person_id=HANDLER.person_id)
    for action in ("close", "send_back"):
        assert fault_of(lambda a=action: act(work, case, moved, a, reason="x")).code == "not_yours_to_do"
    assert not {"close", "send_back"} & {row.action for row in states.allowed(work, case, moved)}
    chief = official("county_chief", OFFICE_UNIT)
    found = submitted(work, source="patrol")
    act(work, found, chief, "settle_on_spot", **form_of(work, "settle_on_spot"))
    assert fault_of(lambda: act(work, found, chief, "close")).code == "not_yours_to_do"
    assert act(work, found, OFFICE, "close").state == "closed"


@pytest.mark.parametrize("blank", ["", " ", "\t \n", "\u3000\u3000", "\u200b", "\u2060 \ufeff", None])
@pytest.mark.parametrize("action", [action for action, form in FORMS.items() if "reason" in form and action != "hold"])
def test_spaces_are_no_reason(work: Work, action: str, blank: str | None) -> None:
    row = next(row for row in LISTED if row.action == action and row.who != "routing")
    case = case_in(work, row.froms.split()[0])
    prepare(work, case, row)
    people = everybody(work, case)
    actor = next(who for who, capacities in people.values() if set(row.who.split()) & set(capacities.split()))
    ask_first(work, case, action)
    version, form = case.version, form_of(work, action) | {"reason": blank}
    fault = fault_of(lambda: act(work, case, actor, action, **form))
    assert (fault.code, fault.extra["field"]) == ("missing_field", "reason")
    assert (case.state, case.version) == (row.froms.split()[0], version)


NEEDED = [
    (action, key)
    for action, form in FORMS.items()
    for key in form
    if (action, key)
    not in {("assign", "assisting"), ("hold", "why"), ("hold", "reason"), ("declare_emergency", "assisting")}
]


@pytest.mark.parametrize(("action", "key"), NEEDED)
def test_a_form_without_what_the_action_needs_changes_nothing(work: Work, action: str, key: str) -> None:
    row = next(row for row in LISTED if row.action == action and row.who != "routing")
    state = row.froms.split()[0]
    case = case_in(work, state, source="patrol")
    prepare(work, case, row)
    people = everybody(work, case).values()
    actor = next(who for who, capacities in people if set(row.who.split()) & set(capacities.split()))
    form = form_of(work, action)
    del form[key]
    ask_first(work, case, action)
    version = case.version
    fault = fault_of(lambda: act(work, case, actor, action, **form))
    assert (fault.code, fault.extra["field"], fault.status) == ("missing_field", key, 422)
    assert (case.state, case.version) == (state, version)


# ---- merging and splitting -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", STATES)
def test_a_case_is_merged_only_into_an_open_one(work: Work, state: str) -> None:
    target = case_in(work, state)
    work.now = MONDAY
    case = case_in(work, "assigned")
    if state in ("submitted", "triage", "assigned", "accepted", "rectifying", "in_review"):
        act(work, case, OFFICE, "merge", target=target.id, reason="同一问题")
        assert (case.state, case.merged_into_id, case.lead_unit) == ("merged", target.id, None)
        return
    fault = fault_of(lambda: act(work, case, OFFICE, "merge", target=target.id, reason="同一问题"))
    assert fault.code == "target_not_open"
    assert case.state == "assigned"


def test_a_case_is_merged_neither_into_itself_nor_into_nothing(work: Work) -> None:
    case = case_in(work, "assigned")
    for target in (case.id, uuid.uuid4()):
        fault = fault_of(lambda t=target: act(work, case, OFFICE, "merge", target=t, reason="同一问题"))
        assert fault.code == "target_not_open"


def test_the_reporter_follows_the_target_of_a_merge_and_comes_back_by_a_split(work: Work) -> None:
    case, target = case_in(work, "accepted"), case_in(work, "assigned")
    who = reporter_of(work, case)
    act(work, case, OFFICE, "merge", target=target.id, reason="同一问题")
    assert states.capacities(work, case, who) == set()
    assert states.capacities(work, target, who) == {"reporter"}
    assert not work.session.scalars(
        select(Clock).where(Clock.case_id == case.id, Clock.stopped_at.is_(None))
    ).all()  # a merged case never escalates
    assert not work.session.scalars(
        select(Assignment).where(Assignment.case_id == case.id, Assignment.ended_at.is_(None))
    ).all()
    act(work, case, OFFICE, "split", reason="不是同一处")
    assert states.capacities(work, case, who) == {"reporter"}
    assert states.capacities(work, target, who) == set()


@pytest.mark.parametrize("first", ["a", "b"])
def test_a_chain_of_merges_is_split_in_either_order(work: Work, first: str) -> None:
    """a into b, b into c: each gets back exactly the report that it came with."""
    a, b, c = (case_in(work, "assigned") for _ in range(3))
    mine = {name: report_of(work, case).id for name, case in (("a", a), ("b", b), ("c", c))}
    act(work, a, OFFICE, "merge", target=b.id, reason="同一问题")
    act(work, b, OFFICE, "merge", target=c.id, reason="同一问题")
    for case in (a, b) if first == "a" else (b, a):
        act(work, case, OFFICE, "split", reason="不是同一处")
    held = {
        name: list(work.session.scalars(select(Report.id).where(Report.case_id == case.id)))
        for name, case in (("a", a), ("b", b), ("c", c))
    }
    assert held == {name: [report] for name, report in mine.items()}


# ---- who, which version, which unit ----------------------------------------------------------------------------------


def test_a_case_that_does_not_exist(work: Work) -> None:
    work.actor = OFFICE
    with pytest.raises(NotFound):
        states.act(work, uuid.uuid4(), "close", {})


def test_a_stale_version_learns_what_changed(work: Work) -> None:
    case = case_in(work, "assigned")
    seen = case.version
    act(work, case, HANDLER, "accept")
    work.actor = HANDLER
    fault = fault_of(lambda: states.act(work, case.id, "accept", {}, seen))
    assert fault.code == "stale_version"
    assert fault.extra["version"] == seen + 1
    assert [change["action"] for change in fault.extra["changes"]] == ["accept"]


@pytest.mark.parametrize("unit", ["530199999", "", OFFICE_UNIT, "清源县"])
def test_only_townships_and_departments_lead(work: Work, unit: str) -> None:
    case = case_in(work, "triage")
    fault = fault_of(lambda: act(work, case, OFFICE, "assign", unit=unit, reason="属地"))
    assert fault.extra["field"] == "unit"
    assert case.state == "triage"


def test_an_unknown_assisting_unit_is_refused(work: Work) -> None:
    case = case_in(work, "triage")
    fault = fault_of(lambda: act(work, case, OFFICE, "assign", unit=LEAD, assisting=["x"], reason="属地"))
    assert (fault.code, fault.extra["field"]) == ("unknown_unit", "assisting")


def test_a_former_lead_unit_has_no_say(work: Work) -> None:
    case = case_in(work, "accepted")
    act(work, case, OFFICE, "reassign", unit=NEXT, reason="属邻镇")
    assert fault_of(lambda: act(work, case, HANDLER, "accept")).code == "not_yours_to_do"
    assert act(work, case, official("head", NEXT), "accept").state == "accepted"


def test_a_plan_for_yesterday_is_refused_by_the_calendar_of_china(work: Work) -> None:
    case = case_in(work, "accepted")
    work.now = datetime(2026, 6, 1, 16, 30, tzinfo=UTC)  # half past midnight of the 2nd in Shanghai
    yesterday = STARTED | {"date": datetime(2026, 6, 1, tzinfo=UTC).date()}
    assert fault_of(lambda: act(work, case, HANDLER, "start", **yesterday)).code == "date_past"
    today = STARTED | {"date": datetime(2026, 6, 2, tzinfo=UTC).date()}
    assert act(work, case, HANDLER, "start", **today).state == "rectifying"


def test_evidence_that_belongs_to_another_case_is_refused(work: Work) -> None:
    first, second = case_in(work, "rectifying"), case_in(work, "rectifying")
    used = photo(work)
    act(work, first, HANDLER, "request_closure", photos=[used], done="已清理")
    fault = fault_of(lambda: act(work, second, HANDLER, "request_closure", photos=[used], done="已清理"))
    assert fault.code == "photo_used"
    assert second.state == "rectifying"


# ---- clocks ----------------------------------------------------------------------------------------------------------


RUNNING = {
    "submitted": set(),
    "triage": {("triage", OFFICE_UNIT), ("rectify", OFFICE_UNIT)},  # returned: only asking for closure stops it
    "assigned": {("accept", LEAD), ("refuse", LEAD), ("rectify", LEAD)},
    "accepted": {("rectify", LEAD)},
    "rectifying": {("rectify", LEAD)},
    "in_review": {("review", OFFICE_UNIT)},
    "closed": set(),
    "archived": set(),
    "rejected": set(),
    "merged": set(),
    "transferred": set(),
    "withdrawn": set(),
}


@pytest.mark.parametrize("state", STATES)
def test_which_clocks_run_in_a_state(work: Work, state: str) -> None:
    case = case_in(work, state)
    running = work.session.scalars(select(Clock).where(Clock.case_id == case.id, Clock.stopped_at.is_(None)))
    assert {(clock.kind, clock.holder) for clock in running} == RUNNING[state]


def test_the_rectifying_clock_stops_at_the_request_and_goes_on_where_it_stopped(work: Work) -> None:
    """Five working days from Monday the 1st; asked on the 3rd with three left; back on the 10th: until the 15th."""
    case = case_in(work, "rectifying")
    assert case.first_rectify_by == datetime(2026, 6, 8, 15, 59, 59, tzinfo=UTC)
    work.now = MONDAY + timedelta(days=2)
    act(work, case, HANDLER, "request_closure", **form_of(work, "request_closure"))
    work.now = MONDAY + timedelta(days=9)
    act(work, case, OFFICE, "send_back", reason="还有残留")
    clock = deadlines.running(work, case, "rectify")
    assert clock is not None
    assert clock.due_at == datetime(2026, 6, 15, 15, 59, 59, tzinfo=UTC)
    assert case.rounds == 1


def test_refusal_and_reassignment_do_not_reset_the_rectifying_clock(work: Work) -> None:
    case = case_in(work, "assigned")
    first = case.first_rectify_by
    work.now = MONDAY + timedelta(days=1)
    act(work, case, OFFICE, "reassign", unit=NEXT, reason="属邻镇")
    clock = deadlines.running(work, case, "rectify")
    assert clock is not None
    assert (clock.holder, clock.due_at, case.first_rectify_by) == (NEXT, first, first)
    act(work, case, official("handler", NEXT), "return", reason="也不属")
    work.now = MONDAY + timedelta(days=2)
    act(work, case, OFFICE, "assign", unit=LEAD, reason="属地")
    clock = deadlines.running(work, case, "rectify")
    assert clock is not None
    assert (clock.holder, clock.due_at) == (LEAD, first)  # it ran on while the office held the case
    assert case.first_rectify_by == first


def test_a_recurrence_starts_a_new_clock_and_keeps_the_history(work: Work) -> None:
    case = case_in(work, "closed")
    work.now = MONDAY + timedelta(days=3)
    act(work, case, OFFICE, "fail_follow_up", **form_of(work, "fail_follow_up"))
    clock = deadlines.running(work, case, "rectify")
    assert clock is not None
    assert clock.due_at == datetime(2026, 6, 11, 15, 59, 59, tzinfo=UTC)
    actions = work.session.scalars(
        select(CaseEvent.action).where(CaseEvent.case_id == case.id).order_by(CaseEvent.seq)
    ).all()
    assert actions == ["submit", "assign", "accept", "start", "request_closure", "close", "fail_follow_up"]


def test_the_accounts_of_the_cast_are_nobodys_reports(work: Work) -> None:
    case = case_in(work, "closed")
    assert states.capacities(work, case, Actor(role="resident", account_id=account(work).id)) == set()
    assert states.capacities(work, case, Actor(role="resident")) == set()
