"""Rules changed at the desk: edited or uploaded, every fault told, looked at, in force from a day, compared."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable

from tests.build import OFFICE, QINGYUAN, Build
from tests.desk.conftest import Screen


def test_a_limit_is_changed_from_a_day_after_its_effects_were_seen(screen: Callable[..., Screen], build: Build) -> None:
    build.case("rectifying")
    desk = screen().open("/desk/setup/rules")
    desk.looks_right("rules")
    desk.page.get_by_role("link", name="修改期限").click()
    desk.fill("垃圾倾倒 各种程度 整改期限", "两")
    desk.press("下一步：看影响")
    desk.sees("垃圾倾倒的整改期限“两”应是 1 到 999 的整数")
    desk.fill("垃圾倾倒 各种程度 整改期限", "2")
    desk.press("下一步：看影响")
    desk.sees("严重程度“较重”的整改期限（3）比“一般”（2）还长")
    desk.fill("垃圾倾倒 各种程度 整改期限", "4")
    desk.looks_right("rules-edit")
    desk.press("下一步：看影响")
    desk.sees("只作比较，这些期限不会变")
    assert desk.page.locator("tr", has_text="垃圾倾倒　整改期限").count() == 1
    desk.looks_right("rules-draft")
    desk.page.locator("#effective_on").fill("2026-06-01")
    desk.fill("依据和原因（会留下记录）", "县办〔2026〕3 号")
    desk.press("存为新版本")
    desk.sees("2026-06-01 起生效")
    assert "县办〔2026〕3 号" in desk.text()
    shown = build.office().get("/cases").json["items"][0]  # type: ignore[index]
    assert shown["clocks"][0]["due_at"].startswith("2026-06-08"), "a deadline that runs is not touched"
    build.report(at="exclave")
    newer = build.office().get("/cases").json["items"][0]  # type: ignore[index]
    clock = next(one for one in newer["clocks"] if one["kind"] == "rectify")
    assert clock["due_at"].startswith("2026-06-05")


def test_a_file_of_the_county_is_refused_with_every_fault_and_place(build: Build) -> None:
    desk = build.at_the_desk(OFFICE)
    reaches = (QINGYUAN / "reaches.geojson").read_text("utf-8").replace('"lead":"530199002"', '"lead":"530199999"')
    shown = desk.send("/desk/setup/rules/file", file=(io.BytesIO(reaches.encode()), "reaches.geojson")).text
    assert "规则没有变" in shown
    assert "牵头乡镇 530199999 应是左岸或右岸乡镇之一" in shown
    draft = re.search(r"/desk/setup/rules/drafts/[\w-]+", shown)
    assert draft is not None
    refused = desk.send(f"{draft[0]}/confirm", effective_on="2026-06-02", reason="换边界")
    assert refused.status_code == 409
    assert desk.get(f"{draft[0]}/faults.xlsx").status_code == 200
    wrong = desk.send("/desk/setup/rules/file", file=(io.BytesIO(b"x"), "边界.shp")).text
    assert "不认识这个文件名" in wrong


def test_a_calendar_is_added_by_a_file_and_the_version_can_be_taken_back(build: Build) -> None:
    desk = build.at_the_desk(OFFICE)
    first = re.search(r"第 (\d+) 版</a>", desk.get("/desk/setup/rules").text)
    assert first is not None
    calendar = b"holidays = [2027-01-01]\nworkdays = []\n"
    shown = desk.send("/desk/setup/rules/file", file=(io.BytesIO(calendar), "calendar-2027.toml")).text
    assert "2027" in shown
    draft = re.search(r"/desk/setup/rules/drafts/[\w-]+", shown)
    assert draft is not None
    past = desk.send(f"{draft[0]}/confirm", effective_on="2026-05-31", reason="新日历")
    assert (past.status_code, "生效日期不能早于今天" in past.text, "新日历" in past.text) == (422, True, True)
    assert "起生效" in desk.send(f"{draft[0]}/confirm", effective_on="2026-06-01", reason="新日历").text
    assert desk.send(f"{draft[0]}/confirm", effective_on="2026-06-01", reason="再来一次").status_code == 409
    assert "calendar-2027.toml" in desk.get("/desk/setup/calendar?year=2027").text
    last = re.search(r"第 (\d+) 版</a>", desk.get("/desk/setup/rules").text)
    assert last is not None
    folder = desk.get(f"/desk/setup/rules/versions/{last[1]}/folder.zip")
    assert "calendar-2027.toml" in zipfile.ZipFile(io.BytesIO(folder.data)).namelist()
    back = desk.send(f"/desk/setup/rules/versions/{first[1]}/restore").text
    assert f"恢复第 {first[1]} 版" in back
    assert "年份" in back


def test_of_two_changes_built_on_the_same_version_only_the_first_holds(build: Build) -> None:
    desk = build.at_the_desk(OFFICE)
    kept = []
    for year in (2027, 2028):
        calendar = f"holidays = [{year}-01-01]\nworkdays = []\n".encode()
        shown = desk.send("/desk/setup/rules/file", file=(io.BytesIO(calendar), f"calendar-{year}.toml")).text
        found = re.search(r"/desk/setup/rules/drafts/[\w-]+", shown)
        assert found is not None
        kept.append(found[0])
    form = {"effective_on": "2026-06-03", "reason": "新日历"}
    assert "起生效" in desk.send(f"{kept[0]}/confirm", **form).text
    late = desk.send(f"{kept[1]}/confirm", **form)
    assert (late.status_code, "请在它的基础上重新修改" in late.text) == (409, True)
    assert "待生效" in desk.get("/desk/setup/rules").text
