"""What is odd about a photo of what was done: where, when, and whether it was there before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select

from backend.domain import evidence
from backend.domain.faults import Fault
from backend.domain.photos import PhotoRef
from backend.models import Case, CaseEvent, EvidenceFlag, PersonalText, Photo
from backend.work import Work
from tests.domain.ledger import (
    HANDLER,
    HERE,
    LEAD,
    MONDAY,
    NEXT,
    OFFICE,
    act,
    case_in,
    official,
    photo,
    submitted,
    undone,
)

PLACE = {"lon": 102.719296, "lat": 25.205209}  # where the tests' cases lie
METRE = 1 / 110_800  # of latitude there, in degrees
GOOD = {**PLACE, "taken_at": MONDAY + timedelta(hours=3)}
MINUTE = timedelta(minutes=1)


@pytest.fixture
def work(app: APIFlask, clean: None) -> Iterator[Work]:
    with undone(app) as found:
        yield found


def rectifying(work: Work, **changes: Any) -> Case:
    """A case that began to be rectified on Monday; it is Tuesday now."""
    work.now = MONDAY
    case = case_in(work, "rectifying", **changes)
    work.now = MONDAY + timedelta(days=1)
    return case


def ask(work: Work, case: Case, *refs: PhotoRef, **form: Any) -> Case:
    return act(work, case, HANDLER, "request_closure", photos=list(refs), done="已清理", **form)


def kinds(work: Work, case: Case) -> list[str]:
    query = select(EvidenceFlag.kind).where(EvidenceFlag.case_id == case.id).order_by(EvidenceFlag.id)
    return list(work.session.scalars(query))


def flag(work: Work, case: Case) -> EvidenceFlag:
    return work.session.scalars(select(EvidenceFlag).where(EvidenceFlag.case_id == case.id)).one()


def last_event(work: Work, case: Case) -> tuple[CaseEvent, str | None]:
    query = (
        select(CaseEvent, PersonalText.text)
        .outerjoin(PersonalText, PersonalText.id == CaseEvent.text_id)
        .where(CaseEvent.case_id == case.id)
        .order_by(CaseEvent.seq.desc())
        .limit(1)
    )
    event, text = work.session.execute(query).one()
    return event, text


# ---- where -----------------------------------------------------------------------------------------------------------


def test_a_photo_taken_at_the_place_after_the_assignment_is_not_flagged(work: Work) -> None:
    case = rectifying(work)
    ask(work, case, photo(work, **GOOD))
    assert kinds(work, case) == []
    assert act(work, case, OFFICE, "close").state == "closed"
    event, text = last_event(work, case)
    assert (event.data, text) == ({}, None)


@pytest.mark.parametrize(("metres", "flagged"), [(290, False), (310, True)])
def test_a_photo_farther_from_the_place_than_the_county_allows_is_flagged(
    work: Work, metres: float, flagged: bool
) -> None:
    case = rectifying(work)
    ask(work, case, photo(work, **{**GOOD, "lat": PLACE["lat"] + metres * METRE}))
    assert kinds(work, case) == (["away"] if flagged else [])


def test_how_sure_the_place_of_the_report_is_counts_for_the_unit(work: Work) -> None:
    case = rectifying(work, accuracy_m=100.0)
    ask(work, case, photo(work, **{**GOOD, "lat": PLACE["lat"] + 390 * METRE}))
    assert kinds(work, case) == []


def test_what_drifts_on_the_water_may_be_farther(work: Work) -> None:
    case = rectifying(work, category="floating")
    ask(work, case, photo(work, **{**GOOD, "lat": PLACE["lat"] + 900 * METRE}))
    assert kinds(work, case) == []


def test_the_flag_says_on_whose_word_the_place_rests_and_exif_goes_first(work: Work) -> None:
    far = PLACE["lat"] + 2000 * METRE
    case = rectifying(work)
    claimed = {"taken_at": GOOD["taken_at"], "claimed_lon": PLACE["lon"], "claimed_lat": far}
    ask(work, case, photo(work, **claimed))
    assert "手机上报，未经核实" in evidence.words(flag(work, case))
    other = rectifying(work)
    ask(work, other, photo(work, **{**GOOD, "lat": far}, claimed_lon=PLACE["lon"], claimed_lat=PLACE["lat"]))
    assert evidence.words(flag(work, other)) == "拍摄位置（照片自带信息）离问题地点约2.0公里，超过300米。"


def test_a_case_that_stands_for_a_whole_reach_has_no_place_to_be_away_from(work: Work) -> None:
    case = rectifying(work)
    case.place_from = "reach"
    ask(work, case, photo(work, **{**GOOD, "lat": PLACE["lat"] + 1}))
    assert kinds(work, case) == []


def test_a_photo_that_tells_nothing_is_noted_but_keeps_nobody_from_closing(work: Work) -> None:
    case = rectifying(work)
    ask(work, case, photo(work))
    assert kinds(work, case) == ["no_time", "no_place"]
    assert act(work, case, OFFICE, "close").state == "closed"


# ---- when ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "kind"),
    [(timedelta(days=2), "older_than_report"), (11 * MINUTE, "older_than_report"), (9 * MINUTE, None)],
)
def test_a_photo_older_than_the_report_is_flagged_but_for_the_phones_clock(
    work: Work, before: timedelta, kind: str | None
) -> None:
    case = rectifying(work)
    ask(work, case, photo(work, **{**GOOD, "taken_at": MONDAY - before}))
    assert kinds(work, case) == ([kind] if kind else [])


def test_a_photo_older_than_the_assignment_to_the_unit_that_shows_it_is_flagged(work: Work) -> None:
    case = case_in(work, "assigned")
    work.now = MONDAY + timedelta(days=2)
    act(work, case, OFFICE, "reassign", unit=NEXT, reason="属邻镇")
    other = official("handler", NEXT)
    act(work, case, other, "accept")
    act(work, case, other, "start", measure="清运", person="李四", date="2026-06-20")
    late = photo(work, **{**GOOD, "taken_at": MONDAY + timedelta(days=1)})
    act(work, case, other, "request_closure", photos=[late], done="已清理")
    assert kinds(work, case) == ["older_than_assignment"]
    assert evidence.words(flag(work, case)) == (
        "拍摄时间（照片自带信息）是2026年6月2日 09:00，早于交办给本单位（2026年6月3日 09:00）。"
    )


def test_an_app_that_claims_an_old_time_is_believed_for_want_of_better_and_that_is_said(work: Work) -> None:
    case = rectifying(work)
    ask(work, case, photo(work, **PLACE, claimed_at=MONDAY - timedelta(days=1)))
    assert kinds(work, case) == ["older_than_report"]
    assert "手机上报，未经核实" in evidence.words(flag(work, case))


def test_a_photo_from_before_it_was_sent_back_is_mildly_odd(work: Work) -> None:
    case = rectifying(work)
    ask(work, case, photo(work, **GOOD))
    work.now += timedelta(days=1)
    act(work, case, OFFICE, "send_back", reason="还有残留")
    ask(work, case, photo(work, **GOOD))
    assert (flag(work, case).kind, flag(work, case).red) == ("older_than_sending_back", False)


def test_after_a_relapse_the_pictures_of_the_first_time_are_too_old(work: Work) -> None:
    case = rectifying(work)
    ask(work, case, photo(work, **GOOD))
    act(work, case, OFFICE, "close")
    work.now = MONDAY + timedelta(days=20)
    fresh = photo(work, **{**GOOD, "taken_at": work.now})
    act(work, case, OFFICE, "fail_follow_up", photos=[fresh], reason="又倒了垃圾", place=HERE)
    assert kinds(work, case) == []
    ask(work, case, photo(work, **GOOD))
    assert (flag(work, case).kind, flag(work, case).red) == ("older_than_relapse", True)


def test_a_look_back_shows_what_was_there_after_the_closing(work: Work) -> None:
    case = case_in(work, "closed")
    work.session.execute(EvidenceFlag.__table__.delete().where(EvidenceFlag.case_id == case.id))
    work.now = MONDAY + timedelta(days=9)
    act(
        work,
        case,
        OFFICE,
        "pass_follow_up",
        place=HERE,
        photos=[photo(work, **{**GOOD, "taken_at": MONDAY - timedelta(days=1)})],
    )
    assert (flag(work, case).kind, flag(work, case).stage) == ("older_than_closure", "follow_up")


def test_a_photo_from_the_future_is_a_wrong_clock(work: Work) -> None:
    case = rectifying(work)
    ask(work, case, photo(work, **{**GOOD, "taken_at": work.now + timedelta(hours=5)}))
    assert (flag(work, case).kind, flag(work, case).red) == ("in_future", False)


def test_what_a_chief_settled_without_signal_is_measured_by_when_it_was_seen(work: Work) -> None:
    """The phone sent it three days later: the picture is older than the case, but not than the finding."""
    seen = MONDAY - timedelta(days=3)
    case = submitted(work, source="patrol", observed_at=seen)
    form = {
        "photos_before": [photo(work, **PLACE, taken_at=seen - timedelta(minutes=30))],
        "photos": [photo(work, **PLACE, taken_at=seen + timedelta(hours=1))],
    }
    act(work, case, official("village_chief", LEAD), "settle_on_spot", **form)
    assert kinds(work, case) == []
    purposes = work.session.scalars(select(Photo.purpose).where(Photo.case_id == case.id).order_by(Photo.purpose))
    assert list(purposes) == ["before", "evidence"]


# ---- seen before -----------------------------------------------------------------------------------------------------


def test_a_picture_from_another_case_is_flagged_with_that_case(work: Work) -> None:
    other = rectifying(work)
    ask(work, other, photo(work, **GOOD, phash=1000))
    case = rectifying(work)
    ask(work, case, photo(work, **GOOD, phash=1000 ^ 0b111))
    found = flag(work, case)
    assert (found.kind, found.red, found.detail["bits"], found.detail["exact"]) == ("seen_before", True, 3, False)
    earlier = work.session.get_one(Photo, found.other_photo_id)
    assert evidence.case_of(work, earlier) is other
    assert evidence.words(found) == f"与案件 {other.number} 中用过的照片画面相同（指纹相差3位）。"


def test_the_picture_of_the_problem_itself_does_not_show_that_it_is_gone(work: Work) -> None:
    case = rectifying(work, photos=(photo(work, sha256="x" * 64, phash=55),))
    ask(work, case, photo(work, **GOOD, sha256="x" * 64, phash=55))
    found = flag(work, case)
    assert (found.kind, found.red) == ("same_as_before", True)
    assert evidence.words(found) == "与处理前的照片文件完全相同，不能说明问题已经解决。"


def test_before_and_after_of_one_form_are_held_against_each_other(work: Work) -> None:
    case = submitted(work, source="patrol", observed_at=MONDAY)
    form = {"photos_before": [photo(work, **GOOD, phash=77)], "photos": [photo(work, **GOOD, phash=77)]}
    work.now += timedelta(hours=4)
    act(work, case, official("village_chief", LEAD), "settle_on_spot", **form)
    assert kinds(work, case) == ["same_as_before"]


def test_two_shots_of_one_moment_in_one_form_are_no_matter(work: Work) -> None:
    case = rectifying(work)
    ask(work, case, photo(work, **GOOD, phash=77), photo(work, **GOOD, phash=78))
    assert kinds(work, case) == []


def test_a_picture_shown_again_after_it_was_sent_back_is_told_as_this_cases_own(work: Work) -> None:
    case = rectifying(work)
    ask(work, case, photo(work, **GOOD, phash=901))
    act(work, case, OFFICE, "send_back", reason="还有残留")
    fresh = {**GOOD, "taken_at": work.now}
    ask(work, case, photo(work, **fresh, phash=901))
    assert evidence.words(flag(work, case)).startswith("与本案件以前提交过的照片")


def test_only_so_many_earlier_photos_are_told_of(work: Work) -> None:
    for _ in range(5):
        submitted(work, photos=(photo(work, phash=31),))
    case = rectifying(work)
    ask(work, case, photo(work, **GOOD, phash=31))
    assert kinds(work, case) == ["seen_before"] * work.county.rules.closure.earlier_shown


# ---- what follows ----------------------------------------------------------------------------------------------------


def suspicious(work: Work) -> Case:
    case = rectifying(work)
    return ask(work, case, photo(work, **{**GOOD, "taken_at": MONDAY - timedelta(days=30)}))


@pytest.mark.parametrize("reason", [None, "", " \u3000"])
def test_a_red_flag_lets_nobody_close_without_words(work: Work, reason: str | None) -> None:
    case = suspicious(work)
    with pytest.raises(Fault) as caught:
        act(work, case, OFFICE, "close", reason=reason)
    assert (caught.value.code, caught.value.extra["field"], case.state) == ("missing_field", "reason", "in_review")
    assert "1 处照片存疑" in caught.value.title


def test_the_words_with_which_it_was_closed_stand_in_the_event_with_the_flags(work: Work) -> None:
    case = suspicious(work)
    seq = flag(work, case).seq
    asked = work.session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.seq == seq)).one()
    assert asked.data["flags"] == [{"photo": str(flag(work, case).photo_id), "kind": "older_than_report"}]
    act(work, case, OFFICE, "close", reason="手机日期设错，已到现场看过。")
    event, text = last_event(work, case)
    assert (event.action, text) == ("close", "手机日期设错，已到现场看过。")
    assert event.data["flags"] == asked.data["flags"]
    assert flag(work, case).settled_seq == event.seq


def test_what_was_sent_back_is_settled_and_the_next_round_starts_clean(work: Work) -> None:
    case = suspicious(work)
    act(work, case, OFFICE, "send_back", reason="照片是旧的")
    assert evidence.unsettled(work, case) == []
    ask(work, case, photo(work, **{**GOOD, "taken_at": work.now}))
    assert act(work, case, OFFICE, "close").state == "closed"


def test_odd_photos_of_a_look_back_do_not_stand_in_the_way_of_a_later_closing(work: Work) -> None:
    case = case_in(work, "closed")
    work.now = MONDAY + timedelta(days=9)
    old = photo(work, **{**GOOD, "taken_at": MONDAY - timedelta(days=9)})
    act(work, case, OFFICE, "fail_follow_up", photos=[old], reason="又倒了垃圾", place=HERE)
    work.now += timedelta(days=1)
    ask(work, case, photo(work, **{**GOOD, "taken_at": work.now}))
    assert act(work, case, OFFICE, "close").state == "closed"


def test_every_kind_of_flag_is_said_in_words(work: Work) -> None:
    at: datetime = MONDAY
    detail = {"at": at.isoformat(), "bound": at.isoformat(), "from": "exif", "metres": 900, "limit": 300, "bits": 2,
              "exact": False, "number": None, "same_case": False}  # fmt: skip
    known = {"no_time", "no_place", "in_future", "older_than_sending_back", *evidence.RED}
    for kind in known:
        said = evidence.words(EvidenceFlag(kind=kind, detail=detail))
        assert said.endswith("。")
        assert "None" not in said
