"""The county chief of the reach, the township's own chief, and somebody with two offices, before one case."""

from __future__ import annotations

from sqlalchemy import select

from backend.domain import people
from backend.domain.people import RosterRow
from backend.models import RosterRole
from backend.roster_file import read_roster
from backend.work import unit_of_work
from tests.build import QINGYUAN, Build, phone_of

COUNTY_CHIEF = "19900000003"


def test_the_county_chief_of_the_reach_closes_what_the_townships_chief_may_not(build: Build) -> None:
    case_id, handler = build.case("in_review", at="bank_left")
    lead = handler.get(f"/cases/{case_id}").json["lead_unit"]
    chief = build.official(phone_of(lead, "乡级河长"))
    assert chief.act(case_id, "close").json["code"] == "not_yours_to_do"
    assert build.official(COUNTY_CHIEF).act(case_id, "close").json["state"] == "closed"


def test_the_office_clerk_who_is_also_the_townships_handler_does_not_close_for_it(build: Build) -> None:
    case_id, handler = build.case("in_review")
    lead = handler.get(f"/cases/{case_id}").json["lead_unit"]
    both = build.office()
    assert "close" in {row["action"] for row in both.get(f"/cases/{case_id}").json["allowed_actions"]}
    with unit_of_work() as work:
        rows = read_roster((QINGYUAN / "roster.csv").read_bytes(), work.county)
        clerk = next(row for row in rows if row.role == "office")
        people.import_roster(work, [*rows, RosterRow(999, clerk.name, clerk.phone, "handler", lead)])
    assert both.act(case_id, "close").json["code"] == "not_yours_to_do"
    build.clock.move(days=1)
    with unit_of_work() as work:  # the second office ends: the clerk was there all the same
        people.import_roster(work, read_roster((QINGYUAN / "roster.csv").read_bytes(), work.county))
    assert both.act(case_id, "close").json["code"] == "not_yours_to_do"
    other = build.official("19900000002")
    assert other.act(case_id, "close").json["state"] == "closed"


def test_who_takes_an_office_up_again_has_held_it_twice(build: Build) -> None:
    with unit_of_work() as work:
        rows = read_roster((QINGYUAN / "roster.csv").read_bytes(), work.county)
    inspector = next(row for row in rows if row.role == "inspector")
    for held in ([row for row in rows if row is not inspector], rows):
        build.clock.move(days=1)
        with unit_of_work() as work:
            people.import_roster(work, held)
    with unit_of_work() as work:
        times = work.session.scalars(
            select(RosterRole).where(RosterRole.role == "inspector").order_by(RosterRole.since)
        ).all()
        assert [time.ended_at is None for time in times] == [False, True]
        assert times[0].ended_at < times[1].since
    assert build.official(inspector.phone).get("/session").json["role"] == "inspector"
