"""Assessment over HTTP: preview, cut-off, publishing, a late patrol as a proposed correction, who sees what."""

from __future__ import annotations

import io
from typing import Any

from openpyxl import load_workbook

from backend.county import County
from backend.jobs import drain
from backend.work import unit_of_work
from tests.build import POINTS, Build, phone_of
from tests.walks import Sender

LEAD = POINTS["inside_township"]["lead"]
JUNE = "/assessments/2026-06"


def one_of(items: list[dict[str, Any]], subject: str) -> dict[str, Any]:
    return next(one for one in items if one["subject"] == subject)


def part(shown: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in shown["parts"] if one["part"] == name)


def test_ledger_duties_and_assessment_agree_on_every_number(build: Build, county: County) -> None:
    sender = Sender(build, county)
    sender.send(sender.walk())
    drain()
    kept, _ = build.case("closed")
    build.report(at="inside_township", text="桥下又有一堆垃圾。")
    office = build.office()
    broken = next(c for c in office.get("/cases").json["items"] if c["id"] != kept)
    unit = broken["lead_unit"]
    build.clock.move(days=45)
    drain()
    office = build.office()
    units = office.get(JUNE).json["units"]
    shown = one_of(units, f"unit:{unit}")
    holders = {h["kind"]: h for h in office.get(f"/cases/{broken['id']}").json["holders"] if h["holder"] == unit}
    for kind in ("accept", "rectify"):
        named = {i for one in part(shown, kind)["deductions"] for i in one["ids"]["case"]}
        assert (broken["id"] in named) is holders[kind]["overdue"] is True
        assert kept not in named
    sums = office.get("/duties/summary?first=2026-06-01&last=2026-06-30").json["units"]
    for row in sums:
        if row["key"] != office.get("/session").json["unit"]:
            patrol = part(one_of(units, f"unit:{row['key']}"), "patrol")
            assert round(100 * patrol["value"], 1) == row["percent"]
    for unit_shown in units:
        for one in unit_shown["parts"]:
            assert round(sum(d["points"] for d in one["deductions"]), 2) == round(one["full"] - one["points"], 2)
            assert all(d["ids"] for d in one["deductions"])


def test_a_month_is_published_after_its_cut_off_and_a_late_patrol_becomes_a_correction(
    build: Build, county: County
) -> None:
    sender = Sender(build, county)
    late = sender.walk()
    build.clock.move(days=20)
    early = build.office().post(f"{JUNE}/publish")
    assert (early.status_code, early.json["code"]) == (409, "before_cut_off")
    build.clock.move(days=16)
    office = build.office()
    published = office.post(f"{JUNE}/publish")
    assert published.status_code == 200, published.json
    assert (published.json["proposed"], len(published.json["units"])) == ([], 12)
    assert office.post(f"{JUNE}/publish").json["code"] == "already_published"
    before = one_of(published.json["units"], f"unit:{sender.chief.unit}")

    sender.phone = build.official(sender.chief.phone)
    sender.send(late)
    drain()
    shown = office.get(JUNE).json
    assert one_of(shown["units"], before["subject"])["total"] == before["total"]
    assert {one["kind"] for one in shown["proposed"]} == {"unit", "chief"}
    new = one_of(shown["proposed"], before["subject"])
    assert new["total"] > before["total"]
    form = {"subject": before["subject"], "reason": "无信号，巡河记录补传。"}
    assert office.post(f"{JUNE}/corrections", {**form, "reason": "  "}).status_code == 422
    corrected = office.post(f"{JUNE}/corrections", form)
    assert corrected.status_code == 201, corrected.json
    held = one_of(corrected.json["units"], before["subject"])
    assert (held["total"], held["reason"]) == (new["total"], form["reason"])
    assert [old["total"] for old in held["earlier"]] == [before["total"]]
    assert office.post(f"{JUNE}/corrections", form).json["code"] == "nothing_to_correct"
    trend = office.get(f"/assessments/trend?subject={before['subject']}").json["items"]
    assert [(one["month"], one["total"]) for one in trend] == [("2026-06", new["total"])]
    rows = office.get(f"{JUNE}/summons").json["items"]
    assert rows
    assert all(row["reasons"] for row in rows)
    book = load_workbook(io.BytesIO(office.get(f"{JUNE}/scores.xlsx").data))
    assert book.sheetnames == ["乡镇", "河长", "扣分明细"]
    assert book["乡镇"].max_row == 13


def test_the_timer_freezes_a_month_once_and_what_comes_later_is_a_correction(build: Build, county: County) -> None:
    sender = Sender(build, county)
    late = sender.walk()
    build.clock.move(days=35)  # 6 July, nine in the morning: the cut-off is past, the timer was down
    sender.sign_in()
    sender.send(late)
    drain()
    office = build.office()
    waiting = office.get(JUNE).json
    build.clock.move(days=2)
    for _ in range(2):
        with unit_of_work() as work:
            work.defer("freeze_assessments")
        drain()
    office = build.office()
    frozen = office.get(JUNE).json
    assert (frozen["title"], frozen["published_at"]) == ("2026年6月考核（待公布）", None)
    assert "等待公布" in frozen["words"]
    assert [one["total"] for one in frozen["units"]] == [one["total"] for one in waiting["units"]]
    subject = f"unit:{sender.chief.unit}"
    traced = office.get(f"{JUNE}/scores/{subject}").json
    assert late.id not in part(traced, "patrol")["counted"]["patrol"]
    assert late.id in next(one for one in traced["proposed"] if one["part"] == "patrol")["counted"]["patrol"]
    told = [one for one in office.get("/notices?limit=100").json["items"] if one["title"] == "月度考核已截止"]
    assert len(told) == 1
    assert office.get(f"/assessments/trend?subject={subject}").json["items"] == []  # not published yet
    published = office.post(f"{JUNE}/publish").json
    assert [one["total"] for one in published["units"]] == [one["total"] for one in frozen["units"]]
    assert subject in {one["subject"] for one in published["proposed"]}


def test_a_score_is_traced_for_those_who_may_see_it_alone(build: Build, county: County) -> None:
    sender = Sender(build, county)
    walk = sender.walk()
    sender.send(walk)
    case, _ = build.case("closed")
    build.clock.move(days=8)
    traced = build.official(phone_of(LEAD)).get(f"{JUNE}/scores/unit:{LEAD}").json
    assert part(traced, "accept")["counted"] == part(traced, "rectify")["counted"] == {"case": [case]}
    assert traced["proposed"] is None
    sender.sign_in()
    person = sender.phone.get("/duties/mine").json["items"][0]["person_id"]
    mine = sender.phone.get(f"{JUNE}/scores/chief:{person}:village_chief:{sender.chief.unit}")
    assert part(mine.json, "patrol")["counted"]["patrol"] == [walk.id]
    other = next(unit for unit in ("530199001", "530199002") if unit != LEAD)
    assert build.official(phone_of(LEAD)).get(f"{JUNE}/scores/unit:{other}").status_code == 404
    assert build.official(phone_of(LEAD)).get(f"{JUNE}/scores/nobody").status_code == 404


def test_a_running_month_says_what_does_not_count_yet(build: Build) -> None:
    shown = build.office().get(JUNE).json
    assert (shown["title"], shown["over"], shown["frozen_at"]) == ("2026年6月考核（预览）", False, None)
    assert "不算缺失" in shown["words"]
    assert {one["total"] for one in shown["units"] + shown["chiefs"]} == {100}
    assert build.office().get(f"{JUNE}/summons").json == {"words": shown["words"], "items": []}


def test_the_workbook_holds_what_the_screen_shows(build: Build, county: County) -> None:
    build.case("assigned")
    build.clock.move(days=15)
    office = build.office()
    shown = office.get(JUNE).json
    answer = office.get(f"{JUNE}/scores.xlsx")
    assert "assessment-2026-06.xlsx" in answer.headers["Content-Disposition"]
    book = load_workbook(io.BytesIO(answer.data))
    units = sorted(shown["units"], key=lambda one: one["rank"])
    titles = [one["title"] for one in units[0]["parts"]]
    rows = list(book["乡镇"].iter_rows(values_only=True))
    assert rows[0] == ("名次", "名称", "身份", "总分", *titles, "更正理由")
    assert [row[:-1] for row in rows[1:]] == [
        (one["rank"], one["name"], None, one["total"], *(part["points"] for part in one["parts"])) for one in units
    ]
    assert book["河长"].max_row == len(shown["chiefs"]) + 1
    lost = [
        (
            one["name"],
            part["title"],
            less["points"],
            less["words"],
            " ".join(i for ids in less["ids"].values() for i in ids),
        )
        for one in shown["units"] + shown["chiefs"]
        for part in one["parts"]
        for less in part["deductions"]
    ]
    assert list(book["扣分明细"].iter_rows(min_row=2, values_only=True)) == lost
    for page in book.worksheets:
        assert (page.page_setup.orientation, int(page.page_setup.paperSize)) == ("landscape", 9)
        assert page.print_title_rows == "$1:$1"
        assert page.oddHeader.center.text == f"{county.name}2026年6月考核（预览）"
    assert book["乡镇"].freeze_panes == "C2"


def test_townships_see_their_own_and_once_published_the_totals_of_all(build: Build, county: County) -> None:
    sender = Sender(build, county)
    township = build.official(phone_of(LEAD))
    preview = township.get(JUNE).json
    assert [one["unit"] for one in preview["units"]] == [LEAD]
    assert {one["person_id"] for one in sender.phone.get(JUNE).json["chiefs"]} == {
        sender.phone.get("/duties/mine").json["items"][0]["person_id"]
    }
    build.clock.move(days=36)
    assert build.official(phone_of(LEAD)).post(f"{JUNE}/publish").status_code == 403
    assert build.office().post(f"{JUNE}/publish").status_code == 200
    shown = build.official(phone_of(LEAD)).get(JUNE).json
    assert len(shown["units"]) == 12
    assert {one["unit"] for one in shown["units"] if one["parts"] is not None} == {LEAD}
    assert build.official(sender.chief.phone).get(JUNE).json["units"] == []
    assert build.office().get("/assessments/2026-13").status_code == 404
    assert build.office().get("/assessments/2026-12").json["code"] == "month_ahead"
