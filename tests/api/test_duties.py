"""Duties over HTTP: mine, everybody's, who is behind, the table and its spreadsheet."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from openpyxl import load_workbook

from backend.county import County
from backend.domain import duties, people
from backend.jobs import drain
from backend.roster_file import RosterRow, read_roster
from backend.work import unit_of_work
from tests.build import QINGYUAN, Build, phone_of
from tests.walks import TOWNSHIP, Chief, Sender, chief


@pytest.fixture
def sender(build: Build, county: County) -> Sender:
    return Sender(build, county)


def test_a_chief_sees_what_is_due_and_that_it_is_done(sender: Sender) -> None:
    [due] = sender.phone.get("/duties/mine").json["items"]
    assert (due["needed"], due["done"], due["fulfilled"]) == (1, 0, False)
    assert due["words"] == "6月1日至7日应巡1次，已巡0次，还差1次。"
    sender.send(sender.walk())
    drain()
    [done] = sender.phone.get("/duties/mine").json["items"]
    assert (done["done"], done["fulfilled"], len(done["patrols"])) == (1, True, 1)
    assert done["next_from"] > done["first"]


def test_what_is_too_short_or_practice_does_not_count(sender: Sender) -> None:
    sender.send(sender.walk(metres=200))
    practice = sender.walk()
    sender.put(f"/{practice.id}", practice.start(sender.build.clock(), practice=True))
    sender.send(practice)
    drain()
    assert sender.phone.get("/duties/mine").json["items"][0]["done"] == 0


def test_a_joint_patrol_counts_for_both_until_one_declines(build: Build, county: County, sender: Sender) -> None:
    here = sender.chief.reaches[0]
    other = next(one for one in (chief(TOWNSHIP, n) for n in range(12)) if here in one.reaches)
    companion = build.official(other.phone)
    offered = sender.phone.get("/patrols/companions").json["items"]
    named = next(one["person"] for one in offered if one["role_title"] == TOWNSHIP)
    walk = sender.walk()
    sender.put(f"/{walk.id}", walk.start(build.clock(), companions=[named]))
    sender.send(walk)
    drain()
    done = [one["done"] for one in companion.get("/duties/mine").json["items"]]
    assert done == [1]
    assert companion.post(f"/patrols/{walk.id}/decline").status_code == 200
    assert [one["done"] for one in companion.get("/duties/mine").json["items"]] == [0]


def test_who_is_chief_of_two_villages_walks_in_both(build: Build, county: County, sender: Sender) -> None:
    """A patrol counts in the office it was walked in: one walk does not do for two villages."""
    other = chief(nth=7)
    roster = read_roster((QINGYUAN / "roster.csv").read_bytes(), county)
    name = next(row.name for row in roster if row.phone == sender.chief.phone)
    both = RosterRow(999, name, sender.chief.phone, "village_chief", other.unit, other.reaches)
    with unit_of_work() as work:
        people.import_roster(work, [*roster, both])
    try:
        sender.sign_in()
        sender.send(sender.walk())
        drain()
        due = sender.phone.get("/duties/mine").json["items"]
        assert {one["unit"]: one["done"] for one in due} == {sender.chief.unit: 1, other.unit: 0}
        week = sender.phone.get("/duties/completion?first=2026-06-01&last=2026-06-07").json["items"]
        assert {one["unit"]: one["fulfilled"] for one in week} == {sender.chief.unit: True, other.unit: False}
        build.clock.move(hours=2)
        there = Sender(build, county, Chief(sender.chief.phone, "village_chief", other.unit, other.reaches))
        there.send(there.walk())
        drain()
        due = sender.phone.get("/duties/mine").json["items"]
        assert {one["unit"]: one["done"] for one in due} == {sender.chief.unit: 1, other.unit: 1}
    finally:
        with unit_of_work() as work:
            people.import_roster(work, roster)


def test_everybody_sees_their_own_the_township_its_chiefs_the_office_all(build: Build, sender: Sender) -> None:
    week = "first=2026-06-01&last=2026-06-07"
    own = sender.phone.get(f"/duties/completion?{week}").json["items"]
    assert {one["person_id"] for one in own} == {own[0]["person_id"]}
    township = build.official(phone_of(sender.chief.unit)).get(f"/duties/completion?{week}").json["items"]
    assert {one["unit"] for one in township} == {sender.chief.unit}
    office = build.office().get(f"/duties/completion?{week}").json["items"]
    assert len({one["unit"] for one in office}) == 12
    assert build.resident("x").get("/duties/mine").status_code == 403
    far = build.office().get("/duties/completion?first=2020-01-01&last=2026-06-07")
    assert far.json["code"] == "period_too_long"


def test_who_is_behind_is_warned_once_by_day_and_red_goes_up(build: Build, sender: Sender) -> None:
    def warn() -> list[str]:
        with unit_of_work() as work:
            duties.warn(work)
        return [one["title"] for one in sender.phone.get("/notices").json["items"]]

    assert warn() == []  # Monday of the first week: nothing is wrong yet
    build.clock.move(days=4, hours=-4)  # Friday, five in the morning
    assert warn() == []
    build.clock.move(hours=5)
    assert warn() == ["巡河黄色预警"]
    assert warn() == ["巡河黄色预警"]
    build.clock.move(days=14)
    assert warn()[0] == "巡河红色预警"
    assert any("巡河红色预警" in one["title"] for one in build.office().get("/notices?limit=100").json["items"])
    page = build.office().get(f"/duties/behind?limit=200&unit={sender.chief.unit}&role=village_chief").json
    assert {one["level"] for one in page["items"]} == {"red"}


def test_the_pages_of_all_chiefs_hold_each_once(build: Build) -> None:
    office, seen, after = build.office(), [], ""
    while True:
        page = office.get(f"/duties?limit=30{after}").json
        seen += [one["role_id"] for one in page["items"]]
        if not page["next"]:
            break
        after = f"&after={page['next']}"
    assert len(seen) == len(set(seen)) == 91  # 66 village, 12 township, 12 patrollers, 1 county


def test_sums_and_the_spreadsheet_say_the_same(build: Build, sender: Sender) -> None:
    sender.send(sender.walk())
    drain()
    build.clock.move(days=7)
    asked = f"first=2026-06-01&last=2026-06-07&unit={sender.chief.unit}"
    office = build.office()
    table = office.get(f"/duties/completion?{asked}").json["items"]
    [unit] = office.get(f"/duties/summary?{asked}").json["units"]
    assert (unit["needed"], unit["done"]) == (sum(one["needed"] for one in table), 1)
    book = load_workbook(io.BytesIO(office.get(f"/duties/completion.xlsx?{asked}").data))
    rows = list(book["巡河完成情况"].iter_rows(min_row=3, values_only=True))
    assert [(row[0], row[6], row[7]) for row in rows] == [(one["name"], one["needed"], one["done"]) for one in table]
    assert next(book["按单位"].iter_rows(min_row=2, values_only=True))[2:4] == (unit["needed"], 1)
    assert book.sheetnames == ["巡河完成情况", "按单位", "按身份", "按河段"]
    page = book["巡河完成情况"]
    assert page["A1"].value.endswith("巡河完成情况（2026-06-01 至 2026-06-07）")
    assert [cell.value for cell in page[2]] == [
        "姓名", "身份", "单位", "周期", "起", "止", "应巡", "已巡", "完成", "迟到", "间隔不足", "按天折算",
        "还差的河段",
    ]  # fmt: skip
    assert (page.freeze_panes, page["E3"].number_format) == ("B3", "yyyy-mm-dd")
    assert {one.page_setup.orientation for one in book.worksheets} == {"landscape"}


def test_what_arrives_after_the_cut_off_counts_and_is_marked_late(build: Build, sender: Sender) -> None:
    walk = sender.walk()
    build.clock.move(days=40)  # no signal until 11 July
    sender.sign_in()
    sender.send(walk)
    drain()
    asked = f"first=2026-06-01&last=2026-06-07&person={sender.phone.get('/duties/mine').json['items'][0]['person_id']}"
    [row] = build.office().get(f"/duties/completion?{asked}").json["items"]
    assert (row["done"], row["late"]) == (1, 1)
    assert walk.began_at + timedelta(days=40) < build.clock()
