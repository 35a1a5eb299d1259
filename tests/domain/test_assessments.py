"""A month's scores from real rows: whose fault is whose, what stays out, what the cut-off holds, that all adds up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from apiflask import APIFlask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from backend.domain import assessments, duties, states
from backend.domain.assessments import Month, Score
from backend.domain.faults import Conflict
from backend.models import AssessmentScore, Case, Patrol, RosterRole, Supervision, Verdict
from backend.work import Work
from tests.domain.ledger import (
    HANDLER,
    HERE,
    LEAD,
    OFFICE,
    OTHER,
    STARTED,
    act,
    case_in,
    code_of,
    official,
    photo,
    report_of,
    reporter_of,
    undone,
)
from tests.domain.timer import at, carry_out, tick

JUNE, JULY = assessments.month_of("2026-06"), assessments.month_of("2026-07")
SECOND_HANDLER = official("handler", OTHER)


@pytest.fixture
def work(app: APIFlask, clean: None) -> Iterator[Work]:
    with undone(app) as found:
        yield found


def shown(work: Work, when: str | None = None, period: Any = JUNE) -> Month:
    if when is not None:
        work.now = at(when)
    work.session.flush()
    work.session.expire_all()
    return assessments.show(work, period)


def score_of(scores: list[Score], unit: str = LEAD) -> Score:
    return next(one for one in scores if one.subject == f"unit:{unit}")


def part(score: Score, name: str) -> dict[str, Any]:
    return next(one for one in score.parts if one["part"] == name)


def lost(month: Month, name: str, unit: str = LEAD, key: str = "case") -> list[tuple[float, str]]:
    """The deductions of one part: points, and the id behind each."""
    return [(less["points"], *less["ids"][key]) for less in part(score_of(month.scores, unit), name)["deductions"]]


def value(month: Month, name: str, unit: str = LEAD) -> float | None:
    found: float | None = part(score_of(month.scores, unit), name)["value"]
    return found


def done(work: Work, case: Case) -> None:
    act(work, case, HANDLER, "request_closure", photos=[photo(work)], done="已清理")


def rated(work: Work, case: Case, stars: int) -> None:
    work.now += timedelta(hours=1)
    act(work, case, reporter_of(report_of(work, case)), "rate", stars=stars)


def failed(work: Work, case: Case) -> None:
    work.now += timedelta(hours=1)
    act(work, case, OFFICE, "fail_follow_up", photos=[photo(work)], place=HERE, reason="又倒了垃圾")
    carry_out(work)


# ---- whose fault is whose --------------------------------------------------------------------------------------------


def test_each_holder_answers_for_its_own_clocks_alone(work: Work) -> None:
    case = case_in(work, "assigned")
    work.now = at("06-04T10:00")  # the first unit should have accepted on the 2nd; rectifying runs to the 8th
    act(work, case, OFFICE, "reassign", unit=OTHER, reason="改由下游乡镇办理")
    act(work, case, SECOND_HANDLER, "accept")
    work.now = at("06-05T10:00")
    act(work, case, SECOND_HANDLER, "start", **STARTED)
    act(work, case, SECOND_HANDLER, "request_closure", photos=[photo(work)], done="已清理")
    month = shown(work, "07-10T09:00")
    assert lost(month, "accept") == [(15.0, str(case.id))]
    assert value(month, "rectify") is None  # taken away before its deadline: neither merit nor fault
    assert (value(month, "accept", OTHER), value(month, "rectify", OTHER)) == (1, 1)


def test_a_late_closure_is_charged_once_in_the_month_of_its_deadline(work: Work) -> None:
    case = case_in(work, "rectifying")
    assert value(shown(work, "06-05T10:00"), "rectify") is None  # the deadline is yet to come
    assert lost(shown(work, "06-20T10:00"), "rectify") == [(25.0, str(case.id))]
    work.now = at("07-02T10:00")
    done(work, case)
    assert lost(shown(work, "07-20T10:00"), "rectify") == [(25.0, str(case.id))]
    assert value(shown(work, "08-20T10:00", JULY), "rectify") is None


def test_a_case_closed_in_time_and_sent_back_past_its_deadline_is_late(work: Work) -> None:
    case = case_in(work, "in_review")
    assert value(shown(work, "06-03T10:00"), "rectify") == 1
    act(work, case, OFFICE, "send_back", reason="还有残留")
    month = shown(work, "06-30T10:00")
    assert (value(month, "rectify"), lost(month, "rectify")) == (0, [(25.0, str(case.id))])


def test_a_refusal_is_wrong_when_the_same_unit_is_ruled_to_take_the_case(work: Work) -> None:
    wrong, right, round_about = (case_in(work, "triage") for _ in range(3))
    act(work, wrong, OFFICE, "rule", unit=LEAD, reason="在该乡镇界内")
    act(work, right, OFFICE, "rule", unit=OTHER, reason="在邻镇界内")
    act(work, round_about, OFFICE, "assign", unit=OTHER, reason="请核实")
    act(work, round_about, SECOND_HANDLER, "return", reason="不属本辖区")
    act(work, round_about, OFFICE, "rule", unit=LEAD, reason="在该乡镇界内")
    month = shown(work, "06-01T18:00")
    assert lost(month, "refusal") == [(2.5, str(wrong.id)), (2.5, str(round_about.id))]
    assert lost(month, "refusal", OTHER) == []


def test_one_refusal_costs_once_however_often_it_is_ruled_on(work: Work) -> None:
    case = case_in(work, "triage")
    act(work, case, OFFICE, "rule", unit=LEAD, reason="在该乡镇界内")
    act(work, case, OFFICE, "reject", reason="不属河湖问题")
    assert lost(shown(work), "refusal") == []  # not a matter for the river after all
    act(work, case, reporter_of(report_of(work, case)), "appeal", reason="就在河里")
    act(work, case, OFFICE, "rule", unit=LEAD, reason="在该乡镇界内")
    assert lost(shown(work, "06-01T18:00"), "refusal") == [(2.5, str(case.id))]


def test_a_recurrence_is_charged_to_the_unit_that_had_closed_and_its_letter_costs_no_more(work: Work) -> None:
    case = case_in(work, "closed")
    work.now = at("06-20T10:00")
    failed(work, case)
    month = shown(work, "06-20T18:00")
    assert lost(month, "recurrence") == [(5.0, str(case.id))]
    assert [one.why for one in work.session.scalars(select(Supervision))] == ["failed_follow_up"]
    assert lost(month, "supervision") == []
    done(work, case)
    act(work, case, OFFICE, "close")
    failed(work, case)
    done(work, case)
    act(work, case, OFFICE, "close")
    failed(work, case)
    assert [points for points, _ in lost(shown(work), "recurrence")] == [3.34, 3.33, 3.33]


def test_ratings_count_by_stars_for_the_unit_that_closed_and_name_no_reporter(work: Work) -> None:
    pleased, unhappy = case_in(work, "closed"), case_in(work, "closed")
    for case, stars in ((pleased, 5), (unhappy, 2)):
        rated(work, case, stars)
    month = shown(work, "06-01T18:00")
    assert (value(month, "satisfaction"), lost(month, "satisfaction")) == (0.7, [(3.0, str(unhappy.id))])
    assert set(part(score_of(month.scores), "satisfaction")["counted"]) == {"case"}
    rated(work, unhappy, 4)
    assert value(shown(work), "satisfaction") == 0.9  # the last one counts


def test_a_letter_costs_and_an_overdue_reply_costs_more(work: Work) -> None:
    case = case_in(work, "rectifying")
    act(work, case, OFFICE, "supervise", demands="请三日内清运完毕。")
    assert lost(shown(work, "06-01T18:00"), "supervision") == [(3.0, str(case.id))]
    tick(work, at("06-05T08:30"))
    month = shown(work, "06-05T18:00")
    assert [points for points, _ in lost(month, "supervision")] == [3.0, 5.0]
    letter = str(work.session.scalars(select(Supervision.id)).one())
    assert [one for _, one in lost(month, "supervision", key="letter")] == [letter, letter]


# ---- what stays out --------------------------------------------------------------------------------------------------


def transferred(work: Work, case: Case) -> None:
    act(work, case, OFFICE, "reassign", unit=OTHER, reason="请核实")
    act(work, case, SECOND_HANDLER, "return", reason="在邻县境内")
    act(work, case, OFFICE, "transfer", body="邻县河长办", reason="在邻县境内")


def rejected(work: Work, case: Case) -> None:
    act(work, case, OFFICE, "reject", reason="不属河湖问题")


def merged(work: Work, case: Case) -> None:
    target = case_in(work, "closed")
    act(work, target, OFFICE, "fail_follow_up", photos=[photo(work)], place=HERE, reason="又倒了垃圾")
    act(work, case, OFFICE, "merge", target=target.id, reason="同一问题。")


def withdrawn(work: Work, case: Case) -> None:
    states.withdraw_import(work, case, {})


def outside(work: Work, case: Case) -> None:
    case.outside_county = True


@pytest.mark.parametrize("leaves", [transferred, rejected, merged, withdrawn, outside])
def test_what_was_never_a_matter_of_the_county_is_out_of_its_scores(
    work: Work, leaves: Callable[[Work, Case], None]
) -> None:
    case = case_in(work, "assigned")
    assert lost(shown(work, "06-11T10:00"), "accept") == [(15.0, str(case.id))]
    leaves(work, case)
    month = shown(work, "06-30T10:00")
    for unit in (LEAD, OTHER):
        for name in ("accept", "rectify", "refusal"):
            assert str(case.id) not in part(score_of(month.scores, unit), name)["counted"].get("case", [])
    assert lost(month, "accept") == []


def test_a_case_split_off_again_counts_again(work: Work) -> None:
    case = case_in(work, "assigned")
    work.now = at("06-11T10:00")
    merged(work, case)
    act(work, case, OFFICE, "split", reason="不是一处")
    assert [one for _, one in lost(shown(work, "06-11T18:00"), "accept")] == [str(case.id)]


# ---- a month that runs -----------------------------------------------------------------------------------------------


def owed(work: Work, when: str) -> int:
    """How many duties of village chiefs were looked at."""
    chiefs = [one for one in shown(work, when).scores if one.role == "village_chief"]
    return sum(one.parts[0]["value"] is not None for one in chiefs)


def test_what_can_still_be_walked_is_not_missed(work: Work) -> None:
    first = shown(work, "06-03T10:00")
    assert {one.total for one in first.scores} == {100.0}
    assert not first.over
    assert "还没有结束" in first.words
    assert owed(work, "06-07T23:00") == 0  # the first week ends with this Sunday
    assert owed(work, "06-08T00:00") == 66
    one = next(one for one in shown(work, "06-14T10:00").scores if one.role == "village_chief")
    assert one.parts[0]["words"].startswith("应计1，完成0")
    month = shown(work, "06-30T23:59")
    assert {one.total for one in month.scores if one.role == "township_chief"} == {100.0}  # they have this minute yet
    over = shown(work, "07-01T00:00")
    assert {one.total for one in over.scores if one.role == "township_chief"} == {0.0}
    assert over.over
    assert "截止前补传的巡河仍会计入" in over.words


# ---- the cut-off -----------------------------------------------------------------------------------------------------


def walked(work: Work, began: str, arrived: str) -> Patrol:
    """A valid patrol of the first village chief of LEAD."""
    role = work.session.scalars(
        select(RosterRole)
        .where(RosterRole.role == "village_chief", RosterRole.unit_code == LEAD)
        .order_by(RosterRole.id)
    ).first()
    assert role is not None
    began_at, arrived_at = at(began), at(arrived)
    patrol = Patrol(
        id=uuid4(), person_id=role.person_id, first_contact_at=arrived_at,
        last_contact_at=arrived_at, role=role.role, unit_code=LEAD, began_at=began_at, started_at=began_at,
        finish_received_at=arrived_at, finished_at=arrived_at, verdict_seq=1, valid=True,
    )  # fmt: skip
    work.session.add(patrol)
    work.session.flush()
    judged(work, patrol, 1, arrived, valid=True)
    return patrol


def judged(work: Work, patrol: Patrol, seq: int, when: str, valid: bool, by: str = "rules") -> None:
    work.session.add(
        Verdict(
            patrol_id=patrol.id, seq=seq, made_at=at(when), made_by=by, valid=valid, county_version=work.county_version,
            facts={}, judgement={}, decision={"reaches": []}, inputs={},
        )
    )  # fmt: skip
    patrol.verdict_seq, patrol.valid = seq, valid
    work.session.flush()


def test_the_cut_off_holds_to_the_minute_however_late_the_timer_comes(work: Work) -> None:
    case_in(work, "assigned")
    walked(work, "06-03T09:00", "07-05T23:59")
    walked(work, "06-10T09:00", "07-06T00:01")
    turned = walked(work, "06-17T09:00", "06-17T11:00")
    judged(work, turned, 2, "07-06T09:00", valid=False)
    upheld = walked(work, "06-24T09:00", "06-24T11:00")
    judged(work, upheld, 2, "06-24T12:00", valid=False)
    judged(work, upheld, 3, "07-07T09:00", valid=True, by="appeal")
    work.now = at("07-05T23:59")
    assert assessments.due(work) == []
    with pytest.raises(Conflict):
        assessments.freeze(work, JUNE.first)
    before = shown(work, "07-09T09:00")
    assert assessments.due(work) == [JUNE.first]
    assessments.freeze(work, JUNE.first)
    assessments.freeze(work, JUNE.first)
    assert assessments.due(work) == []
    month = shown(work)
    chief = next(one for one in month.scores if one.role == "village_chief" and one.parts[0]["counted"]["patrol"])
    # Of the four weeks: walked and arrived; arrived too late; valid then; not yet declared valid then.
    assert chief.parts[0]["words"].startswith("应计4，完成2，")
    new = next(one for one in month.proposed if one.subject == chief.subject)
    assert new.parts[0]["words"].startswith("应计4，完成3，")
    assert (month.frozen_at, month.published_at) == (at("07-09T09:00"), None)
    assert {(one.subject, one.total) for one in before.scores} == {(one.subject, one.total) for one in month.scores}
    rows = select(func.count()).select_from(AssessmentScore)
    assert work.session.scalar(rows) == len(month.scores)


def test_months_that_were_missed_are_frozen_one_by_one(work: Work) -> None:
    work.now = at("09-10T09:00")
    assert assessments.due(work) == []  # nobody has worked with it yet
    work.now = at("06-01T09:00")
    case_in(work, "assigned")
    work.now = at("09-10T09:00")
    assert assessments.due(work) == [date(2026, 6, 1), date(2026, 7, 1), date(2026, 8, 1)]
    assessments.freeze(work, date(2026, 7, 1))
    assert assessments.due(work) == [date(2026, 6, 1), date(2026, 8, 1)]


def test_what_is_taken_back_after_the_cut_off_is_a_correction_that_everybody_sees(work: Work) -> None:
    case = case_in(work, "assigned")
    work.now = at("07-07T09:00")
    states.withdraw_import(work, case, {})  # after the cut-off, before the timer has come
    work.now = at("07-08T09:00")
    assessments.freeze(work, JUNE.first)
    month = shown(work)
    assert lost(month, "accept") == [(15.0, str(case.id))]
    assert {one.subject for one in month.proposed} == {f"unit:{LEAD}"}
    work.actor = OFFICE
    assessments.publish(work, JUNE)
    assert lost(shown(work), "accept") == [(15.0, str(case.id))]
    assert code_of(lambda: assessments.correct(work, JUNE, f"unit:{LEAD}", " ")) == "missing_field"
    assessments.correct(work, JUNE, f"unit:{LEAD}", "误导入的案件已收回。")
    month = shown(work)
    held = score_of(month.scores)
    assert (part(held, "accept")["points"], part(held, "rectify")["points"]) == (15, 25)
    assert (held.reason, [old.total for old in held.earlier]) == ("误导入的案件已收回。", [held.total - 40])
    assert month.proposed == []
    assert code_of(lambda: assessments.correct(work, JUNE, f"unit:{LEAD}", "再更正")) == "nothing_to_correct"


def test_a_late_closure_after_the_cut_off_changes_nothing(work: Work) -> None:
    case = case_in(work, "rectifying")
    work.now = at("07-06T00:00")
    assessments.freeze(work, JUNE.first)
    done(work, case)
    act(work, case, OFFICE, "close")
    month = shown(work, "07-07T10:00")
    assert lost(month, "rectify") == [(25.0, str(case.id))]
    assert month.proposed == []


# ---- 通报 and 约谈 ---------------------------------------------------------------------------------------------------


def test_who_is_named_or_summoned_is_told_by_which_rule_and_where_the_points_went(work: Work) -> None:
    for _ in range(2):
        case = case_in(work, "closed")
        failed(work, case)
        act(work, case, reporter_of(report_of(work, case)), "supplement", text="还是很脏")
    case_in(work, "assigned")
    month = shown(work, "07-10T09:00")
    found = assessments.summons(work, month)
    mine, score = found[f"unit:{LEAD}"], score_of(month.scores)
    assert [one["title"] for one in mine] == ["约谈", "通报"]
    assert mine[0]["reason"] == f"本月{score.total:g}分，低于60分。"
    assert mine[1]["reason"] == f"本月{score.total:g}分，在12个中倒数第1名，按规定最后1名列入。"
    assert assessments.lost_most(score).startswith("巡河完成扣25分，")
    others = {subject for subject in found if subject.startswith("unit:")} - {f"unit:{LEAD}"}
    assert others == set()  # 75 points each: above 60, and none of them the last
    chiefs = [one for one in month.scores if one.kind == "chief" and one.subject in found]
    assert {one.total for one in chiefs} == {0.0}
    assert {reason["reason"] for one in chiefs for reason in found[one.subject]} == {"本月0分，低于60分。"}


def test_a_fall_over_three_months_is_read_from_what_was_frozen(work: Work) -> None:
    work.now = at("06-02T09:00")
    case_in(work, "closed")
    for month, letters in (("07", 1), ("08", 2), ("09", 3)):
        work.now = at(f"{month}-06T00:00")
        assessments.freeze(work, assessments.due(work)[0])
        work.now = at(f"{month}-07T09:00")
        for _ in range(letters):
            _supervised(work)
    month = shown(work, "10-01T09:00", assessments.month_of("2026-09"))
    [reason] = [one["reason"] for one in assessments.summons(work, month)[f"unit:{LEAD}"] if "连续" in one["reason"]]
    totals = reason.removeprefix("连续3个月下降：").removesuffix("。").split("、")
    assert len(totals) == 4
    assert [float(one) for one in totals] == sorted({float(one) for one in totals}, reverse=True)


# ---- it all adds up --------------------------------------------------------------------------------------------------


def _kept(work: Work) -> Case:
    return case_in(work, "closed")


def _late(work: Work) -> Case:
    return case_in(work, "assigned")


def _ruled_back(work: Work) -> Case:
    case = case_in(work, "triage")
    act(work, case, OFFICE, "rule", unit=LEAD, reason="在该乡镇界内")
    return act(work, case, HANDLER, "accept")


def _came_back(work: Work) -> Case:
    case = case_in(work, "closed")
    failed(work, case)
    done(work, case)
    return case


def _disliked(work: Work) -> Case:
    case = case_in(work, "closed")
    rated(work, case, 1)
    return case


def _supervised(work: Work) -> Case:
    case = case_in(work, "rectifying")
    act(work, case, OFFICE, "supervise", demands="请三日内清运完毕。")
    done(work, case)
    return case


def _rejected(work: Work) -> Case:
    case = case_in(work, "assigned")
    return act(work, case, OFFICE, "reject", reason="不属河湖问题")


# story → how often it counts as (accept owed, kept; rectify owed, kept; recurrences, stars, letters, refusals)
STORIES: dict[Callable[[Work], Case], tuple[int, int, int, int, int, int | None, int, int]] = {
    _kept: (1, 1, 1, 1, 0, None, 0, 0),
    _late: (1, 0, 1, 0, 0, None, 0, 0),
    _ruled_back: (1, 1, 1, 0, 0, None, 0, 1),
    _came_back: (1, 1, 1, 1, 1, None, 0, 0),
    _disliked: (1, 1, 1, 1, 0, 1, 0, 0),
    _supervised: (1, 1, 1, 1, 0, None, 1, 0),
    _rejected: (0, 0, 0, 0, 0, None, 0, 0),
}


def expected(told: list[Callable[[Work], Case]]) -> dict[str, float]:
    """The points of each part by the county's rules, reckoned on other ways."""
    rows = [STORIES[story] for story in told]
    sums = [sum(row[n] or 0 for row in rows) for n in range(8)]
    rated = sum(row[5] is not None for row in rows)
    shares = {
        "accept": (15, sums[0], sums[1]),
        "rectify": (25, sums[2], sums[3]),
        "satisfaction": (10, 5 * rated, sums[5]),
    }
    costs = {"recurrence": (10, 5 * sums[4]), "supervision": (10, 3 * sums[6]), "refusal": (5, 2.5 * sums[7])}
    points = {name: full * kept / of if of else float(full) for name, (full, of, kept) in shares.items()}
    return points | {name: max(0.0, full - cost) for name, (full, cost) in costs.items()}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(st.sampled_from(sorted(STORIES, key=lambda story: story.__name__)), max_size=6))
def test_every_trace_adds_up_to_its_score(app: APIFlask, clean: None, told: list[Callable[[Work], Case]]) -> None:
    with undone(app) as work:
        cases = [(story, story(work)) for story in told]
        month = shown(work, "07-10T09:00")
        mine = score_of(month.scores)
        for name, points in expected(told).items():
            assert part(mine, name)["points"] == pytest.approx(points, abs=0.0051), name
        scored = {str(case.id) for story, case in cases if story is not _rejected}
        for name in ("accept", "rectify"):
            assert set(part(mine, name)["counted"].get("case", [])) == scored
        whole = duties.completions(work, JUNE.first, JUNE.last, RosterRole.unit_code == LEAD)
        assert set(part(mine, "patrol")["counted"]["role"]) == {str(one.term.role_id) for one in whole}
        for score in month.scores:
            assert round(100 * score.total) == sum(round(100 * one["points"]) for one in score.parts)
            for one in score.parts:
                cents = [round(100 * less["points"]) for less in one["deductions"]]
                assert sum(cents) == round(100 * one["full"]) - round(100 * one["points"])
                for less in one["deductions"]:
                    assert any(less["ids"].values())
                    assert all(set(ids) <= set(one["counted"][kind]) for kind, ids in less["ids"].items())


def test_nothing_is_published_or_corrected_before_the_cut_off_or_before_there_were_rules(work: Work) -> None:
    case_in(work, "assigned")
    work.now = at("06-20T09:00")
    assert code_of(lambda: assessments.correct(work, JUNE, f"unit:{LEAD}", "提前")) == "before_cut_off"
    assert code_of(lambda: assessments.publish(work, JUNE)) == "before_cut_off"
    assert code_of(lambda: assessments.show(work, assessments.month_of("2026-05"))) == "month_before_rules"
