"""Many reports on one township at once are shown to the office, once for so many, and nobody is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from apiflask import APIFlask
from sqlalchemy import select

from backend.domain import report_surges
from backend.models import Notice, Report, ReportSurge
from backend.rules.report_surges import SurgeRules
from backend.work import Work
from tests.domain.ledger import (
    HANDLER,
    LEAD,
    MONDAY,
    OFFICE,
    OFFICE_UNIT,
    OTHER,
    account,
    enrolled,
    report_of,
    submitted,
    undone,
)


@pytest.fixture
def work(app: APIFlask, clean: None) -> Iterator[Work]:
    with undone(app) as found:
        surges = SurgeRules(reports=3, hours=6, shown_days=2)
        rules = found.county.rules.model_copy(update={"report_surges": surges})
        found.county = found.county.model_copy(update={"rules": rules})
        yield found


def arrives(work: Work, hours: float = 0, unit: str = LEAD, **changes: object) -> Report:
    """A report that came so many hours after Monday morning, looked at as the worker does."""
    work.now = MONDAY + timedelta(hours=hours)
    case = submitted(work)
    case.lead_unit = unit
    report = report_of(work, case)
    for name, value in changes.items():
        setattr(report, name, value)
    work.session.flush()
    report_surges.watch(work, case.id)
    return report


def told(work: Work) -> list[tuple[str, int]]:
    rows = work.session.scalars(select(ReportSurge).order_by(ReportSurge.at, ReportSurge.id))
    return [(surge.unit_code, surge.reports) for surge in rows]


def test_the_third_report_within_the_hours_is_told_of_and_the_next_three_again(work: Work) -> None:
    for n, expected in enumerate([0, 0, 1, 1, 1, 2]):
        arrives(work, hours=n / 4)
        assert len(told(work)) == expected
    assert told(work) == [(LEAD, 3), (LEAD, 3)]


def test_reports_spread_over_days_or_townships_are_no_surge(work: Work) -> None:
    for n, unit in enumerate([LEAD, OTHER, LEAD, OTHER]):
        arrives(work, hours=n, unit=unit)
    for n in range(4):
        arrives(work, hours=24 + 7 * n)
    assert told(work) == []


def test_the_same_report_looked_at_twice_is_counted_once(work: Work) -> None:
    for _ in range(2):
        report = arrives(work)
        report_surges.watch(work, report.case_id)
        report_surges.watch(work, report.case_id)
    assert told(work) == []


def test_what_chiefs_find_and_other_houses_send_does_not_count(work: Work) -> None:
    for n in range(5):
        arrives(work, hours=n / 4, source="patrol" if n % 2 else "hotline")
    assert told(work) == []


def test_what_the_office_reads_first_counts_for_the_township_that_it_is_about(work: Work) -> None:
    """A bomb of accusations against a township is held in triage, without a unit."""
    for n in range(3):
        work.now = MONDAY + timedelta(minutes=n)
        case = submitted(work)
        case.lead_unit, case.routing = None, {"lead": LEAD, "assisting": [], "departments": []}
        work.session.flush()
        report_surges.watch(work, case.id)
    assert told(work) == [(LEAD, 3)]


def test_the_office_alone_is_told_how_many_hands_were_at_work(work: Work) -> None:
    clerk = enrolled(work, "office", OFFICE_UNIT)
    handler = enrolled(work, "handler", LEAD)
    one = account(work).id
    arrives(work, account_id=one)
    arrives(work, account_id=one)
    arrives(work, account_id=None, privacy="anonymous")
    notices = list(work.session.scalars(select(Notice).where(Notice.kind == "report_surge")))
    assert clerk.person_id in {notice.person_id for notice in notices}
    assert handler.person_id not in {notice.person_id for notice in notices}
    assert "6小时内收到3件群众举报，其中匿名1件，其余来自1个账号。" in notices[0].body
    work.actor = OFFICE
    assert len(report_surges.recent(work)) == 1
    work.actor = HANDLER
    assert report_surges.recent(work) == []
    work.actor, work.now = OFFICE, work.now + timedelta(days=3)
    assert report_surges.recent(work) == []
