"""Supervision of patrols at the desk: who did what was owed, each patrol played back, and those behind reminded."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable

import pytest
from openpyxl import load_workbook
from playwright.sync_api import expect

from backend.county import County
from backend.jobs import drain
from tests.build import OFFICE, Build, phone_of
from tests.desk.conftest import Screen
from tests.walks import TOWNSHIP, Sender, Walk, chief


@pytest.fixture
def sender(build: Build, county: County) -> Sender:
    return Sender(build, county)


def walked_with_a_gap(sender: Sender) -> Walk:
    """A walk with a photo, in the middle of which the phone lost its signal."""
    build, walk = sender.build, sender.walk(metres=2000)
    lon, lat = walk.places[20]
    claimed = {"claimed_at": walk.by_phone(walk.began_at), "claimed_lon": lon, "claimed_lat": lat}
    photo = build.photo(sender.phone, **claimed, coord_type="wgs84")
    assert sender.put(f"/{walk.id}/photos/{uuid.uuid4()}", {"photo": photo}).status_code == 200
    messages = walk.messages(build.clock())
    for path, body in (*messages[:3], *messages[5:]):
        sender.put(path, body)
    build.clock.move(minutes=2)
    drain()
    return walk


def test_who_is_behind_is_found_in_the_matrix_and_reminded_after_a_second_look(
    screen: Callable[..., Screen], build: Build, sender: Sender
) -> None:
    sender.send(sender.walk())
    drain()
    build.clock.move(days=9)
    short = Sender(build, sender.county, chief(TOWNSHIP))
    short.send(short.walk(metres=400))
    out = Sender(build, sender.county, chief(nth=3))
    walking = Walk(sender.county, out.chief, build.clock())
    out.put(f"/{walking.id}", walking.start(build.clock()))
    drain()
    desk = screen().open("/desk/patrols")
    desk.sees("按周巡河")
    desk.sees("1/1")
    desk.page.get_by_label("单位", exact=True).select_option(sender.chief.unit)
    desk.page.wait_for_url("**unit=**")
    desk.looks_right("patrols")
    desk.page.get_by_label("预警", exact=True).select_option("orange")
    desk.page.wait_for_url("**warning=orange**")
    boxes = desk.page.locator("input[name=role_ids]")
    n = boxes.count()
    assert n > 0
    desk.page.get_by_label("全选本页没完成的").focus()
    desk.page.keyboard.press("Space")
    desk.page.locator("#remind-reason").fill("上周没有巡河，本周请补上。")
    desk.press("提醒…")
    desk.sees(f"将提醒 {n} 人")
    desk.looks_right("duty-reminders")
    desk.press(f"确认提醒 {n} 人")
    desk.sees(f"已提醒 {n} 人")
    desk.open(f"/desk/patrols?unit={sender.chief.unit}&warning=orange")
    assert boxes.count() == 0  # nobody is reminded twice within the hours of the rules


def test_a_patrol_is_played_back_with_its_photos_and_gaps(
    screen: Callable[..., Screen], build: Build, sender: Sender
) -> None:
    walk = walked_with_a_gap(sender)
    assert sender.phone.get(f"/patrols/{walk.id}").json["valid"] is True  # type: ignore[index]
    desk = screen().open(f"/desk/patrols/walked?since={build.clock():%Y-%m-%d}")
    desk.looks_right("walked")
    desk.page.locator("a", has_text="回放").first.click()
    desk.page.wait_for_selector("[data-track][data-drawn]")
    desk.sees("没有定位的时段")
    desk.page.get_by_label("回放速度").select_option("300")
    desk.press("开始")
    place = desk.page.get_by_label("回放到什么时候")
    expect(place).not_to_have_value("0")
    desk.press("暂停")
    held = place.input_value()
    place.press("End")
    assert int(place.input_value()) > int(held)
    desk.looks_right("patrol")


def test_without_scripts_the_matrix_is_read_the_reminder_sent_and_the_table_taken(build: Build, sender: Sender) -> None:
    township = build.at_the_desk(phone_of(sender.chief.unit))
    page = township.get("/desk/patrols").text
    assert "按周巡河" in page
    role = sender.phone.get("/duties/mine").json["items"][0]["role_id"]  # type: ignore[index]
    asked = township.send("/desk/patrols/reminders/look", role_ids=role)
    assert "将提醒 1 人" in asked.text
    assert "发出后不能收回" in asked.text
    assert "已提醒 1 人" in township.send("/desk/patrols/reminders", role_ids=role, reason="请按时巡河。").text
    again = township.send("/desk/patrols/reminders", role_ids=role, reason="请按时巡河。").text
    assert "1 人没有提醒" in again
    assert "24小时内不重复提醒" in again
    book = load_workbook(io.BytesIO(township.get("/desk/patrols/duties.xlsx?month=2026-06").data), read_only=True)
    assert {row[2].value for row in book["巡河完成情况"].iter_rows(min_row=4)} <= {"单位", book_unit(build, sender)}
    assert "请先勾选" in township.send("/desk/patrols/reminders/look").text


def book_unit(build: Build, sender: Sender) -> str:
    return next(
        str(one["unit_name"])
        for one in build.office().get("/duties?limit=200").json["items"]  # type: ignore[index]
        if one["unit"] == sender.chief.unit
    )


def test_another_township_on_the_bank_sees_the_line_without_its_ends_and_a_stranger_nothing(
    build: Build, county: County, sender: Sender
) -> None:
    walk = walked_with_a_gap(sender)
    reach = county.reach_by_code[str(walk.reach)]
    banks = {reach.left_bank, reach.right_bank, reach.lead, sender.chief.unit}
    across = next(unit for unit in (reach.left_bank, reach.right_bank) if unit != sender.chief.unit)
    stranger = next(unit.code for unit in county.units if unit.kind == "township" and unit.code not in banks)
    office, other, far = (build.at_the_desk(number) for number in (OFFICE, phone_of(across), phone_of(stranger)))
    whole = office.get(f"/desk/patrols/{walk.id}/track.geojson").get_json(force=True)
    hidden = other.get(f"/desk/patrols/{walk.id}/track.geojson").get_json(force=True)
    assert (whole["properties"]["ends_hidden"], hidden["properties"]["ends_hidden"]) == (False, True)
    assert "两端各隐去" in other.get(f"/desk/patrols/{walk.id}").text
    assert far.get(f"/desk/patrols/{walk.id}").status_code == 404
    assert far.get(f"/desk/patrols/{walk.id}/track.geojson").status_code == 404
    assert office.get(f"/desk/patrols/{walk.id}/track.gpx").mimetype == "application/gpx+xml"
