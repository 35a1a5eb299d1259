"""Orders of the 12345 hotline, brought in by file: previewed with every fault, placed where that is certain, sealed."""

from __future__ import annotations

import csv
import hashlib
import io
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from backend.clock import SHANGHAI
from backend.jobs import drain
from backend.models import HotlineOrder, Report
from backend.work import unit_of_work
from tests.api.test_imports import carried_out, remarks, rows_of, xlsx
from tests.build import Build, Phone, phone_of

HEAD = [
    "工单编号", "受理时间", "诉求标题", "诉求内容", "诉求类型", "诉求分类", "紧急程度", "来电人", "联系电话",
    "事发地址", "签收时限", "办结时限", "备注",
]  # fmt: skip
SHIMEN = "530199002"
Row = dict[str, Any]
# The clock of the tests stands at the first of June 2026, a Monday.
GARBAGE = {
    "工单编号": "KM20260531000123", "受理时间": "2026-05-31 21:15:08", "诉求标题": "河边倒垃圾",
    "诉求内容": "赵铁柱先生来电（13887654321）反映石门镇清水河边有人夜里倒垃圾，赵先生要求尽快清理。",
    "诉求类型": "投诉举报", "诉求分类": "环境卫生-垃圾清运", "紧急程度": "一般", "来电人": "赵铁柱",
    "联系电话": 13887654321, "事发地址": "石门镇清水河边", "办结时限": "2026-06-05 17:30", "备注": "无",
}  # fmt: skip
NOWHERE = {
    **GARBAGE, "工单编号": "KM20260531000124", "诉求内容": "有人在河里打桩搭棚。", "诉求分类": "侵占河道",
    "来电人": "匿名", "联系电话": "", "事发地址": "大桥下面", "办结时限": None,
}  # fmt: skip
SECRETS = ("赵铁柱", "赵先生", "13887654321")


def orders(*rows: Row) -> bytes:
    return xlsx(*rows, head=HEAD)


def as_csv(*rows: Row, encoding: str = "gb18030") -> bytes:
    kept = io.StringIO()
    writer = csv.DictWriter(kept, HEAD)
    writer.writeheader()
    writer.writerows(rows)
    return kept.getvalue().encode(encoding)


def upload(phone: Phone, data: bytes, name: str = "工单.xlsx") -> TestResponse:
    headers = {"Authorization": f"Bearer {phone.token}", "Idempotency-Key": hashlib.sha256(data).hexdigest()[:40]}
    sent = {"file": (io.BytesIO(data), name)}
    return phone.client.post("/api/v1/imports?kind=hotline", data=sent, headers=headers)


def previewed(phone: Phone, data: bytes) -> Row:
    answer = upload(phone, data)
    assert answer.status_code == 201, answer.json
    shown: Row = answer.json
    return shown


def imported(phone: Phone, data: bytes) -> dict[str, Row]:
    """The cases of an import by the numbers of their orders."""
    done = carried_out(phone, previewed(phone, data), "good")
    assert done["state"] == "done", done
    drain()
    made = rows_of(phone, done, "&outcome=made")
    return {row["number"]: phone.get(f"/cases/{row['case_id']}").json for row in made}


# ---- what enters -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [orders(GARBAGE, NOWHERE), as_csv(GARBAGE, NOWHERE)], ids=["xlsx", "csv of Excel"])
def test_an_order_opens_a_case_with_the_deadline_of_the_centre(build: Build, data: bytes) -> None:
    cases = imported(build.office(), data)
    case = cases["KM20260531000123"]
    assert (case["source"], case["source_number"]) == ("hotline", "KM20260531000123")
    assert (case["category"], case["place_from"], case["lead_unit"]) == ("garbage", "township", SHIMEN)
    with unit_of_work() as work:
        kept = work.session.scalars(select(HotlineOrder).where(HotlineOrder.number == case["source_number"])).one()
        assert kept.answer_by == datetime(2026, 6, 5, 17, 30, tzinfo=SHANGHAI)
        assert kept.called_at == datetime(2026, 5, 31, 21, 15, 8, tzinfo=SHANGHAI)
        assert (str(kept.case_id), kept.kind, kept.sign_by) == (case["id"], "投诉举报", None)


def test_without_a_named_place_the_office_assigns_within_the_days_of_the_source(build: Build) -> None:
    office = build.office()
    case = imported(office, orders(NOWHERE))["KM20260531000124"]
    assert (case["state"], case["place_from"], case["lead_unit"]) == ("triage", "county", None)
    given = office.act(case["id"], "assign", unit=SHIMEN, reason="属地").json
    [clock] = [clock for clock in given["clocks"] if clock["kind"] == "rectify"]
    due_at = datetime.fromisoformat(clock["due_at"]).astimezone(SHANGHAI)
    assert f"{due_at:%m-%d}" == "06-08", "five working days of the hotline, not the longer ones of the category"


def test_the_centres_own_limits_to_sign_and_to_answer_rule_the_clocks(build: Build) -> None:
    office = build.office()
    order = {**GARBAGE, "签收时限": "2026-06-01 15:00"}
    case = imported(office, orders(order))[order["工单编号"]]
    given = case if case["lead_unit"] else office.act(case["id"], "assign", unit=SHIMEN, reason="属地").json
    due = {clock["kind"]: datetime.fromisoformat(clock["due_at"]) for clock in given["clocks"]}
    assert due["accept"] == datetime(2026, 6, 1, 15, tzinfo=SHANGHAI)
    assert due["rectify"] == datetime(2026, 6, 5, 17, 30, tzinfo=SHANGHAI)


def test_no_unit_reads_who_called_in_any_byte(build: Build) -> None:
    office = build.office()
    case = imported(office, orders(GARBAGE))["KM20260531000123"]
    if case["lead_unit"] is None:
        office.act(case["id"], "assign", unit=SHIMEN, reason="属地")
    handler = build.official(phone_of(SHIMEN))
    for path in (f"/cases/{case['id']}", f"/cases/{case['id']}/events", "/cases", "/cases/export?format=csv"):
        answer = handler.get(path)
        assert answer.status_code == 200, path
        for secret in SECRETS:
            for encoding in ("utf-8", "unicode_escape"):
                assert secret.encode(encoding) not in answer.data, (path, secret)
    [report] = handler.get(f"/cases/{case['id']}").json["reports"]
    assert (report["privacy"], report["contact"]) == ("confidential", None)
    assert "夜里倒垃圾" in report["text"]
    assert handler.get("/imports").status_code == 403
    with unit_of_work() as work:
        stored = work.session.scalars(select(Report)).one()
        assert stored.contact_sealed is not None
        assert not any(secret in stored.contact_sealed for secret in SECRETS)
        assert not any(secret in stored.forwarded_text for secret in SECRETS)


def test_the_preview_shows_no_sealed_text(build: Build) -> None:
    office = build.office()
    [row] = rows_of(office, previewed(office, orders(GARBAGE)))
    assert "contact_sealed" not in row["content"]


# ---- repeated --------------------------------------------------------------------------------------------------------


def test_a_later_file_with_the_same_orders_doubles_nothing(build: Build) -> None:
    office = build.office()
    imported(office, orders(GARBAGE))
    again = previewed(office, orders({**GARBAGE, "诉求内容": "催办"}, NOWHERE))
    assert (again["new"], again["known"], again["faulty"]) == (1, 1, 0)
    known = rows_of(office, again, "&outcome=known")[0]
    assert "台账里已有" in str(remarks(known))
    assert carried_out(office, again)["done"] == 1
    assert len(office.get("/cases").json["items"]) == 2


def test_two_previews_of_one_order_make_one_case(build: Build) -> None:
    office = build.office()
    first, second = previewed(office, orders(GARBAGE)), previewed(office, as_csv(GARBAGE))
    assert carried_out(office, first)["done"] == 1
    assert carried_out(office, second)["done"] == 0
    assert len(office.get("/cases").json["items"]) == 1


def test_an_import_of_orders_is_not_withdrawn_and_says_what_to_do_instead(build: Build) -> None:
    office = build.office()
    done = carried_out(office, previewed(office, orders(GARBAGE)))
    assert (done["state"], done["withdrawable"]) == ("done", False)
    answer = office.post(f"/imports/{done['id']}/withdraw")
    assert (answer.status_code, answer.json["code"]) == (409, "not_withdrawable")
    assert "请逐件办理" in answer.json["title"]
    assert office.get("/cases").json["items"][0]["state"] == "assigned"


# ---- what cannot be meant --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "column", "reason"),
    [
        ({"工单编号": None}, "工单编号", "缺少工单编号"), ({"工单编号": "QH-2026-000001"}, "工单编号", "本系统的编号"),
        ({"诉求内容": " "}, "诉求内容", "缺少诉求内容"), ({"诉求内容": "长" * 5000}, "诉求内容", "文字最多"),
        ({"受理时间": "昨天"}, "受理时间", "不是日期"),
        ({"受理时间": "2026-05-31 25:00"}, "受理时间", "这个时间不存在"),
        ({"受理时间": "2026-02-30 10:00"}, "受理时间", "这一天不存在"),
        ({"受理时间": "2026-06-09 10:00"}, "受理时间", "还没有到"), ({"办结时限": "尽量快"}, "办结时限", "不是日期"),
        ({"办结时限": "2026-05-30 10:00"}, "办结时限", "早于来电时间"),
        ({"签收时限": "2026-06-06 10:00"}, "签收时限", "晚于答复时限"),
        ({"来电人": "长" * 51}, "来电人", "文字最多"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_with_its_column(build: Build, changes: Row, column: str, reason: str) -> None:
    office = build.office()
    found = previewed(office, orders({**GARBAGE, **changes}, NOWHERE))
    assert (found["new"], found["faulty"]) == (1, 1), rows_of(office, found)
    [row] = rows_of(office, found, "&outcome=faulty")
    assert (row["line"], row["content"]) == (3, None)
    assert any(one["column"] == column and reason in one["reason"] for one in row["faults"]), row["faults"]


def test_a_number_twice_in_the_file_is_a_fault(build: Build) -> None:
    office = build.office()
    found = previewed(office, orders(GARBAGE, {**NOWHERE, "工单编号": GARBAGE["工单编号"]}))
    assert (found["new"], found["faulty"]) == (1, 1)
    [row] = rows_of(office, found, "&outcome=faulty")
    assert "重复，内容不同" in row["faults"][0]["reason"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"), (b"\xd0\xcf\x11\xe0" + b"\0" * 64, "old_excel"), (b"PK\x03\x04rubbish", "broken_file"),
        ("甲,乙\n1,2\n".encode(), "no_header"), ("受理时间,诉求内容,来电人\n1,2,3\n".encode(), "no_header"),
        (b"\xff\xfe\x00\x01" * 20, "unknown_encoding"),
    ],
)  # fmt: skip
def test_what_is_no_file_of_orders_is_refused_in_words(build: Build, data: bytes, code: str) -> None:
    answer = upload(build.office(), data)
    assert (answer.status_code, answer.json["code"]) == (422, code), answer.json
