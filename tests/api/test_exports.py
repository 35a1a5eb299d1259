"""The ledger taken out: short at once, long as a file that is made, watched, fetched and removed again."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl
import pytest
import requests
from flask import current_app
from sqlalchemy import select

from backend import sheet_file
from backend.clock import SHANGHAI
from backend.domain import exports
from backend.domain.exports import Press
from backend.domain.sheets import FileForm, Sheet
from backend.jobs import drain
from backend.models import Export, LedgerUse, RosterRole
from backend.work import aside, reading, unit_of_work
from tests.build import POINTS, Build, Phone, phone_of
from tests.ledger_rows import fill

TOWNSHIP = POINTS["inside_township"]["lead"]
Row = dict[str, Any]


def read_csv(data: bytes) -> list[Row]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def read_xlsx(data: bytes) -> tuple[str, str, list[Row]]:
    """The title, the note above the header, and the rows."""
    title, note, header, *rows = openpyxl.load_workbook(io.BytesIO(data)).active.iter_rows(values_only=True)
    return title[0], note[0], [dict(zip(header, row, strict=True)) for row in rows]


def exported(phone: Phone, query: str = "") -> list[Row]:
    answer = phone.get(f"/cases/export?format=csv&{query}")
    assert answer.status_code == 200, answer.json
    return read_csv(answer.data)


def local(at: str) -> str:
    return f"{datetime.fromisoformat(at).astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


# ---- short ones ------------------------------------------------------------------------------------------------------


def test_a_case_stands_in_one_row_with_its_whole_life(build: Build) -> None:
    case_id, _ = build.case("closed")
    resident = build.resident()
    office = build.office()
    report = resident.get("/reports").json["items"][0]
    resident.call("PUT", f"/reports/{report['id']}/rating", {"stars": 4})
    shown = office.get(f"/cases/{case_id}").json
    events = {event["action"]: event["at"] for event in office.get(f"/cases/{case_id}/events").json["items"]}
    answer = office.get("/cases/export")
    assert answer.status_code == 200
    assert answer.mimetype == sheet_file.CONTENT_TYPES["xlsx"]
    assert ".xlsx" in answer.headers["Content-Disposition"]
    title, note, [row] = read_xlsx(answer.data)
    assert title == "清源县河湖问题台账（截至2026年6月1日）"
    assert "清源县河长制办公室（县河长办）" in note
    assert "共 1 件" in note
    [text_row] = exported(office)
    assert text_row["编号"] == row["编号"] == shown["number"]
    assert row["状态"] == "已销号"
    assert row["来源"] == "群众举报"
    assert row["类别"] == shown["category_name"]
    assert row["严重程度"] == shown["severity_name"]
    assert row["主办单位"] == row["所在乡镇"] == shown["lead_unit_name"]
    assert row["举报方式"] == "实名"
    for column, action in (
        ("首次交办", "assign"), ("签收", "accept"), ("开始整改", "start"), ("申请销号", "request_closure"),
        ("销号", "close"), ("登记时间", "submit"),
    ):  # fmt: skip
        assert text_row[column] == local(events[action]), column
        assert f"{row[column]:%Y-%m-%d %H:%M}" == local(events[action]), column
    assert text_row["整改期限（首次）"] == text_row["整改期限（现在）"] == local(shown["first_rectify_by"])
    assert (row["签收期限（逾期过）"], row["分办期限（首次）"]) == ("否", None)
    assert f"{shown['lead_unit_name']}整改0天" in row["各单位用时（工作日）"]
    assert row["办理结果"] == "已清理"
    assert row["评价（星）"] == 4
    assert (row["退回次数"], row["驳回次数"], row["反弹次数"], row["举报份数"]) == (0, 0, 0, 1)


def test_refusal_overdue_and_each_holders_days_are_in_the_row(build: Build) -> None:
    case_id, handler = build.case("assigned")
    office = build.office()
    handler.act(case_id, "return", reason="不属本辖区")
    build.clock.move(days=2)
    office.act(case_id, "rule", unit=TOWNSHIP, reason="属本镇", rectify_by="2026-06-20")
    handler.act(case_id, "accept")
    handler.act(case_id, "start", measure="清理", person="李", date="2026-06-10")
    build.clock.move(days=20)
    shown = office.get(f"/cases/{case_id}").json
    [row] = exported(office)
    assert row["退回次数"] == "1"
    assert row["现在逾期"] == "整改逾期"
    assert row["整改期限（首次）"] == local(shown["first_rectify_by"])
    assert row["整改期限（现在）"] == "2026-06-20 23:59"
    assert row["分办期限（逾期过）"] == "是"
    assert [row["首次交办"], row["最近交办"]] == ["2026-06-01 09:00", "2026-06-03 09:00"]
    held = {(h["holder_name"], h["kind_title"]): h for h in shown["holders"]}
    for (name, kind), one in held.items():
        assert f"{name}{kind}{one['used_days']}天" in row["各单位用时（工作日）"]
    mine = held[shown["lead_unit_name"], "整改"]
    assert row["主办单位整改天数"] == str(mine["used_days"])
    assert row["逾期天数合计"] == str(sum(h["overdue_days"] for h in shown["holders"]))
    assert [row["最近退回"], row["裁定"], row["计划完成"]] == ["2026-06-01 09:00", "2026-06-03 09:00", "2026-06-10"]
    assert [row["整改措施"], row["责任人"]] == ["清理", "李"]


def test_extensions_letters_and_look_backs_are_counted_and_dated_in_the_row(build: Build) -> None:
    case_id, handler = build.case("rectifying")
    office = build.office()
    wishes = {"rectify_by": "2026-06-15", "reason": "连日大雨"}
    assert handler.act(case_id, "ask_extension", **wishes).status_code == 200
    build.clock.move(hours=1)
    office.act(case_id, "refuse_extension", reason="先报进度")
    build.clock.move(hours=1)
    handler.act(case_id, "ask_extension", **wishes)
    build.clock.move(hours=1)
    granted = office.act(case_id, "grant_extension", reason="同意", rectify_by="2026-06-15")
    assert granted.status_code == 200, granted.json
    letter = office.act(case_id, "supervise", reason="抓紧", demands="按期完成")
    assert letter.status_code == 200, letter.json
    [row] = exported(office)
    assert [row["申请延期次数"], row["延期次数"], row["督办次数"]] == ["2", "1", "1"]
    assert [row["最近申请延期"], row["最近同意延期"]] == ["2026-06-01 11:00", "2026-06-01 12:00"]
    assert [row["最近督办"], row["督办最近回复"]] == ["2026-06-01 12:00", ""]
    assert [row["整改期限（现在）"][:10], row["回头看次数"]] == ["2026-06-15", "0"]


def test_every_other_end_of_a_case_is_said(build: Build) -> None:
    office = build.office()
    rejected, _ = build.case("assigned")
    office.act(rejected, "reject", reason="不属河湖问题")
    outside = build.report(at="outside_county", text="界外倒垃圾")["number"]
    moved = office.get(f"/cases?number={outside}").json["items"][0]
    office.act(moved["id"], "transfer", body="邻县河长办", reason="在邻县境内")
    target = build.report(at="bank_left", category="garbage", text="岸边垃圾")["number"]
    target_id = office.get(f"/cases?number={target}").json["items"][0]["id"]
    other = build.report(at="bank_right", category="livestock", text="搭棚")["number"]
    other_id = office.get(f"/cases?number={other}").json["items"][0]["id"]
    merged = office.act(other_id, "merge", target=target_id, reason="同一问题")
    assert merged.status_code == 200, merged.json
    rows = {row["编号"]: row for row in exported(office)}
    assert [row["办理结果"] for row in rows.values() if row["状态"] == "不予受理"] == ["不予受理：不属河湖问题"]
    assert rows[outside]["办理结果"] == "移送邻县河长办：在邻县境内"
    assert rows[other]["办理结果"] == f"并入{target}"
    assert rows[target]["举报份数"] == "2"
    assert rows[target]["问题描述"] == "岸边垃圾；搭棚"


FILTERS = [
    "", "state=closed", "state=assigned,closed", f"unit={TOWNSHIP}", f"unit={TOWNSHIP}&part=any", "category=garbage",
    "source=petition", "source=resident", "overdue=true", "clock=accept", "urgent=true", "urgent=false",
    "opened_to=2026-06-01", "opened_from=2026-06-02", "closed_from=2026-06-01&closed_to=2026-06-02", "river=清水河",
    "text=垃圾", "text=垃圾 河边", "sort=due", "number=1",
]  # fmt: skip


def test_an_export_holds_what_the_list_holds(build: Build) -> None:
    build.case("closed")
    build.clock.move(hours=30)
    build.report(at="bank_left", category="sand_mining")
    build.clock.move(days=3)
    build.report(at="mid_river_border")
    office = build.office()
    for phone, filters in ((office, FILTERS), (build.official(phone_of(TOWNSHIP)), FILTERS[::5])):
        for query in filters:
            listed = [case["number"] for case in phone.get(f"/cases?limit=100&{query}").json["items"]]
            assert sorted(row["编号"] for row in exported(phone, query)) == sorted(listed), query


def test_a_unit_takes_out_its_own_cases_in_the_words_it_reads(build: Build) -> None:
    secret = "排污口在家门前，我叫王小明，电话13812345678"
    build.report(
        category="illegal_discharge", privacy="confidential", text=secret, place={"address": "王小明家旁13812345678"}
    )
    office = build.office()
    case = office.get("/cases").json["items"][0]
    chief = build.official("19900000003")
    [before] = exported(chief)
    assert before["问题描述"] == "（举报内容由县河长办审核后转办）"
    assert before["位置"] == ""
    office.act(case["id"], "assign", unit=TOWNSHIP, reason="属地办理")
    build.report(at="bank_left", category="sand_mining")
    township = build.official(phone_of(TOWNSHIP))
    [row] = exported(township)
    assert row["编号"] == case["number"]
    assert row["举报方式"] == "保密"
    for phone in (township, chief, office):  # a file goes from hand to hand: the office's is masked as well
        everything = str(exported(phone))
        assert "排污口在家门前" in everything
        assert "王小明，" not in everything
        assert "13812345678" not in everything
    assert exported(build.official(phone_of("530199011"))) == []


def test_what_a_resident_typed_is_never_carried_out(build: Build) -> None:
    build.report(text='=HYPERLINK("http://x","点我")', place={"address": "@SUM(1+1)"})
    office = build.office()
    [row] = exported(office)
    assert row["问题描述"].startswith("'=HYPERLINK")
    assert row["位置"] == "'@SUM(1+1)"
    page = openpyxl.load_workbook(io.BytesIO(office.get("/cases/export").data)).active
    assert page is not None
    typed = [cell for line in page.iter_rows() for cell in line if str(cell.value).startswith(("=HYPER", "@SUM"))]
    assert [cell.data_type for cell in typed] == ["s", "s"]


def test_what_cannot_be_meant_is_refused(build: Build) -> None:
    office = build.office()
    for query, code in (
        ("format=pdf", "invalid_input"), ("state=nowhere", "unknown_state"), ("sort=rubbish", "invalid_input"),
        ("opened_from=2026-06-02&opened_to=2026-06-01", "bad_period"), ("limit=3", "invalid_input"),
    ):  # fmt: skip
        assert office.get(f"/cases/export?{query}").json["code"] == code
    assert office.post("/exports", {"state": "nowhere"}).json["code"] == "unknown_state"
    assert office.post("/exports", {}, Idempotency_Key="x").json["code"] == "idempotency_key_missing"


# ---- long ones -------------------------------------------------------------------------------------------------------


@pytest.fixture
def long(build: Build, monkeypatch: pytest.MonkeyPatch) -> Build:
    """A ledger of 40 cases, and a limit of 20 for what is answered at once."""
    monkeypatch.setattr(exports, "AT_ONCE_ROWS", 20)
    with unit_of_work() as work:
        fill(work, 40)
    return build


def test_a_long_export_is_made_by_a_worker_fetched_for_a_day_and_removed(long: Build) -> None:
    office = long.office()
    refused = office.get("/cases/export")
    assert (refused.status_code, refused.json["code"]) == (422, "export_too_long")
    asked = office.post("/exports", {"format": "csv"}, Idempotency_Key="export-1")
    assert asked.status_code == 201
    assert asked.json["state"] == "waiting"
    assert asked.json["rows_total"] == 40
    assert asked.json["url"] is None
    again = office.post("/exports", {"format": "csv"}, Idempotency_Key="export-1")
    assert again.json["id"] == asked.json["id"]
    drain()
    done = office.get(f"/exports/{asked.json['id']}").json
    assert (done["state"], done["rows_done"], done["rows_total"]) == ("done", 40, 40)
    fetched = requests.get(done["url"], timeout=10)
    assert fetched.status_code == 200
    assert "attachment" in fetched.headers["Content-Disposition"]
    assert len(fetched.content) == done["size"]
    rows = read_csv(fetched.content)
    assert len(rows) == len({row["编号"] for row in rows}) == 40
    [use] = uses()
    assert (use.kind, use.rows, use.role) == ("export", 40, "office")
    assert use.detail["sha256"] == hashlib.sha256(fetched.content).hexdigest()
    assert [row["id"] for row in office.get("/exports").json["items"]] == [done["id"]]
    long.clock.move(hours=23)
    drain()
    assert office.get(f"/exports/{done['id']}").json["url"]
    long.clock.move(hours=1)
    assert office.get(f"/exports/{done['id']}").json["url"] is None
    drain()
    assert office.get(f"/exports/{done['id']}").json["state"] == "removed"
    assert requests.get(done["url"], timeout=10).status_code == 404


def uses() -> list[LedgerUse]:
    with unit_of_work() as work:
        return list(work.session.scalars(select(LedgerUse).order_by(LedgerUse.id)))


def test_every_use_is_written_down_the_short_ones_too(build: Build) -> None:
    build.report()
    office = build.office()
    data = office.get("/cases/export?category=garbage").data
    [use] = uses()
    assert use.detail == {
        "form": "xlsx", "asked": {"category": "garbage", "sort": "opened", "ascending": True},
        "sha256": hashlib.sha256(data).hexdigest(),
    }  # fmt: skip


def test_a_spreadsheet_of_a_unit_holds_its_cases_only_and_is_nobody_elses(long: Build) -> None:
    township = long.official(phone_of(TOWNSHIP))
    listed = {case["number"] for case in township.get("/cases?limit=100").json["items"]}
    made = township.post("/exports", {"format": "xlsx"}).json
    drain()
    url = township.get(f"/exports/{made['id']}").json["url"]
    _, note, rows = read_xlsx(requests.get(url, timeout=10).content)
    assert {row["编号"] for row in rows} == listed
    assert f"共 {len(listed)} 件" in note
    office = long.office()
    assert office.get(f"/exports/{made['id']}").status_code == 404
    assert office.post(f"/exports/{made['id']}/cancel").status_code == 404
    assert office.get("/exports").json["items"] == []


def test_whoever_loses_the_office_meanwhile_gets_no_file(long: Build) -> None:
    phone = phone_of(TOWNSHIP)
    township = long.official(phone)
    made = township.post("/exports", {}).json
    with unit_of_work() as work:
        export = work.session.get_one(Export, UUID(made["id"]))
        for role in work.session.scalars(select(RosterRole).where(RosterRole.person_id == export.person_id)):
            role.ended_at = work.now
    drain()
    with unit_of_work() as work:
        export = work.session.get_one(Export, UUID(made["id"]))
        assert (export.state, export.failure) == ("failed", "您已不再担任导出时的职务，文件没有生成。")
    assert uses() == []


def test_too_many_at_once_are_refused_until_one_is_cancelled(long: Build) -> None:
    office = long.office()
    made = [office.post("/exports", {}).json["id"] for _ in range(exports.MAX_WAITING)]
    assert office.post("/exports", {}).json["code"] == "exports_waiting"
    assert office.post(f"/exports/{made[0]}/cancel").json["state"] == "cancelled"
    assert office.post("/exports", {}).status_code == 201
    assert office.post(f"/exports/{made[0]}/cancel").json["code"] == "export_over"
    drain()
    states = [export["state"] for export in office.get("/exports").json["items"]]
    assert states == ["done", "done", "done", "cancelled"]


def test_a_finished_file_can_be_removed_before_its_day_is_over(long: Build) -> None:
    office = long.office()
    made = office.post("/exports", {}).json["id"]
    drain()
    url = office.get(f"/exports/{made}").json["url"]
    assert office.post(f"/exports/{made}/cancel").json["url"] is None
    drain()
    assert office.get(f"/exports/{made}").json["state"] == "removed"
    assert requests.get(url, timeout=10).status_code == 404


def press(write: Callable[..., int]) -> Press:
    storage = current_app.extensions["qinghe"].storage
    return Press(reading, aside, write, storage, sheet_file.CONTENT_TYPES)


def test_progress_is_told_while_it_is_made_and_a_cancelled_one_stops(
    long: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheet_file, "TELL_EVERY", 10)
    office = long.office()
    made = office.post("/exports", {"format": "csv"}).json["id"]
    seen: list[tuple[str, int]] = []

    def write(path: Path, form: FileForm, sheet: Sheet, tell: Callable[[int], None]) -> int:
        def heard(rows: int) -> None:
            tell(rows)
            with current_app.app_context():  # a request of its own
                shown = office.get(f"/exports/{made}").json
                seen.append((shown["state"], shown["rows_done"]))
                if rows == 20:
                    assert office.post(f"/exports/{made}/cancel").json["state"] == "cancelled"

        return sheet_file.write(path, form, sheet, heard)

    with unit_of_work() as work:
        exports.make(work, UUID(made), press(write))
    assert seen == [("running", 10), ("running", 20)]
    drain()
    assert office.get(f"/exports/{made}").json["state"] == "cancelled"
    assert uses() == []


def test_one_that_fails_is_made_again_and_given_up_in_words_at_last(long: Build) -> None:
    office = long.office()
    made = UUID(office.post("/exports", {"format": "csv"}).json["id"])

    def torn(path: Path, form: FileForm, sheet: Sheet, tell: Callable[[int], None]) -> int:
        raise OSError("no space left")

    for _ in range(exports.MAX_ATTEMPTS):
        with pytest.raises(OSError, match="no space"), unit_of_work() as work:
            exports.make(work, made, press(torn))
        assert office.get(f"/exports/{made}").json["state"] == "running"
    drain()
    shown = office.get(f"/exports/{made}").json
    assert (shown["state"], shown["url"]) == ("failed", None)
    assert "联系管理员" in shown["failure"]


def test_what_changes_while_it_is_read_is_not_half_in_it(long: Build) -> None:
    """The rows are those of one moment, though read in batches while the ledger goes on."""
    office = long.office()
    made = UUID(office.post("/exports", {"format": "csv"}).json["id"])
    lengths: list[int] = []

    def write(path: Path, form: FileForm, sheet: Sheet, tell: Callable[[int], None]) -> int:
        with current_app.app_context():  # a request of its own
            long.report()
        rows = list(sheet.rows)
        lengths.append(len(rows))
        return sheet_file.write(path, form, replace(sheet, rows=rows), tell)

    with unit_of_work() as work:
        exports.make(work, made, press(write))
    assert lengths == [40]
    assert office.get(f"/exports/{made}").json["rows_done"] == 40


def test_only_one_long_file_is_made_at_a_time(long: Build) -> None:
    office = long.office()
    first, second = (UUID(office.post("/exports", {}).json["id"]) for _ in range(2))

    def write(path: Path, form: FileForm, sheet: Sheet, tell: Callable[[int], None]) -> int:
        with aside() as other:
            exports.make(other, second, press(sheet_file.write))
        with current_app.app_context():  # a request of its own
            assert office.get(f"/exports/{second}").json["state"] == "waiting"
        return sheet_file.write(path, form, sheet, tell)

    with unit_of_work() as work:
        exports.make(work, first, press(write))
    long.clock.move(seconds=10)
    drain()
    assert {export["state"] for export in office.get("/exports").json["items"]} == {"done"}
