"""Handlers, and the deputies who stand in for them: who is told, who may act, and for whom the record says it was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from apiflask import APIFlask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from backend.domain import delegations, deputies, handlers, notices, states
from backend.domain.actors import Actor
from backend.domain.delegations import DelegationForm
from backend.domain.faults import Fault
from backend.models import Case, CaseEvent, Delegation, Notice, RosterRole
from backend.work import Work
from tests.domain.ledger import (
    ASSISTING,
    LEAD,
    MONDAY,
    OFFICE,
    OTHER,
    act,
    case_in,
    code_of,
    enrolled,
    official,
    undone,
)

TODAY = date(2026, 6, 1)


class Unit:
    """The people of the lead unit: a head and three handlers, all on the roster and nobody else."""

    def __init__(self, work: Work) -> None:
        self.work = work
        others = update(RosterRole).where(RosterRole.unit_code == LEAD, RosterRole.ended_at.is_(None))
        work.session.execute(others.values(ended_at=work.now - timedelta(days=1)))
        self.head = enrolled(work, "head", LEAD, name="主任")
        self.a, self.b, self.c = (enrolled(work, "handler", LEAD, name=name) for name in ("甲", "乙", "丙"))

    def form(self, person: Actor, deputy: Actor, days: tuple[int, int] = (0, 4), **changes: Any) -> DelegationForm:
        given = {
            "person_id": person.person_id, "deputy_id": deputy.person_id, "unit": LEAD, "reason": "年休假",
            "from_on": TODAY + timedelta(days=days[0]), "to_on": TODAY + timedelta(days=days[1]),
        }  # fmt: skip
        return DelegationForm(**{**given, **changes})

    def delegate(self, person: Actor, deputy: Actor, days: tuple[int, int] = (0, 4), by: Actor | None = None, **c: Any
    ) -> Delegation:  # fmt: skip
        before, self.work.actor = self.work.actor, by or person
        try:
            return delegations.make(self.work, self.form(person, deputy, days, **c))
        finally:
            self.work.actor = before

    def today(self, actor: Actor) -> Actor:
        """The actor as a request sees them now."""
        return deputies.with_stand_ins(self.work, actor)


@pytest.fixture
def work(app: APIFlask) -> Iterator[Work]:
    with undone(app) as found:
        yield found


@pytest.fixture
def unit(work: Work) -> Unit:
    return Unit(work)


def last_event(work: Work, case: Case) -> CaseEvent:
    return work.session.scalars(
        select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.seq.desc()).limit(1)
    ).one()


def told(work: Work, case: Case) -> set[UUID | None]:
    """Who of the lead unit is told of the case's last event."""
    event = last_event(work, case)
    notices.tell(work, case.id, event.seq)
    key = f"{case.id}/{event.seq}/p%"
    found = set(work.session.scalars(select(Notice.person_id).where(Notice.key.like(key))))
    return found & deputies.colleagues(work, LEAD).keys()


def ids(*people: Actor) -> set[UUID | None]:
    return {person.person_id for person in people}


# ---- handlers --------------------------------------------------------------------------------------------------------


def test_without_a_handler_everybody_of_the_unit_is_told_and_then_the_handler_alone(work: Work, unit: Unit) -> None:
    case = case_in(work, "assigned")
    assert told(work, case) == ids(unit.head, unit.a, unit.b, unit.c)
    act(work, case, unit.a, "claim")
    act(work, case, OFFICE, "reject", reason="不属河湖")
    assert set(handlers.recipients(work, case, LEAD)) == ids(unit.head, unit.a, unit.b, unit.c)  # it holds it no more
    other = case_in(work, "assigned")
    act(work, other, unit.a, "claim")
    assert handlers.recipients(work, other, LEAD) == [unit.a.person_id]


def test_a_case_is_claimed_once_and_only_the_head_gives_it_to_another(work: Work, unit: Unit) -> None:
    case = case_in(work, "accepted")
    act(work, case, unit.a, "claim")
    assert code_of(lambda: act(work, case, unit.b, "claim")) == "claimed"
    assert code_of(lambda: act(work, case, unit.b, "allocate", handler=unit.b.person_id)) == "not_yours_to_do"
    act(work, case, unit.head, "allocate", handler=unit.b.person_id)
    assert told(work, case) == ids(unit.b)
    assert last_event(work, case).data == {"handler": str(unit.b.person_id), "before": str(unit.a.person_id)}
    assert code_of(lambda: act(work, case, unit.head, "allocate", handler=unit.b.person_id)) == "handles_already"


def test_whoever_handles_a_case_everybody_of_the_unit_may_act(work: Work, unit: Unit) -> None:
    case = case_in(work, "assigned")
    act(work, case, unit.a, "claim")
    assert act(work, case, unit.b, "accept").state == "accepted"
    assert "for_person" not in last_event(work, case).data


def test_a_handler_must_be_of_the_unit(work: Work, unit: Unit) -> None:
    case = case_in(work, "accepted")
    elsewhere = enrolled(work, "handler", OTHER)
    call = lambda: act(work, case, unit.head, "allocate", handler=elsewhere.person_id)  # noqa: E731
    assert code_of(call) == "handler_not_in_unit"


def test_an_assisting_unit_has_its_own_handler(work: Work, unit: Unit) -> None:
    case = case_in(work, "accepted")
    helper = enrolled(work, "handler", ASSISTING)
    act(work, case, unit.a, "claim")
    act(work, case, helper, "claim")
    assert handlers.recipients(work, case, ASSISTING) == [helper.person_id]
    assert handlers.recipients(work, case, LEAD) == [unit.a.person_id]


def test_when_the_handler_has_left_the_unit_everybody_is_told_again_and_may_claim(work: Work, unit: Unit) -> None:
    case = case_in(work, "accepted")
    act(work, case, unit.a, "claim")
    role = work.session.scalars(select(RosterRole).where(RosterRole.person_id == unit.a.person_id)).one()
    role.ended_at = work.now
    work.session.flush()
    assert set(handlers.recipients(work, case, LEAD)) == ids(unit.head, unit.b, unit.c)
    act(work, case, unit.b, "claim")
    assert handlers.recipients(work, case, LEAD) == [unit.b.person_id]


# ---- deputies --------------------------------------------------------------------------------------------------------


def test_the_deputy_is_told_acts_and_the_record_says_for_whom(work: Work, unit: Unit) -> None:
    case = case_in(work, "assigned")
    act(work, case, unit.a, "claim")
    unit.delegate(unit.a, unit.b)
    assert handlers.recipients(work, case, LEAD) == [unit.a.person_id, unit.b.person_id]
    act(work, case, unit.today(unit.b), "accept")
    event = last_event(work, case)
    assert (event.actor, event.data["for_person"]) == (f"person:{unit.b.person_id}", str(unit.a.person_id))


def test_also_the_action_that_ends_the_assignment_names_for_whom(work: Work, unit: Unit) -> None:
    case = case_in(work, "assigned")
    act(work, case, unit.a, "claim")
    unit.delegate(unit.a, unit.b)
    act(work, case, unit.today(unit.b), "return", reason="不属本辖区")
    assert last_event(work, case).data["for_person"] == str(unit.a.person_id)


def test_on_another_case_the_deputy_acts_for_nobody(work: Work, unit: Unit) -> None:
    case = case_in(work, "assigned")
    act(work, case, unit.c, "claim")
    unit.delegate(unit.a, unit.b)
    act(work, case, unit.today(unit.b), "accept")
    assert "for_person" not in last_event(work, case).data


def test_the_deputy_of_the_head_may_allocate_and_name_deputies(work: Work, unit: Unit) -> None:
    case = case_in(work, "accepted")
    assert "allocate" not in {row.action for row in states.allowed(work, case, unit.today(unit.a))}
    unit.delegate(unit.head, unit.a)
    stands_in = unit.today(unit.a)
    act(work, case, stands_in, "allocate", handler=unit.b.person_id)
    assert last_event(work, case).data["for_person"] == str(unit.head.person_id)
    assert unit.delegate(unit.c, unit.b, by=stands_in).made_by == stands_in.label


@pytest.mark.parametrize(("day", "there"), [(-1, False), (0, True), (4, True), (5, False)])
def test_a_deputy_stands_in_from_the_first_day_to_the_last_by_the_calendar_of_china(
    work: Work, unit: Unit, day: int, there: bool
) -> None:
    unit.delegate(unit.a, unit.b, (1, 5))
    for hour in (16, 39):  # midnight of that day in Shanghai, and just before the next
        work.now = datetime(2026, 6, 1, tzinfo=UTC) + timedelta(days=day, hours=hour, minutes=-1 if hour == 39 else 0)
        assert bool(unit.today(unit.b).stands_in) == there
        assert (unit.b.person_id in deputies.with_deputies(work, [unit.a.person_id], LEAD)) == there  # type: ignore[list-item]


def test_ended_early_it_ends_at_once(work: Work, unit: Unit) -> None:
    delegation = unit.delegate(unit.a, unit.b)
    work.actor = unit.a
    delegations.end(work, delegation.id)
    assert not unit.today(unit.b).stands_in
    assert code_of(lambda: delegations.end(work, delegation.id)) == "delegation_ended"
    assert unit.delegate(unit.a, unit.c).deputy_id == unit.c.person_id


def test_the_head_and_the_office_set_it_for_somebody_who_fell_ill(work: Work, unit: Unit) -> None:
    unit.delegate(unit.a, unit.b, by=unit.head)
    told_of = set(work.session.scalars(select(Notice.person_id).where(Notice.kind == "delegation_made")))
    assert told_of == ids(unit.a, unit.b)
    unit.delegate(unit.head, unit.c, by=OFFICE)
    others = (unit.b, enrolled(work, "head", OTHER), official("township_chief", LEAD), official("inspector", LEAD))
    for nobody in others:
        assert code_of(lambda who=nobody: unit.delegate(unit.c, unit.b, (8, 9), by=who)) == "not_yours_to_do"


def test_a_deputy_who_left_the_unit_is_told_nothing_and_stands_in_for_nobody(work: Work, unit: Unit) -> None:
    unit.delegate(unit.a, unit.b)
    work.session.execute(delete(RosterRole).where(RosterRole.person_id == unit.b.person_id))
    assert deputies.with_deputies(work, [unit.a.person_id], LEAD) == [unit.a.person_id]  # type: ignore[list-item]
    moved = enrolled(work, "handler", OTHER)
    assert not unit.today(moved).stands_in


BAD = [
    (lambda u: u.form(u.a, u.a), "deputy_is_the_person"),
    (lambda u: u.form(u.a, enrolled(u.work, "handler", OTHER)), "deputy_not_in_unit"),
    (lambda u: u.form(u.a, enrolled(u.work, "village_chief", LEAD)), "deputy_not_in_unit"),
    (lambda u: u.form(enrolled(u.work, "handler", OTHER), u.b), "not_in_unit"),
    (lambda u: u.form(u.a, u.b, reason=" \u3000"), "missing_field"),
    (lambda u: u.form(u.a, u.b, (-1, 3)), "days_past"),
    (lambda u: u.form(u.a, u.b, (3, 2)), "days_reversed"),
    (lambda u: u.form(u.a, u.b, (0, 90)), "too_many_days"),
]


@pytest.mark.parametrize(("form", "code"), BAD, ids=[f"{n}-{code}" for n, (_, code) in enumerate(BAD)])
def test_what_cannot_be_is_refused(work: Work, unit: Unit, form: Any, code: str) -> None:
    wanted = form(unit)
    work.actor = OFFICE
    assert code_of(lambda: delegations.make(work, wanted)) == code


def test_ninety_days_are_allowed(work: Work, unit: Unit) -> None:
    assert unit.delegate(unit.a, unit.b, (0, 89)).to_on == TODAY + timedelta(days=89)


def test_nobody_who_is_away_stands_in_and_nobody_has_two_deputies(work: Work, unit: Unit) -> None:
    unit.delegate(unit.a, unit.b, (2, 6))
    assert code_of(lambda: unit.delegate(unit.a, unit.c, (6, 8))) == "delegated_already"
    assert code_of(lambda: unit.delegate(unit.c, unit.a, (0, 2))) == "deputy_is_away"
    assert code_of(lambda: unit.delegate(unit.b, unit.c, (6, 9))) == "stands_in_already"
    unit.delegate(unit.a, unit.c, (7, 8))
    unit.delegate(unit.b, unit.c, (7, 9))  # one may stand in for two


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 12), st.integers(0, 6), st.booleans()),
        max_size=12,
    )
)
def test_whatever_is_delegated_and_ended_a_notice_reaches_somebody_who_is_there(
    work: Work, unit: Unit, moves: list[tuple[int, int, int, int, bool]]
) -> None:
    """Over random delegations of four people: on no day does the handler's notice reach only people who are away."""
    part = work.session.begin_nested()
    work.now = MONDAY
    people = [unit.head, unit.a, unit.b, unit.c]
    made: list[Delegation] = []
    codes: set[str] = set()
    for one, two, first, length, ends in moves:
        work.actor = OFFICE
        try:
            if ends and made:
                delegations.end(work, made.pop().id)
            else:
                made.append(delegations.make(work, unit.form(people[one], people[two], (first, first + length))))
        except Fault as refused:
            codes.add(refused.code)
    assert codes <= {"delegated_already", "deputy_is_away", "stands_in_already", "deputy_is_the_person"}
    for day in range(20):
        work.now = MONDAY + timedelta(days=day)
        today = TODAY + timedelta(days=day)
        away = {d.person_id for d in made if d.from_on <= today <= d.to_on}
        for person in people:
            reached = set(deputies.with_deputies(work, [person.person_id], LEAD))  # type: ignore[list-item]
            assert reached - away
            for other in reached - {person.person_id}:
                actor = next(who for who in people if who.person_id == other)
                assert person.person_id in {one.person_id for one in unit.today(actor).stands_in}
    work.now = MONDAY
    part.rollback()
