"""Set-up at the desk: files looked through before they count, binding codes, notice boards, the calendar."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest

from backend.clients import board_sheet
from backend.jobs import drain
from tests.api.test_imports import CLOSED, OPEN, xlsx
from tests.build import OFFICE, QINGYUAN, ROSTER, Build
from tests.desk.conftest import Screen

ROSTER_CSV = (QINGYUAN / "roster.csv").read_text("utf-8-sig")


def sheet_of(answer: Any) -> list[list[Any]]:
    book = openpyxl.load_workbook(io.BytesIO(answer.data))
    return [list(row) for row in book.worksheets[0].iter_rows(values_only=True)]


def choose(desk: Screen, name: str, data: bytes) -> None:
    desk.page.set_input_files(
        "input[type=file]", {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    )


def test_the_old_ledger_is_looked_through_carried_out_and_withdrawn(
    screen: Callable[..., Screen], build: Build
) -> None:
    faulty = {**OPEN, "编号": "2026-008", "问题类别": "不知道", "发现日期": "2026-13-40", "责任单位": "天上的单位"}
    desk = screen().open("/desk/setup")
    desk.sees("还没有导入过")
    desk.looks_right("setup")
    desk.page.locator("main").get_by_text("导入文件").click()
    desk.looks_right("imports")
    choose(desk, "老台账.xlsx", xlsx(CLOSED, OPEN, faulty))
    desk.press("上传并检查")
    desk.sees("文件已检查，还没有导入")
    desk.sees("2026-008")
    desk.sees("天上的单位")
    desk.looks_right("import")
    desk.press("只导入没有错误的 2 行")
    desk.sees("排队中")
    drain()
    desk.sees("已导入 2 件案件")
    desk.press("撤销这次导入")
    drain()
    desk.page.reload()
    desk.sees("已撤销")
    assert not build.office().get("/cases?state=rectifying").json["items"]  # type: ignore[index]


def test_template_and_list_of_faults_are_tables_to_work_with(build: Build) -> None:
    desk = build.at_the_desk(OFFICE)
    [headings] = sheet_of(desk.get("/desk/setup/imports/template/ledger.xlsx"))
    assert {"编号", "问题描述", "类别"} <= set(headings)
    page = desk.get("/desk/setup/imports").text
    assert all(f"{kind}样表.xlsx" in page for kind in ("原台账", "12345 工单"))
    assert len(sheet_of(desk.get("/desk/setup/imports/template/hotline.xlsx"))[0]) > 5
    faulty = {**OPEN, "问题类别": "不知道", "责任单位": "天上的单位"}
    shown = desk.send("/desk/setup/imports", kind="ledger", file=(io.BytesIO(xlsx(faulty)), "老台账.xlsx"))
    where = re.search(r"/desk/setup/imports/[\w-]+/faults.xlsx", shown.text)
    assert where is not None
    listed = sheet_of(desk.get(where[0]))
    assert any(row[1] == 3 and row[4] == "责任单位" and "天上的单位" in row[5] for row in listed)
    assert "请先选择文件" in desk.send("/desk/setup/imports", kind="ledger").text


def test_a_roster_replaces_the_old_one_after_everybody_it_changes_was_shown(
    screen: Callable[..., Screen], build: Build
) -> None:
    desk = screen().open("/desk/setup/roster")
    desk.looks_right("roster")
    gone = next(line for line in ROSTER if line[2] == "巡河员")
    changed = ROSTER_CSV.replace(",".join(gone) + "\n", "新来的,13900001234,巡河员,清源镇,\n")
    choose(desk, "名册.csv", changed.encode("utf-8-sig"))
    desk.press("上传并检查")
    desk.sees("名册还没有变")
    assert desk.page.locator("tr", has_text=gone[0]).get_by_text("离任").count()
    assert desk.page.locator("tr", has_text="新来的").get_by_text("新增").count()
    desk.looks_right("roster-file")
    desk.press("按这个文件更新名册")
    desk.sees("新增 1 个职务，结束 1 个")
    desk.fill("姓名或完整手机号", "13900001234")
    desk.press("查找")
    desk.sees("新来的")
    assert desk.page.locator("tbody tr").count() == 1


def test_a_faulty_roster_changes_nobody_and_names_each_cell(build: Build) -> None:
    desk = build.at_the_desk(OFFICE)
    bad = ROSTER_CSV + "张三,1390000,河神,清源镇,\n"
    shown = desk.send("/desk/setup/roster/file", file=(io.BytesIO(bad.encode()), "名册.csv")).text
    assert "有 2 处错误，名册没有变" in shown
    assert "1390000" in shown
    assert "角色“河神”不认识" in shown
    draft = re.search(r"/desk/setup/roster/file/([\w-]+)/faults.xlsx", shown)
    assert draft is not None
    assert [row[1] for row in sheet_of(desk.get(draft[0]))[3:]] == ["手机号", "角色"]
    refused = desk.send(f"/desk/setup/roster/file/{draft[1]}/use")
    assert refused.status_code == 422
    assert "没有找到" in desk.get("/desk/setup/roster?words=张三").text


def test_an_unconfirmed_roster_is_forgotten_after_a_day(build: Build) -> None:
    desk = build.at_the_desk(OFFICE)
    shown = desk.send("/desk/setup/roster/file", follow=False, file=(io.BytesIO(ROSTER_CSV.encode()), "名册.csv"))
    build.clock.move(hours=25)
    drain()
    over = build.at_the_desk(OFFICE).get(shown.location)
    assert (over.status_code, "请重新上传" in over.text) == (409, True)


def test_a_binding_code_is_shown_once_binds_and_can_be_revoked(screen: Callable[..., Screen], build: Build) -> None:
    name, number = ROSTER[-1][0], ROSTER[-1][1]
    desk = screen().open(f"/desk/setup/roster?words={number}")
    desk.page.get_by_role("button", name=f"给 {name} 签发绑定码").click()
    code = desk.page.locator(".slip-code").inner_text().replace(" ", "")
    assert re.fullmatch(r"\d{8}", code)
    desk.looks_right("binding-code")
    bound = build.resident("somebody").post("/session/binding-code", {"code": code})
    assert bound.status_code == 200, bound.json
    desk.open(f"/desk/setup/roster?words={number}")
    desk.sees("已用")
    desk.page.get_by_role("button", name=f"给 {name} 签发绑定码").click()
    code = desk.page.locator(".slip-code").inner_text().replace(" ", "")
    desk.press("作废")
    desk.sees("绑定码已作废")
    assert build.resident("other").post("/session/binding-code", {"code": code}).status_code == 422


def test_boards_are_chosen_and_printed_a_page_each(screen: Callable[..., Screen], build: Build) -> None:
    desk = screen().open("/desk/setup/boards")
    desk.looks_right("boards")
    printed = build.at_the_desk(OFFICE)
    code = desk.page.locator("input[name=board]").first.get_attribute("value")
    for paper, width in (("a3", b"841"), ("a4", b"595")):
        made = printed.get(f"/desk/setup/boards/boards.pdf?board={code}&paper={paper}&kind=link")
        assert made.content_type == "application/pdf"
        assert re.search(rb"MediaBox ?\[0 0 " + width, made.data), paper
    one = board_sheet.Printed(board_sheet.qr("https://example.org/b/1"), "清水河段", "一号牌", "GSP-1", [])
    two = board_sheet.sheets([one, one], county="清源县", hotline="", paper="a4")
    assert re.search(rb"/Count 2\b", two)
    assert "请先勾选" in printed.get("/desk/setup/boards/boards.pdf").text
    build.control("pages", pages=["pages/home/home"])
    try:
        assert "普通二维码" in printed.get(f"/desk/setup/boards/boards.pdf?board={code}").text
    finally:
        build.control("pages", pages=[])


def test_the_calendar_tells_its_days_and_the_year_that_is_missing(screen: Callable[..., Screen], build: Build) -> None:
    desk = screen().open("/desk/setup/calendar?year=2026")
    desk.sees("calendar-2026.toml")
    assert "没有 calendar-2027.toml" in desk.text()
    desk.looks_right("calendar")


@pytest.mark.parametrize("path", ["setup", "setup/imports", "setup/roster", "setup/rules", "setup/boards"])
def test_set_up_is_the_offices_alone(build: Build, path: str) -> None:
    handler = next(line for line in ROSTER if line[2] == "经办人")
    assert build.at_the_desk(handler[1]).get(f"/desk/{path}").status_code == 403
