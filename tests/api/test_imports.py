"""The ledger that the county kept in Excel, brought in: previewed with every fault, carried out once, withdrawn."""

from __future__ import annotations

import csv
import hashlib
import io
import tracemalloc
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import openpyxl
import pytest
from flask import current_app
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from backend import old_ledger_file
from backend.clock import SHANGHAI
from backend.counties import load
from backend.domain import imports
from backend.extensions import db
from backend.jobs import drain
from backend.models import Assignment, Case, CaseEvent, Deferred, ImportRow, LedgerUse, Notice, RosterRole
from backend.work import aside, unit_of_work
from tests.build import Build, Phone, phone_of

HEAD = [
    "编号", "问题描述", "问题类别", "发现日期", "地点", "河段", "所在乡镇", "责任单位", "协办单位", "责任人",
    "交办日期", "整改期限", "延期至", "销号日期", "状态", "整改措施", "整改结果",
]  # fmt: skip
TOWNSHIP, WATER = "530199001", "530199-water"
CLOSED = {
    "编号": "2024-001", "问题描述": "大桥下堆放垃圾，王小明13812345678反映", "问题类别": "乱堆", "发现日期": "2024.3.5",
    "地点": "清源镇大桥下", "河段": "QSH-01", "所在乡镇": "清源", "责任单位": "清源镇人民政府", "责任人": "李四",
    "交办日期": "2024年3月6日", "整改期限": 45371, "销号日期": "２０２４/３/２５", "状态": "已销号", "整改措施": "清运",
    "整改结果": "已清理干净",
}  # fmt: skip
OPEN = {
    "编号": "2026-007", "问题描述": "岸边搭建棚房", "问题类别": "乱建", "发现日期": "2026-05-06", "所在乡镇": "石门镇",
    "责任单位": "石门镇、水务局", "交办日期": "2026.5.7", "整改期限": "2026年5月20日",
    "延期至": "2026年6月底", "状态": "整改中",
}  # fmt: skip
Row = dict[str, Any]


def xlsx(*rows: Row, head: list[str] | None = None, sheets: dict[str, list[Row]] | None = None) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, found in (sheets or {"台账": list(rows)}).items():
        sheet = book.create_sheet(name)
        sheet.append(["清源县河湖问题台账"])
        sheet.append(head or HEAD)
        for row in found:
            sheet.append([row.get(column) for column in head or HEAD])
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def upload(phone: Phone, data: bytes, name: str = "台账.xlsx", key: str = "") -> TestResponse:
    headers = {
        "Authorization": f"Bearer {phone.token}",
        "Idempotency-Key": key or hashlib.sha256(data).hexdigest()[:40],
    }
    return phone.client.post("/api/v1/imports", data={"file": (io.BytesIO(data), name)}, headers=headers)


def previewed(phone: Phone, data: bytes, **more: str) -> Row:
    answer = upload(phone, data, **more)
    assert answer.status_code == 201, answer.json
    shown: Row = answer.json
    assert shown["digest"] == hashlib.sha256(data).hexdigest()
    return shown


def rows_of(phone: Phone, found: Row, query: str = "") -> list[Row]:
    items: list[Row] = phone.get(f"/imports/{found['id']}/rows?limit=500{query}").json["items"]
    return items


def carried_out(phone: Phone, found: Row, rows: str = "all") -> Row:
    answer = phone.post(f"/imports/{found['id']}/carry-out", {"digest": found["digest"], "rows": rows})
    assert answer.status_code == 200, answer.json
    drain()
    shown: Row = phone.get(f"/imports/{found['id']}").json
    return shown


def imported(phone: Phone, *rows: Row) -> dict[str, Row]:
    """The cases of an import by their old numbers."""
    done = carried_out(phone, previewed(phone, xlsx(*rows)))
    assert done["state"] == "done", done
    made = rows_of(phone, done, "&outcome=made")
    return {row["number"]: phone.get(f"/cases/{row['case_id']}").json for row in made}


def remarks(row: Row) -> list[tuple[str, str]]:
    return [(one["column"], one["reason"]) for one in (*row["faults"], *row["warnings"])]


def day_of(at: str) -> date:
    return datetime.fromisoformat(at).astimezone(SHANGHAI).date()


# ---- what enters -----------------------------------------------------------------------------------------------------


def test_a_closed_case_enters_as_over_with_the_days_of_the_file(build: Build) -> None:
    office = build.office()
    case = imported(office, CLOSED)["2024-001"]
    assert (case["state"], case["source"], case["source_number"]) == ("archived", "imported", "2024-001")
    assert case["number"].startswith("QH-2024-")
    assert (case["category"], case["lead_unit"], case["reach"]) == ("garbage", TOWNSHIP, "QSH-01")
    assert (day_of(case["opened_at"]), day_of(case["closed_at"])) == (date(2024, 3, 5), date(2024, 3, 25))
    assert day_of(case["first_rectify_by"]) == date(2024, 3, 20)
    assert case["clocks"] == []
    [held] = case["holders"]
    assert (held["holder"], held["kind"], held["overdue"]) == (TOWNSHIP, "rectify", True)
    assert (held["used_days"], held["overdue_days"]) == (13, 3)
    [event] = office.get(f"/cases/{case['id']}/events").json["items"]
    assert (event["action"], event["title"], event["to_state"]) == ("import", "原台账导入", "archived")
    assert event["data"]["dates"]["closed"] == "2024-03-25"
    assert "李四" in event["text"]
    assert "李四" not in str(event["data"]), "words of people enter by digest"
    handler = build.official(phone_of(TOWNSHIP))
    [report] = handler.get(f"/cases/{case['id']}").json["reports"]
    assert "13812345678" not in report["text"]
    assert handler.get("/cases?text=大桥").json["items"][0]["id"] == case["id"]
    assert office.get("/cases?number=2024-001").json["items"][0]["id"] == case["id"]


def test_what_was_closed_lately_is_still_within_its_windows(build: Build) -> None:
    lately = {
        **CLOSED,
        "编号": "1",
        "发现日期": "2026-05-20",
        "交办日期": "2026-05-20",
        "销号日期": "2026-05-29",
        "整改期限": None,
    }
    filed = {**lately, "编号": "2", "状态": "已归档"}
    cases = imported(build.office(), lately, filed)
    assert (cases["1"]["state"], cases["2"]["state"]) == ("closed", "archived")


def test_an_open_case_goes_on_with_the_deadlines_of_the_file(build: Build) -> None:
    office = build.office()
    case = imported(office, OPEN)["2026-007"]
    assert (case["state"], case["lead_unit"], case["assisting"]) == ("rectifying", "530199002", [WATER])
    assert day_of(case["first_rectify_by"]) == date(2026, 5, 20)
    [clock] = case["clocks"]
    assert (clock["kind"], day_of(clock["due_at"]), clock["overdue"]) == ("rectify", date(2026, 6, 30), False)
    [held] = case["holders"]
    assert (held["used_days"], held["running"]) == (18, True), "since the seventh of May, its worked Saturday too"
    handler = build.official(phone_of("530199002"))
    done = handler.act(case["id"], "request_closure", done="已拆除", photos=[build.photo(handler)])
    assert done.status_code == 200, done.json
    assert office.act(case["id"], "close").json["state"] == "closed"


def test_every_state_of_the_file_finds_its_clocks(build: Build) -> None:
    office = build.office()
    words = {
        "待签收": "assigned",
        "已签收": "accepted",
        "正在整改": "rectifying",
        "待验收": "in_review",
        "待交办": "triage",
    }
    cases = imported(office, *({**OPEN, "编号": word, "状态": word} for word in words))
    assert {number: case["state"] for number, case in cases.items()} == words
    running = {number: sorted(clock["kind"] for clock in case["clocks"]) for number, case in cases.items()}
    assert running == {
        "待签收": ["accept", "rectify", "refuse"], "已签收": ["rectify"], "正在整改": ["rectify"], "待验收": ["review"],
        "待交办": ["triage"],
    }  # fmt: skip
    waiting = cases["待交办"]
    assert waiting["lead_unit"] is None
    given = office.act(waiting["id"], "assign", unit=TOWNSHIP, reason="属地").json
    [clock] = [c for c in given["clocks"] if c["kind"] == "rectify"]
    assert day_of(clock["due_at"]) <= date(2026, 6, 30), "the old deadline is honoured"
    handler = build.official(phone_of("530199002"))
    assert handler.act(cases["待签收"]["id"], "accept").json["state"] == "accepted"


def test_an_open_case_without_a_deadline_has_one_by_the_rules_from_today(build: Build) -> None:
    office = build.office()
    found = previewed(office, xlsx({**OPEN, "整改期限": "立行立改", "延期至": "/"}))
    [row] = rows_of(office, found)
    assert [reason for _, reason in remarks(row)] == [
        "“立行立改”不是日期，按没有期限导入", "写了 2 个单位，第一个作主办，其余作协办",
        "在办案件没有整改期限，从导入之日起按规则计算",
    ]  # fmt: skip
    done = carried_out(office, found)
    case = office.get(f"/cases/{rows_of(office, done)[0]['case_id']}").json
    [clock] = case["clocks"]
    assert day_of(clock["due_at"]) > date(2026, 6, 1)
    assert case["first_rectify_by"] == clock["due_at"]


def test_nobody_is_told_of_old_cases_and_nothing_is_left_to_do(build: Build) -> None:
    imported(build.office(), CLOSED, OPEN)
    with unit_of_work() as work:
        assert work.session.scalar(select(func.count()).select_from(Notice)) == 0
        left = list(work.session.scalars(select(Deferred.name).where(Deferred.done_at.is_(None))))
        assert left == ["expire_import"]


def test_the_export_shows_what_was_imported(build: Build) -> None:
    office = build.office()
    imported(office, CLOSED, OPEN)
    data = office.get("/cases/export?format=csv").data.decode("utf-8-sig")
    rows = {row["原编号"]: row for row in csv.DictReader(io.StringIO(data))}
    closed, going = rows["2024-001"], rows["2026-007"]
    assert (closed["来源"], closed["举报方式"]) == ("原台账导入", "")
    assert (closed["首次交办"], closed["销号"], closed["登记时间"]) == ("2024-03-06", "2024-03-25", "2024-03-05")
    assert closed["整改期限（首次）"] == "2024-03-20 23:59"
    assert closed["整改期限（逾期过）"] == "是"
    assert closed["所在乡镇"] == "清源镇"
    assert "已清理干净" in closed["办理结果"]
    assert (going["整改期限（首次）"], going["整改期限（现在）"]) == ("2026-05-20 23:59", "2026-06-30 23:59")


# ---- the preview -----------------------------------------------------------------------------------------------------


def test_the_preview_says_of_each_row_what_would_be_made_and_makes_nothing(build: Build) -> None:
    office = build.office()
    bad = {**OPEN, "编号": "9", "发现日期": "2024.2.30", "责任单位": "不知道哪个镇"}
    found = previewed(office, xlsx(CLOSED, OPEN, bad))
    assert (found["state"], found["rows"], found["new"], found["known"], found["faulty"]) == ("previewed", 3, 2, 0, 1)
    closed, going, faulty = rows_of(office, found)
    assert (closed["line"], closed["outcome"], closed["outcome_title"], closed["faults"]) == (3, "new", "将新建", [])
    assert closed["content"]["state"] == "archived"
    assert closed["content"]["due_on"] == "2024-03-20"
    assert ("责任单位", "写了 2 个单位，第一个作主办，其余作协办") in remarks(going)
    assert (faulty["line"], faulty["sheet"], faulty["outcome"], faulty["content"]) == (5, "台账", "faulty", None)
    assert remarks(faulty)[:2] == [
        ("发现日期", "“2024.2.30”这一天不存在"),
        ("责任单位", "单位“不知道哪个镇”不认识，可在 imports.toml 的 units 里写明是哪个单位"),
    ]
    assert [row["line"] for row in rows_of(office, found, "&outcome=faulty")] == [5]
    page = office.get(f"/imports/{found['id']}/rows?limit=2").json
    rest = office.get(f"/imports/{found['id']}/rows?limit=2&after={page['next']}").json
    assert [row["line"] for row in (*page["items"], *rest["items"])] == [3, 4, 5]
    assert office.get("/cases").json["items"] == []


@pytest.mark.parametrize(
    ("changes", "column", "reason"),
    [
        ({"编号": None}, "编号", "缺少编号"), ({"编号": "QH-2026-000001"}, "编号", "本系统的编号"),
        ({"问题描述": " "}, "问题描述", "缺少问题描述"), ({"问题描述": "长" * 2001}, "问题描述", "最多 2000 字"),
        ({"发现日期": "2024"}, "发现日期", "不是日期"), ({"发现日期": 2024.3}, "发现日期", "不是完整的日期"),
        ({"发现日期": "2026-06-02"}, "发现日期", "还没有到"), ({"交办日期": "2024-03-04"}, "交办日期", "早于发现日期"),
        ({"销号日期": "2024-03-05"}, "销号日期", "早于交办日期"),
        ({"整改期限": "2024-03-01"}, "整改期限", "早于发现日期"),
        ({"状态": "整改中"}, "销号日期", "却有销号日期"), ({"整改期限": "尽快"}, "整改期限", "不是日期"),
        ({"责任单位": "清源县"}, "责任单位", "不认识"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_a_fault_with_its_column(build: Build, changes: Row, column: str, reason: str) -> None:
    office = build.office()
    found = previewed(office, xlsx({**CLOSED, **changes}))
    assert found["faulty"] == 1
    [row] = rows_of(office, found)
    assert any(one["column"] == column and reason in one["reason"] for one in row["faults"]), row["faults"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"问题类别": "怪事"}, "类别“怪事”没有对应，按“其他”导入"), ({"问题类别": None}, "没有类别，按“其他”导入"),
        ({"发现日期": None}, "没有发现日期，用最早的日期 2024-03-06 代替"), ({"状态": "差不多了"}, "不是认识的状态"),
        ({"销号日期": None}, "已办结但没有销号日期"), ({"河段": "无名河"}, "河段“无名河”不认识"),
        ({"所在乡镇": "外县某镇"}, "乡镇“外县某镇”不认识"), ({"协办单位": "某公司"}, "协办单位“某公司”不认识"),
        ({"延期至": "2024-03-10"}, "早于原期限"),
        ({"责任单位": None, "状态": "整改中", "销号日期": None}, "由县河长办分办"),
    ],
)  # fmt: skip
def test_what_has_to_be_guessed_is_a_warning(build: Build, changes: Row, reason: str) -> None:
    office = build.office()
    found = previewed(office, xlsx({**CLOSED, **changes}))
    assert found["faulty"] == 0, rows_of(office, found)
    [row] = rows_of(office, found)
    assert any(reason in one["reason"] for one in row["warnings"]), row["warnings"]


def test_a_number_twice_is_a_fault_across_sheets_too(build: Build) -> None:
    office = build.office()
    found = previewed(office, xlsx(sheets={"2023": [CLOSED], "2024": [CLOSED, {**CLOSED, "问题描述": "别的"}]}))
    assert (found["new"], found["faulty"]) == (1, 2)
    _, same, other = rows_of(office, found)
    assert same["faults"] == [{"column": "编号", "reason": "编号“2024-001”与工作表“2023”第 3 行重复，内容相同"}]
    assert other["faults"][0]["reason"].endswith("内容不同")


def test_a_ledger_that_only_counts_its_rows_is_known_by_sheet_and_count(build: Build) -> None:
    office = build.office()
    head = ["序号", *HEAD[1:]]
    rows = [{**CLOSED, "序号": n} for n in (1, 2)]
    found = previewed(office, xlsx(head=head, sheets={"2023年": rows, "2024年": rows}))
    assert found["faulty"] == 0
    assert [row["number"] for row in rows_of(office, found)] == ["2023年-1", "2023年-2", "2024年-1", "2024年-2"]
    assert "没有编号" in rows_of(office, found)[0]["warnings"][0]["reason"]


def test_coordinates_are_used_in_the_system_that_the_county_names(build: Build) -> None:
    office = build.office()
    head = [*HEAD, "经度", "纬度"]
    right = {**CLOSED, "编号": "1", "经度": "102.7193", "纬度": "25°12′18.7″"}
    swapped = {**CLOSED, "编号": "2", "经度": 25.2, "纬度": 102.7}
    found = previewed(office, xlsx(right, swapped, head=head))
    first, second = rows_of(office, found)
    assert (first["content"]["lon"], first["content"]["coord_type"]) == (102.7193, "wgs84")
    assert "写反" in second["faults"][0]["reason"]
    done = carried_out(office, found, "good")
    case = office.get(f"/cases/{rows_of(office, done)[0]['case_id']}").json
    assert (case["place_from"], round(case["lat"], 4)) == ("given", 25.2052)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"), (b"\xd0\xcf\x11\xe0" + b"\0" * 64, "old_excel"), (b"PK\x03\x04rubbish", "broken_file"),
        ("甲,乙\n1,2\n".encode(), "no_header"),
    ],
)  # fmt: skip
def test_what_is_no_ledger_is_refused_in_words(build: Build, data: bytes, code: str) -> None:
    answer = upload(build.office(), data, key="some-key-of-mine")
    assert (answer.status_code, answer.json["code"]) == (422, code)


def test_only_the_office_imports(build: Build) -> None:
    for phone in (build.official(phone_of(TOWNSHIP)), build.official("19900000003")):
        assert upload(phone, xlsx(CLOSED)).status_code == 403


# ---- carrying out ----------------------------------------------------------------------------------------------------


def numbers(office: Phone) -> list[str]:
    return sorted(case["source_number"] for case in office.get("/cases?limit=100").json["items"])


def test_all_or_nothing_unless_only_the_good_rows_are_asked_for(build: Build) -> None:
    office = build.office()
    found = previewed(office, xlsx(CLOSED, OPEN, {**OPEN, "编号": None}))
    refused = office.post(f"/imports/{found['id']}/carry-out", {"digest": found["digest"]})
    assert refused.json["code"] == "import_has_faults"
    assert numbers(office) == []
    done = carried_out(office, found, "good")
    assert (done["state"], done["done"], done["good_only"]) == ("done", 2, True)
    assert numbers(office) == ["2024-001", "2026-007"]
    with unit_of_work() as work:
        [use] = work.session.scalars(select(LedgerUse))
        assert (use.kind, use.rows, use.detail["left"]) == ("import_ledger", 2, 1)
        assert use.detail["sha256"] == found["digest"]
        kept = work.session.scalar(select(func.count()).where(ImportRow.content.is_not(None)))
        assert kept == 0, "what the rows said is forgotten"


def test_only_the_very_file_that_was_previewed_is_carried_out(build: Build) -> None:
    office = build.office()
    found = previewed(office, xlsx(CLOSED))
    other = hashlib.sha256(b"other").hexdigest()
    assert office.post(f"/imports/{found['id']}/carry-out", {"digest": other}).json["code"] == "file_changed"
    assert office.post(f"/imports/{found['id']}/carry-out", {"digest": "x"}).json["code"] == "invalid_input"


def test_importing_again_doubles_nothing(build: Build) -> None:
    office = build.office()
    first = previewed(office, xlsx(CLOSED, OPEN))
    assert previewed(office, xlsx(CLOSED, OPEN))["id"] == first["id"], "the same request is answered again"
    carried_out(office, first)
    assert office.post(f"/imports/{first['id']}/carry-out", {"digest": first["digest"]}).json["code"] == "import_over"
    again = previewed(office, xlsx(CLOSED, OPEN), key="another-key-1")
    assert (again["new"], again["known"]) == (0, 2)
    assert office.post(f"/imports/{again['id']}/carry-out", {"digest": again["digest"]}).json["code"] == "nothing_new"
    more = {**OPEN, "状态": "已销号", "销号日期": "2026-05-30"}
    third = previewed(office, xlsx(CLOSED, more, {**CLOSED, "编号": "2024-002"}))
    assert (third["new"], third["known"]) == (1, 2)
    [_, closed_there] = rows_of(office, third, "&outcome=known")
    assert "文件里已办结而台账里没有" in closed_there["warnings"][-1]["reason"]
    carried_out(office, third)
    assert numbers(office) == ["2024-001", "2024-002", "2026-007"]


def test_a_number_that_came_in_since_the_preview_is_left(build: Build) -> None:
    office = build.office()
    late = previewed(office, xlsx(CLOSED, OPEN))
    carried_out(office, previewed(office, xlsx(CLOSED)))
    done = carried_out(office, late)
    assert (done["state"], done["done"]) == ("done", 1)
    assert [row["outcome"] for row in rows_of(office, done)] == ["known", "made"]
    assert numbers(office) == ["2024-001", "2026-007"]


def test_a_preview_ends_with_its_day_and_with_the_county_it_was_made_for(build: Build) -> None:
    office = build.office()
    old = previewed(office, xlsx(CLOSED))
    build.clock.move(hours=24)
    assert office.post(f"/imports/{old['id']}/carry-out", {"digest": old["digest"]}).json["code"] == "import_over"
    drain()
    assert office.get(f"/imports/{old['id']}").json["state"] == "expired"
    assert [row["content"] for row in rows_of(office, old)] == [None]
    fresh = previewed(office, xlsx(CLOSED), key="the-next-day")
    with unit_of_work() as work:
        changed = work.county.model_copy(update={"hotline": "0871-1"})
        load(db.session(), changed, build.clock().date(), build.clock())
    try:
        answer = office.post(f"/imports/{fresh['id']}/carry-out", {"digest": fresh["digest"]})
        assert answer.json["code"] == "county_changed"
    finally:
        with unit_of_work() as work:
            back = work.county.model_copy(update={"hotline": "0871-00012345"})
            load(db.session(), back, build.clock().date(), build.clock())


def test_a_preview_or_a_waiting_import_is_cancelled(build: Build) -> None:
    office = build.office()
    found = previewed(office, xlsx(CLOSED))
    office.post(f"/imports/{found['id']}/carry-out", {"digest": found["digest"]})
    assert office.post(f"/imports/{found['id']}/cancel").json["state"] == "cancelled"
    drain()
    assert numbers(office) == []
    assert office.post(f"/imports/{found['id']}/cancel").json["code"] == "import_over"
    assert [row["content"] for row in rows_of(office, found)] == [None]


def test_an_import_cancelled_in_the_middle_leaves_nothing(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "BATCH", 2)
    office = build.office()
    found = previewed(office, xlsx(*({**CLOSED, "编号": str(n)} for n in range(7))))
    office.post(f"/imports/{found['id']}/carry-out", {"digest": found["digest"]})
    seen: list[int] = []

    def beside() -> Any:
        with current_app.app_context():  # a request of its own
            shown = office.get(f"/imports/{found['id']}").json
            seen.append(shown["done"])
            if shown["done"] == 4:
                office.post(f"/imports/{found['id']}/cancel")
        return aside()

    with unit_of_work() as work:
        imports.make(work, UUID(found["id"]), beside)
    assert seen[:4] == [0, 0, 2, 4]
    assert numbers(office) == []
    assert office.get(f"/imports/{found['id']}").json["state"] == "cancelled"


def test_whoever_left_the_office_meanwhile_imports_nothing(build: Build) -> None:
    office = build.office()
    found = previewed(office, xlsx(CLOSED))
    office.post(f"/imports/{found['id']}/carry-out", {"digest": found["digest"]})
    with unit_of_work() as work:
        for role in work.session.scalars(select(RosterRole).where(RosterRole.role == "office")):
            role.ended_at = work.now
    drain()
    with unit_of_work() as work:
        shown = imports.get(work, UUID(found["id"]))
        assert (shown.state, shown.failure) == ("failed", "导入人已不在县河长办，没有导入。")
        assert work.session.scalar(select(func.count()).select_from(Case)) == 0


# ---- withdrawing -----------------------------------------------------------------------------------------------------


def test_a_fresh_import_is_withdrawn_whole_and_the_mended_file_comes_in(build: Build) -> None:
    office = build.office()
    done = carried_out(office, previewed(office, xlsx(CLOSED, OPEN)))
    assert done["withdrawable"]
    assert office.post(f"/imports/{done['id']}/withdraw").json["state"] == "withdrawing"
    drain()
    assert office.get(f"/imports/{done['id']}").json["state"] == "withdrawn"
    cases = office.get("/cases").json["items"]
    assert {(case["state"], case["state_title"], case["lead_unit"], case["source_number"]) for case in cases} == {
        ("withdrawn", "导入已撤销", None, None)
    }
    for case in cases:
        events = office.get(f"/cases/{case['id']}/events").json["items"]
        assert [event["action"] for event in events] == ["import", "withdraw_import"]
        assert case["clocks"] == []
        assert office.get(f"/cases/{case['id']}").json["allowed_actions"] == []
    assert build.official(phone_of(TOWNSHIP)).get("/cases").json["items"] == []
    with unit_of_work() as work:
        assert work.session.scalar(select(func.count()).where(Assignment.ended_at.is_(None))) == 0
    again = carried_out(office, previewed(office, xlsx(CLOSED, {**OPEN, "延期至": None}), key="mended-file"))
    assert (again["state"], again["done"]) == ("done", 2)


def test_an_import_on_which_somebody_acted_stays(build: Build) -> None:
    office = build.office()
    done = carried_out(office, previewed(office, xlsx(CLOSED, OPEN)))
    case_id = rows_of(office, done)[1]["case_id"]
    office.act(case_id, "grade", severity="serious", reason="面积大")
    refused = office.post(f"/imports/{done['id']}/withdraw")
    assert (refused.status_code, refused.json["code"]) == (409, "acted_on")
    assert len(refused.json["numbers"]) == 1
    assert {case["state"] for case in office.get("/cases").json["items"]} == {"archived", "rectifying"}


def test_what_the_timer_did_is_nobodys_acting(build: Build) -> None:
    """Reminders of overdue cases come by themselves."""
    office = build.office()
    late = {**OPEN, "延期至": None}
    done = carried_out(office, previewed(office, xlsx(late)))
    case_id = rows_of(office, done)[0]["case_id"]
    build.clock.move(hours=23.9)
    with unit_of_work() as work:
        work.defer("push_due")
    drain()
    actions = [event["action"] for event in office.get(f"/cases/{case_id}/events").json["items"]]
    assert actions == ["import", "remind_due"]
    assert office.post(f"/imports/{done['id']}/withdraw").status_code == 200
    drain()
    assert office.get(f"/cases/{case_id}").json["state"] == "withdrawn"


def test_an_old_import_stays(build: Build) -> None:
    office = build.office()
    done = carried_out(office, previewed(office, xlsx(CLOSED)))
    build.clock.move(hours=24, seconds=1)
    assert not office.get(f"/imports/{done['id']}").json["withdrawable"]
    assert office.post(f"/imports/{done['id']}/withdraw").json["code"] == "too_late_to_withdraw"


def test_acting_between_the_wish_and_the_withdrawing_wins(build: Build) -> None:
    office = build.office()
    done = carried_out(office, previewed(office, xlsx(CLOSED, OPEN)))
    office.post(f"/imports/{done['id']}/withdraw")
    office.act(rows_of(office, done)[1]["case_id"], "grade", severity="serious", reason="面积大")
    drain()
    shown = office.get(f"/imports/{done['id']}").json
    assert shown["state"] == "done"
    assert "已有案件有人办理" in shown["failure"]
    assert "withdrawn" not in {case["state"] for case in office.get("/cases").json["items"]}


# ---- many ------------------------------------------------------------------------------------------------------------


def many(n: int) -> bytes:
    first = date(2022, 1, 1)
    rows = (
        {
            **CLOSED, "编号": f"{n}-{i}", "发现日期": str(first + timedelta(days=i % 1000)),
            "交办日期": str(first + timedelta(days=i % 1000 + 1)),
            "整改期限": str(first + timedelta(days=i % 1000 + 10)),
            "销号日期": str(first + timedelta(days=i % 1000 + 9)),
        }
        for i in range(n)
    )  # fmt: skip
    return xlsx(*rows)


def test_reading_many_rows_takes_little_memory_for_each(build: Build) -> None:
    data = many(1_000)
    with unit_of_work() as work:
        old_ledger_file.read(data, work)
        tracemalloc.start()
        try:
            rows, _ = old_ledger_file.read(data, work)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert len(rows) == 1_000
    assert peak < 15_000 * 1_000


@pytest.mark.large
def test_a_ledger_of_twenty_thousand_cases_comes_in_whole(build: Build) -> None:
    office = build.office()
    found = previewed(office, many(20_000))
    assert (found["new"], found["faulty"]) == (20_000, 0)
    done = carried_out(office, found)
    assert (done["state"], done["done"]) == ("done", 20_000)
    with unit_of_work() as work:
        assert work.session.scalar(select(func.count()).select_from(CaseEvent)) == 20_000
        assert work.session.scalar(select(func.count(func.distinct(Case.source_number)))) == 20_000
