"""The ledger and the case page at the desk: found, reminded, exported; acted on at the version that was seen."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.jobs import drain
from backend.local.pictures import make_jpeg
from tests.build import OFFICE, POINTS, Build, phone_of
from tests.desk.conftest import Screen

LEAD = POINTS["inside_township"]["lead"]
HANDLER = phone_of(LEAD)


def test_the_ledger_is_filtered_in_its_address_and_kept_as_a_view(screen: Callable[..., Screen], build: Build) -> None:
    build.case("rectifying", text="化工厂夜里排污。")
    build.case("assigned", at="exclave", text="河边倒垃圾。")
    desk = screen().open("/desk/ledger")
    assert desk.page.locator("[data-row]").count() == 2
    desk.looks_right("ledger")
    desk.fill("内容含有", "排污")
    desk.press("查找")
    desk.sees("整改中")
    assert "text=" in desk.page.url
    assert desk.page.locator("[data-row]").count() == 1
    desk.page.get_by_text("我的视图").click()
    desk.fill("现在的筛选存为", "排污的")
    desk.press("保存")
    desk.sees("视图“排污的”已保存")
    assert desk.page.locator("[data-row]").count() == 1
    desk.open("/desk/ledger").page.get_by_text("显示的列").click()
    desk.page.get_by_label("来源编号").check()
    desk.press("使用这些列")
    desk.sees("来源编号")


def test_chosen_cases_are_reminded_in_one_go_and_what_was_not_is_told(
    screen: Callable[..., Screen], build: Build
) -> None:
    build.case("rectifying")
    build.case("closed", at="exclave")
    desk = screen().open("/desk/ledger")
    desk.page.get_by_label("全选本页").check()
    desk.page.locator("#remind-reason").fill("请尽快办理")
    desk.press("批量催办")
    desk.sees("已催办 1 件")
    desk.sees("1 件没有催办")
    desk.looks_right("reminded")


def test_what_the_filters_show_is_exported_in_the_background(screen: Callable[..., Screen], build: Build) -> None:
    build.case("rectifying")
    desk = screen().open("/desk/ledger")
    desk.page.locator("summary", has_text="导出").click()
    desk.press("Excel 文件")
    desk.sees("排队中")
    drain()
    desk.sees("可以下载")
    desk.looks_right("exports")
    assert desk.page.get_by_role("link", name="下载").get_attribute("href")


def test_a_township_works_on_its_case_at_the_desk_up_to_the_closure_with_photos(
    screen: Callable[..., Screen], build: Build, tmp_path: Path
) -> None:
    case_id, _ = build.case("assigned")
    desk = screen(HANDLER).open(f"/desk/cases/{case_id}")
    desk.press("签收")
    desk.sees("已签收。")
    desk.fill("整改措施", "清运垃圾")
    desk.fill("责任人", "李四")
    desk.fill("完成日期", "2026-06-05")
    desk.press("开始整改")
    desk.sees("已开始整改。")
    after = tmp_path / "after.jpg"
    after.write_bytes(make_jpeg(800, 600, text="clean", seed=7))
    desk.page.get_by_label("现场照片").first.set_input_files(after)
    desk.fill("整改情况", "已清运干净")
    desk.press("申请销号")
    desk.sees("已申请销号。")
    office = screen().open(f"/desk/cases/{case_id}")
    office.sees("整改前")
    office.page.wait_for_selector("[data-drawn]")
    office.looks_right("case")
    office.press("销号")
    office.sees("已销号。")


def test_who_acts_on_what_changed_meanwhile_is_told_what_and_loses_no_word(
    screen: Callable[..., Screen], build: Build
) -> None:
    case_id, handler = build.case("assigned")
    desk = screen(HANDLER).open(f"/desk/cases/{case_id}")
    assert build.office().act(case_id, "grade", severity="serious", reason="影响大").status_code == 200
    desk.page.locator("summary", has_text="退回").click()
    desk.page.locator("#return-reason").fill("不在我乡范围")
    desk.page.get_by_role("button", name="退回", exact=True).click()
    desk.sees("刚刚被别人处理过，没有提交")
    desk.sees("定级")
    assert desk.page.locator("#return-reason").input_value() == "不在我乡范围"
    desk.wcag()
    desk.picture("case-stale")
    assert handler.get(f"/cases/{case_id}").json["state"] == "assigned"  # type: ignore[index]


def test_pressing_twice_acts_once(build: Build) -> None:
    case_id, handler = build.case("assigned")
    desk = build.at_the_desk(HANDLER)
    version = handler.get(f"/cases/{case_id}").json["version"]  # type: ignore[index]
    form = {"version": str(version), "form_key": "one-and-the-same-key", "note": "已到现场"}
    for _ in range(2):
        assert "已补充情况" in desk.send(f"/desk/cases/{case_id}/actions/note", **form).text
    events = handler.get(f"/cases/{case_id}/events").json["items"]  # type: ignore[index]
    assert [event["action"] for event in events].count("note") == 1


@pytest.mark.parametrize("version", ["", "x", "-1"])
def test_a_form_without_a_version_is_refused(build: Build, version: str) -> None:
    case_id, _ = build.case("assigned")
    answer = build.at_the_desk(HANDLER).send(f"/desk/cases/{case_id}/actions/accept", version=version)
    assert answer.status_code == 422


def test_the_case_of_another_township_does_not_exist_here(build: Build) -> None:
    case_id, _ = build.case("assigned", at="exclave")
    other = build.at_the_desk(HANDLER)
    for path in (f"/desk/cases/{case_id}", f"/desk/cases/{case_id}/paper"):
        assert other.get(path).status_code == 404
    assert case_id not in other.get("/desk/ledger").text


def test_a_township_reads_masked_words_and_no_identity(build: Build) -> None:
    case_id, _ = build.case("assigned", text="张三，电话13800001111，看见排污。", contact_phone="13800001111",
                            contact_name="张三", privacy="confidential")  # fmt: skip
    page = build.at_the_desk(HANDLER).get(f"/desk/cases/{case_id}").text
    assert "13800001111" not in page
    assert "查看举报人身份" not in page


def test_a_look_at_an_identity_wants_a_reason_and_is_on_record(screen: Callable[..., Screen], build: Build) -> None:
    case_id, _ = build.case("assigned", contact_phone="13800001111", contact_name="张三", privacy="confidential")
    desk = screen().open(f"/desk/cases/{case_id}")
    assert "13800001111" not in desk.text()
    desk.page.get_by_text("查看举报人身份").click()
    desk.page.get_by_label("查看身份的理由").fill("核实情况")
    desk.press("确认查看")
    desk.sees("13800001111")
    desk.looks_right("identity")
    looks = build.office().get("/identity-looks").json["items"]  # type: ignore[index]
    assert [look["reason"] for look in looks] == ["核实情况"]


def test_the_case_is_printed_on_a4_with_the_hash_of_each_event(build: Build) -> None:
    case_id, _ = build.case("rectifying")
    answer = build.at_the_desk(OFFICE).get(f"/desk/cases/{case_id}/paper")
    assert answer.status_code == 200
    assert answer.mimetype == "application/pdf"
    assert answer.data.startswith(b"%PDF")


def test_the_printed_case_carries_its_photos_and_says_how_many_are_left_out(build: Build) -> None:
    resident = build.resident()
    case_id, _ = build.case("closed", photos=[build.photo(resident) for _ in range(8)])
    paper = build.at_the_desk(OFFICE).get(f"/desk/cases/{case_id}/paper").data
    after = len(build.office().get(f"/cases/{case_id}").json["evidence"])  # type: ignore[index]
    assert paper.count(b"/Subtype/Image") == 6 + after


def test_the_situation_shows_the_county_and_refreshes_on_the_wall(screen: Callable[..., Screen], build: Build) -> None:
    build.case("rectifying")
    build.case("assigned", at="exclave")
    build.clock.move(days=40)
    desk = screen().open("/desk/situation")
    desk.page.wait_for_selector("[data-drawn]")
    desk.sees("谁超期")
    desk.looks_right("situation")
    desk.open("/desk/situation?wall=true").page.wait_for_selector("[data-drawn]")
    assert desk.page.locator("[data-refresh]").count() == 1
    desk.picture("wall")
    desk.open("/desk/").looks_right("home")


def test_a_form_with_photos_may_be_larger_than_other_forms(build: Build) -> None:
    case_id, _ = build.case("assigned")
    desk = build.at_the_desk(HANDLER)

    def sent(path: str, **form: str) -> int:
        return desk.send(path, photos=(io.BytesIO(b"\0" * 9 * 1024 * 1024), "大.jpg"), **form).status_code

    assert sent(f"/desk/cases/{case_id}/actions/accept", version="1") != 413
    assert sent("/desk/ledger/views", name="x") == 413
