"""The reporter's side, each report its own: what one reporter said takes nothing from another."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from apiflask import APIFlask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from backend.domain import cases, progress, reporters, states
from backend.domain.actors import Actor
from backend.models import Case, CaseEvent, CaseWords, Photo, Report, Supplement
from backend.work import Work
from tests.domain.ledger import (
    HANDLER,
    HERE,
    LEAD,
    MONDAY,
    OFFICE,
    STARTED,
    account,
    act,
    case_in,
    code_of,
    photo,
    report_of,
    reporter_of,
    submitted,
    undone,
)


@pytest.fixture
def work(app: APIFlask) -> Iterator[Work]:
    with undone(app) as found:
        yield found


def words(work: Work, report: Report) -> list[str]:
    return [step.words for step in progress.steps(work, report)]


def standing(work: Work, report: Report) -> str:
    return progress.standing(work, report, work.session.get_one(Case, report.case_id))


def bring(work: Work, case: Case, state: str) -> None:
    """Bring a case on from assigned."""
    for action, actor, form, reached in (
        ("accept", HANDLER, {}, "accepted"),
        ("start", HANDLER, STARTED, "rectifying"),
        ("request_closure", HANDLER, {"photos": [photo(work)], "done": "已清理"}, "in_review"),
        ("close", OFFICE, {}, "closed"),
    ):
        act(work, case, actor, action, **form)
        if reached == state:
            return


def two_reporters(work: Work, state: str = "closed") -> tuple[Case, Report, Report]:
    """A case in a state to which the reports of two residents belong, the second by a merge."""
    case = case_in(work, "assigned")
    mine = report_of(work, case)
    other = case_in(work, "assigned")
    theirs = report_of(work, other)
    act(work, other, OFFICE, "merge", target=case.id, reason="同一问题")
    work.session.refresh(theirs)
    if state != "assigned":
        bring(work, case, state)
    return case, mine, theirs


# ---- dispute, appeal, rating -----------------------------------------------------------------------------------------


def test_each_reporter_disputes_once_and_a_second_dispute_joins_the_first(work: Work) -> None:
    case, mine, theirs = two_reporters(work)
    act(work, case, reporter_of(mine), "dispute", reason="没清干净")
    assert "dispute" not in {row.action for row in states.allowed(work, case, reporter_of(mine))}
    assert "dispute" in {row.action for row in states.allowed(work, case, reporter_of(theirs))}
    assert code_of(lambda: act(work, case, reporter_of(mine), "dispute", reason="x")) == "disputed_before"
    act(work, case, reporter_of(theirs), "dispute", reason="臭味还在")
    assert (case.state, case.disputed) == ("closed", True)
    disputes = work.session.scalars(
        select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.action == "dispute").order_by(CaseEvent.seq)
    )
    assert [event.data["reports"] for event in disputes] == [[str(mine.id)], [str(theirs.id)]]


def test_one_person_with_two_reports_is_one_reporter(work: Work) -> None:
    case, mine, theirs = two_reporters(work)
    theirs.account_id = mine.account_id
    work.session.flush()
    act(work, case, reporter_of(mine), "dispute", reason="没清干净")
    assert code_of(lambda: act(work, case, reporter_of(theirs), "dispute", reason="x")) == "disputed_before"


def test_a_case_that_came_back_and_was_closed_again_is_disputed_again(work: Work) -> None:
    case, mine, _ = two_reporters(work)
    act(work, case, reporter_of(mine), "dispute", reason="没清干净")
    work.now += timedelta(days=1)
    act(work, case, OFFICE, "fail_follow_up", photos=[photo(work)], place=HERE, reason="又倒了")
    act(work, case, HANDLER, "request_closure", photos=[photo(work)], done="再清")
    act(work, case, OFFICE, "close")
    assert "dispute" in {row.action for row in states.allowed(work, case, reporter_of(mine))}
    assert act(work, case, reporter_of(mine), "dispute", reason="还是没清").state == "closed"


def test_an_appeal_of_one_leaves_the_other_theirs(work: Work) -> None:
    case, mine, theirs = two_reporters(work, "assigned")
    act(work, case, OFFICE, "reject", reason="不属河湖")
    act(work, case, reporter_of(mine), "appeal", reason="在河堤上")
    assert code_of(lambda: act(work, case, reporter_of(theirs), "appeal", reason="x")) == "wrong_state"
    act(work, case, OFFICE, "reject", reason="经复核不属河湖")
    assert code_of(lambda: act(work, case, reporter_of(mine), "appeal", reason="x")) == "appealed_before"
    assert act(work, case, reporter_of(theirs), "appeal", reason="我有照片").state == "triage"


def test_each_rates_for_themselves_and_the_last_rating_counts(work: Work) -> None:
    case, mine, theirs = two_reporters(work)
    act(work, case, reporter_of(mine), "rate", stars=2, note="慢")
    act(work, case, reporter_of(theirs), "rate", stars=5)
    act(work, case, reporter_of(mine), "rate", stars=4)
    assert [(report.rating, report.rating_text) for report in (mine, theirs)] == [(4, ""), (5, "")]
    assert code_of(lambda: act(work, case, reporter_of(mine), "rate", stars=6)) == "bad_stars"


def test_after_a_split_each_keeps_their_own(work: Work) -> None:
    case, mine, theirs = two_reporters(work)
    other = work.session.get_one(Case, theirs.origin_case_id)
    act(work, case, reporter_of(mine), "rate", stars=1)
    act(work, case, reporter_of(theirs), "dispute", reason="不是这一处")
    act(work, other, OFFICE, "split", reason="不是同一处")
    work.session.refresh(theirs)
    assert (theirs.case_id, theirs.disputed_at, theirs.rating) == (other.id, MONDAY, None)
    assert (mine.case_id, mine.disputed_at, mine.rating) == (case.id, None, 1)
    assert {row.action for row in states.allowed(work, case, reporter_of(theirs))} == set()
    act(work, other, OFFICE, "assign", unit=LEAD, reason="属地")
    bring(work, other, "closed")
    work.now += timedelta(seconds=1)
    assert code_of(lambda: act(work, other, reporter_of(theirs), "dispute", reason="x")) == "disputed_before"


# ---- supplements -----------------------------------------------------------------------------------------------------


def test_a_supplement_is_an_event_with_photos_and_the_unit_reads_it_masked(work: Work) -> None:
    case = case_in(work, "assigned")
    mine, ref = report_of(work, case), photo(work)
    act(work, case, reporter_of(mine), "supplement", text="我叫张三，又倒了一车。", photos=[ref])
    (added,) = mine.supplements
    assert (added.text, added.forwarded_text) == ("我叫张三，又倒了一车。", "我叫[姓名已隐去],又倒了一车。")
    assert added.released_at == work.now
    taken = work.session.get_one(Photo, ref.id)
    assert (taken.report_id, taken.supplement_id, taken.purpose) == (mine.id, added.id, "supplement")
    event = work.session.scalars(
        select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.action == "supplement")
    ).one()
    assert (event.actor, event.text_id, event.data["photos"]) == ("reporter", None, 1)


def test_what_an_anonymous_writer_adds_in_a_sensitive_kind_is_read_by_the_office_first(work: Work) -> None:
    case = submitted(work, category="illegal_discharge", privacy="anonymous", photos=(photo(work), photo(work)))
    mine = report_of(work, case)
    cases.route(work, case.id)
    act(work, case, OFFICE, "assign", unit=LEAD, reason="属地")
    assert mine.forward_released_at is not None
    act(work, case, reporter_of(mine), "supplement", text="排口在厂东门旁边。")
    (added,) = mine.supplements
    assert added.released_at is None
    assert not _units_find(work, case, "厂东门")
    act(work, case, OFFICE, "forward", supplement=added.id, forwarded_text="厂东门旁有排口。")
    assert (added.released_at, added.forwarded_text) == (work.now, "厂东门旁有排口。")
    assert added.text == "排口在厂东门旁边。"
    assert _units_find(work, case, "厂东门")
    assert code_of(lambda: act(work, case, OFFICE, "forward", supplement=added.id)) == "nothing_to_forward"


def _units_find(work: Work, case: Case, text: str) -> bool:
    work.session.flush()
    found = work.session.scalar(select(CaseWords.unit_text).where(CaseWords.case_id == case.id))
    return found is not None and text in found


def test_a_supplement_of_another_case_is_not_forwarded_here(work: Work) -> None:
    case, other = case_in(work, "assigned"), case_in(work, "assigned")
    ids = []
    for one in (case, other):
        added = Supplement(report_id=report_of(work, one).id, text="x", forwarded_text="x", created_at=work.now)
        work.session.add(added)
        work.session.flush()
        ids.append(added.id)
    assert code_of(lambda: act(work, case, OFFICE, "forward", supplement=ids[1])) == "forwarded_before"


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"text": "河" * 2001}, "text_too_long"),
        ({"text": "a\0b"}, "bad_text"),
        ({"text": " \u3000"}, "missing_field"),
    ],
)
def test_bad_words_are_not_added(work: Work, form: dict[str, str], code: str) -> None:
    case = case_in(work, "assigned")
    mine = report_of(work, case)
    assert code_of(lambda: act(work, case, reporter_of(mine), "supplement", **form)) == code
    assert mine.supplements == []


def test_no_more_photos_at_once_than_a_report_may_have(work: Work) -> None:
    case = case_in(work, "assigned")
    many = [photo(work) for _ in range(work.county.category_by_code["garbage"].max_photos + 1)]
    call = lambda: act(work, case, reporter_of(report_of(work, case)), "supplement", text="x", photos=many)  # noqa: E731
    assert code_of(call) == "too_many_photos"


# ---- withdrawal ------------------------------------------------------------------------------------------------------


def test_a_withdrawn_report_ends_no_case_and_takes_no_further_word(work: Work) -> None:
    case, mine, theirs = two_reporters(work, "accepted")
    act(work, case, reporter_of(mine), "withdraw", reason="不想再管了")
    assert (case.state, mine.withdrawn_at) == ("accepted", work.now)
    assert states.allowed(work, case, reporter_of(mine)) == []
    assert code_of(lambda: act(work, case, reporter_of(mine), "supplement", text="还有")) == "withdrawn"
    assert {row.action for row in states.allowed(work, case, reporter_of(theirs))} == {"supplement", "withdraw"}
    assert standing(work, mine).startswith("您已撤回举报。")
    assert words(work, mine)[-1] == "您撤回了举报，案件会继续办理。"
    assert words(work, theirs)[-1] != words(work, mine)[-1]


def test_a_withdrawn_report_is_still_routed(work: Work) -> None:
    case = submitted(work)
    act(work, case, reporter_of(report_of(work, case)), "withdraw")
    cases.route(work, case.id)
    assert case.state != "submitted"


# ---- what they read --------------------------------------------------------------------------------------------------


def test_the_way_of_a_merged_report_goes_on_in_the_case_that_it_joined(work: Work) -> None:
    case, mine, theirs = two_reporters(work)
    assert words(work, mine) == [
        "举报已收到。", "已交由清源镇办理。", "清源镇已签收。", "清源镇已开始整改，计划2026年9月1日完成。",
        "整改完成，等待县里核查。", "核查通过，已办结。",
    ]  # fmt: skip
    assert words(work, theirs)[:3] == ["举报已收到。", "已交由清源镇办理。", "与同一问题合并办理。"]
    assert words(work, theirs)[3:] == words(work, mine)[2:]
    act(work, case, reporter_of(mine), "dispute", reason="没清")
    assert words(work, mine)[-1] == "您对办理结果提出了异议，县里将回头看。"
    assert words(work, theirs)[-1] == "有举报人对办理结果提出异议，县里将回头看。"
    assert standing(work, mine) == "已办结。您提出了异议，县里将回头看。"
    assert standing(work, theirs).startswith("已办结。问题没有解决的，可以在2026年6月15日")


def test_a_split_report_reads_its_own_way_again(work: Work) -> None:
    case, _, theirs = two_reporters(work, "accepted")
    act(work, work.session.get_one(Case, theirs.origin_case_id), OFFICE, "split", reason="不是同一处")
    work.session.refresh(theirs)
    act(work, case, HANDLER, "start", **STARTED)
    assert words(work, theirs) == [
        "举报已收到。", "已交由清源镇办理。", "与同一问题合并办理。", "重新单独办理，县河长办正在核对。",
    ]  # fmt: skip


def test_a_case_knows_which_reports_joined_and_left_it(work: Work) -> None:
    case, _, theirs = two_reporters(work, "assigned")
    act(work, work.session.get_one(Case, theirs.origin_case_id), OFFICE, "split", reason="不是同一处")
    events = work.session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.seq))
    assert [(event.action, event.data.get("reports")) for event in events][2:] == [
        ("join", [str(theirs.id)]), ("leave", [str(theirs.id)]),
    ]  # fmt: skip


def test_a_delay_is_said_and_so_is_the_end_of_the_windows(work: Work) -> None:
    case = case_in(work, "rectifying")
    mine = report_of(work, case)
    assert standing(work, mine) == "清源镇正在整改，应在2026年6月8日 23:59前完成。"
    work.now = MONDAY + timedelta(days=8)
    assert standing(work, mine) == "清源镇没有在期限（2026年6月8日 23:59）前完成整改，县里正在督促。"
    act(work, case, HANDLER, "request_closure", photos=[photo(work)], done="已清理")
    assert standing(work, mine) == "整改完成，县里正在核查。"
    act(work, case, OFFICE, "close")
    work.now += timedelta(days=60)
    assert standing(work, mine) == "已办结。"


def test_words_of_a_reporter_reach_the_units_masked_or_not_at_all(work: Work) -> None:
    case, mine, _ = two_reporters(work)
    act(work, case, reporter_of(mine), "dispute", reason="我叫张三，电话13812345678，没清。")
    event = work.session.scalars(
        select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.action == "dispute")
    ).one()
    written = "我叫张三，电话13812345678，没清。"
    for actor, read in ((OFFICE, written), (HANDLER, "我叫[姓名已隐去],电话[手机号已隐去],没清。")):
        work.actor = actor
        assert cases.readable_words(work, case, event, written) == read
    mine.privacy, case.category = "confidential", "illegal_discharge"
    work.session.flush()
    assert cases.readable_words(work, case, event, written) == "（由县河长办审核后转告）"


# ---- over all ways of merging and splitting --------------------------------------------------------------------------


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans()), max_size=8))
def test_however_cases_are_merged_and_split_every_report_is_followed_from_its_own_case_to_where_it_hangs(
    work: Work, moves: list[tuple[int, int, bool]]
) -> None:
    """Four reporters; cases merged and split at random: nobody's way breaks off, and each may still say their own."""
    part = work.session.begin_nested()
    found = [case_in(work, "assigned") for _ in range(4)]
    mine = [report_of(work, case) for case in found]
    for one, two, splits in moves:
        work.now += timedelta(hours=1)
        case, target = found[one], found[two]
        if splits and case.state == "merged":
            act(work, case, OFFICE, "split", reason="不是同一处")
        elif case.state != "merged" and target.state != "merged" and case is not target:
            act(work, case, OFFICE, "merge", target=target.id, reason="同一问题")
    for case, report in zip(found, mine, strict=True):
        work.session.refresh(report)
        assert report.origin_case_id == case.id
        here: Case = case
        while here.merged_into_id is not None:
            here = work.session.get_one(Case, here.merged_into_id)
        assert report.case_id == here.id
        taken = progress.steps(work, report)
        assert taken[0].words == "举报已收到。"
        assert [step.at for step in taken] == sorted(step.at for step in taken)
        assert states.capacities(work, here, reporter_of(report)) == {"reporter"}
        assert reporters.acting(work, here, reporter_of(report)) == [report]
    part.rollback()


def test_the_accounts_of_others_are_nobodys(work: Work) -> None:
    case, _, _ = two_reporters(work)
    assert reporters.acting(work, case, Actor(role="resident", account_id=account(work).id)) == []
