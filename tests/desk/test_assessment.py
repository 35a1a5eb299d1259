"""Assessment at the desk: published, every number followed to what is behind it, corrected in the open, printed."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from openpyxl import load_workbook

from backend.county import County
from backend.jobs import drain
from tests.build import OFFICE, POINTS, ROSTER, Build, phone_of
from tests.desk.conftest import Screen
from tests.walks import Sender, Walk

LEAD = POINTS["inside_township"]["lead"]
HEAD = "单位负责人"


def a_month_with_a_late_patrol(build: Build, county: County, days: int = 36) -> tuple[Sender, Walk, str]:
    """June, past its cut-off: a case that nobody took up in time, and a patrol that is not sent in yet."""
    sender = Sender(build, county)
    walk = sender.walk()
    case_id, _ = build.case("assigned")
    build.clock.move(days=days)
    sender.sign_in()
    return sender, walk, case_id


def test_a_month_is_published_and_each_number_opens_what_is_behind_it(
    screen: Callable[..., Screen], build: Build, county: County
) -> None:
    sender, walk, _ = a_month_with_a_late_patrol(build, county, days=67)
    desk = screen().open("/desk/assessment?month=2026-06")
    desk.sees("等待公布")
    desk.page.locator("summary", has_text="公布…").click()
    desk.press("确认公布")
    desk.sees("已公布，今后只能公开更正")
    sender.send(walk)
    drain()
    assert build.office().post("/assessments/2026-07/publish").status_code == 200
    desk.open("/desk/assessment")
    desk.page.wait_for_selector("[data-chart][data-drawn]")
    desk.looks_right("assessment")
    desk.open("/desk/assessment?month=2026-06")
    desk.page.locator("tr", has_text=county.unit_by_code[LEAD].name).first.locator("a.lost").first.focus()
    desk.page.keyboard.press("Enter")
    desk.page.wait_for_url("**/scores/unit:**")
    desk.sees("逾期签收")
    desk.looks_right("score")
    desk.page.locator("a", has_text="案件 QH-").first.click()
    desk.sees("办理经过")
    walked_in = county.unit_by_code[sender.chief.unit].name
    desk.open("/desk/assessment?month=2026-06")
    desk.sees("待更正")
    desk.page.get_by_label(f"更正{walked_in}的理由").fill("无信号，巡河记录补传。")
    desk.press("更正")
    desk.sees("更正记录")
    desk.sees("无信号，巡河记录补传。")
    desk.page.get_by_role("link", name="2026年6月考核").first.click()
    desk.sees("更正过：")


def score_page(build: Build, number: str, month: str, subject: str) -> Any:
    return build.at_the_desk(number).get(f"/desk/assessment/{month}/scores/{subject}")


def test_a_township_reads_its_own_score_and_only_the_totals_of_others_once_they_are_published(
    build: Build, county: County
) -> None:
    _, _, _ = a_month_with_a_late_patrol(build, county)
    other = next(unit.code for unit in county.units if unit.kind == "township" and unit.code != LEAD)
    head = phone_of(LEAD, HEAD)
    before = build.at_the_desk(head).get("/desk/assessment?month=2026-06").text
    assert county.unit_by_code[other].name not in before
    assert build.office().post("/assessments/2026-06/publish").status_code == 200
    after = build.at_the_desk(head).get("/desk/assessment?month=2026-06").text
    assert county.unit_by_code[other].name in after
    assert f"unit:{other}" not in after  # no way to what is behind it
    assert score_page(build, head, "2026-06", f"unit:{LEAD}").status_code == 200
    assert score_page(build, head, "2026-06", f"unit:{other}").status_code == 404
    assert build.at_the_desk(head).send("/desk/assessment/2026-06/publish").status_code == 403


def test_the_sheet_and_the_paper_hold_what_the_page_shows(build: Build, county: County) -> None:
    _, _, case_id = a_month_with_a_late_patrol(build, county)
    desk = build.at_the_desk(OFFICE)
    book = load_workbook(io.BytesIO(desk.get("/desk/assessment/2026-06/scores.xlsx").data), read_only=True)
    assert book.sheetnames == ["乡镇", "河长", "扣分明细"]
    paper = desk.get("/desk/assessment/2026-06/paper")
    assert (paper.status_code, paper.mimetype) == (200, "application/pdf")
    assert paper.data.startswith(b"%PDF")
    number = build.office().get(f"/cases/{case_id}").json["number"]  # type: ignore[index]
    assert number in score_page(build, OFFICE, "2026-06", f"unit:{LEAD}").text


def test_whoever_is_on_the_roster_reads_both_pages_and_a_village_chief_finds_their_own_score(build: Build) -> None:
    seen = {}
    for role in ("县级河长", "乡级河长", "村级河长", "巡河员", "督查员", "经办人", HEAD):
        desk = build.at_the_desk(next(row[1] for row in ROSTER if row[2] == role))
        pages = [desk.get(path) for path in ("/desk/patrols", "/desk/patrols/walked", "/desk/assessment")]
        assert [page.status_code for page in pages] == [200, 200, 200], role
        seen[role] = pages
    assert "/scores/chief:" in seen["村级河长"][2].text
    assert "提醒选中的" in seen["乡级河长"][0].text
    for role in ("村级河长", "督查员"):
        assert "提醒选中的" not in seen[role][0].text


def test_a_month_that_cannot_be_shown_says_so_in_plain_words(build: Build) -> None:
    desk = build.at_the_desk(OFFICE)
    assert "还没有开始" in desk.get("/desk/assessment?month=2027-01").text
    assert desk.get("/desk/assessment?month=2026-13").status_code == 422
