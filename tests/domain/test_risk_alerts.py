"""A source with too many cases in too few days calls for attention, once for each case."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from apiflask import APIFlask
from sqlalchemy import select

from backend.domain import risk_alerts
from backend.models import Case, Deferred, Notice, RiskSourceAlert, RosterRole
from backend.rules.risk_sources import Alert
from backend.work import Work
from tests.domain.ledger import LEAD, MONDAY, OFFICE, OFFICE_UNIT, act, case_in, on_roster, submitted, undone

SOURCE = "FX-003"  # a plant of 双河镇, on QSH-05


@pytest.fixture
def work(app: APIFlask, clean: None) -> Iterator[Work]:
    with undone(app) as found:
        for role in found.session.scalars(select(RosterRole)):
            found.session.delete(role)
        with_alerts(found, Alert(cases=3, days=30))
        yield found


def with_alerts(work: Work, *alerts: Alert) -> None:
    rules = work.county.rules.risk_sources.model_copy(update={"alerts": alerts})
    work.county = work.county.model_copy(update={"rules": work.county.rules.model_copy(update={"risk_sources": rules})})


def another(work: Work, days: float = 0) -> Case:
    """A case on the source that came so many days after Monday, looked at as the worker does."""
    work.now = MONDAY + timedelta(days=days)
    case = submitted(work)
    case.risk_source = SOURCE
    work.session.flush()
    risk_alerts.watch(work, case.id)
    return case


def alerts(work: Work) -> list[int]:
    found = work.session.scalars(select(RiskSourceAlert).order_by(RiskSourceAlert.id))
    return [len(alert.cases) for alert in found]


def test_the_third_case_within_the_days_calls_and_the_next_three_call_again(work: Work) -> None:
    for n, expected in enumerate([0, 0, 1, 1, 1, 2]):
        another(work, days=n)
        assert len(alerts(work)) == expected
    assert alerts(work) == [3, 3]


def test_cases_too_far_apart_do_not(work: Work) -> None:
    for days in (0, 16, 31, 47):
        another(work, days=days)
    assert alerts(work) == []
    another(work, days=48)
    assert alerts(work) == [3]


def test_merged_and_rejected_cases_are_not_counted(work: Work) -> None:
    first = another(work)
    target = case_in(work, "accepted")
    act(work, first, OFFICE, "merge", target=target.id, reason="同一问题")
    another(work, days=1)
    another(work, days=2)
    assert alerts(work) == []


def test_looking_twice_says_nothing_twice(work: Work) -> None:
    cases = [another(work) for _ in range(3)]
    for case in cases:
        risk_alerts.watch(work, case.id)
    assert alerts(work) == [3]


def test_rules_for_other_kinds_and_cases_without_a_source_are_left_alone(work: Work) -> None:
    with_alerts(work, Alert(cases=2, days=30, kinds=("water_intake",)))
    for _ in range(4):
        another(work)
    risk_alerts.watch(work, submitted(work).id)
    assert alerts(work) == []


def test_the_office_the_unit_and_the_chiefs_of_the_reach_are_told(work: Work) -> None:
    since = (MONDAY - timedelta(days=9), None)
    clerk = on_roster(work, ("office", OFFICE_UNIT, *since))
    head = on_roster(work, ("head", "530199007", *since))
    chief = on_roster(work, ("county_chief", OFFICE_UNIT, *since))
    work.session.scalars(select(RosterRole).where(RosterRole.person_id == chief)).one().reaches = ["QSH-05"]
    on_roster(work, ("head", LEAD, *since), ("county_chief", OFFICE_UNIT, *since))
    for _ in range(3):
        another(work)
    told = work.session.scalars(select(Notice).where(Notice.kind == "risk_alert")).all()
    assert {notice.person_id for notice in told} == {clerk, head, chief}
    assert told[0].body == "双河镇食品加工厂30天内新增3件案件，请核查源头。"


def test_routing_and_the_office_have_it_looked_at(work: Work) -> None:
    case = case_in(work, "assigned")
    act(work, case, OFFICE, "link_source", risk_source=SOURCE, reason="来自该厂")
    rows = work.session.scalars(select(Deferred.args).where(Deferred.name == "watch_risk_source")).all()
    assert [str(case.id)] in rows
