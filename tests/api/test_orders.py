"""Orders of the 12345 hotline answered by file: once for each end of the case, corrected when another end follows."""

from __future__ import annotations

import csv
import io
from typing import Any

import openpyxl
import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from backend.county import County
from backend.jobs import drain
from backend.models import LedgerUse, OrderAnswer
from backend.work import unit_of_work
from tests.api.test_hotline import GARBAGE, NOWHERE, SECRETS, SHIMEN, imported, orders
from tests.build import Build, Phone, phone_of

Row = dict[str, Any]
OTHER = {**NOWHERE, "工单编号": "KM20260531000125"}
NUMBER = GARBAGE["工单编号"]


def waiting(office: Phone) -> list[str]:
    found = office.get("/orders").json
    assert found["waiting"] == len(found["items"])
    return [order["number"] for order in found["items"]]


def answered(office: Phone, *answers: Row) -> TestResponse:
    return office.post("/answer-files", {"answers": list(answers)} if answers else {})


def rows_of(office: Phone, file: Row) -> list[Row]:
    data = office.get(f"/answer-files/{file['id']}/file?format=csv").data
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def told(office: Phone, *answers: Row) -> list[Row]:
    """The rows of the file that answers these orders, or all that wait."""
    made = answered(office, *answers)
    assert made.status_code == 201, made.json
    return rows_of(office, made.json)


def close(build: Build, case_id: str, done: str = "现场已清理干净") -> None:
    """The unit that leads carries the case out, and the office closes it."""
    office = build.office()
    case = office.get(f"/cases/{case_id}").json
    handler = build.official(phone_of(case["lead_unit"]))
    if case["state"] == "assigned":
        handler.act(case_id, "accept")
        handler.act(case_id, "start", measure="清运", person="经办人", date="2026-06-03")
    handler.act(case_id, "request_closure", done=done, photos=[build.photo(handler)])
    assert office.act(case_id, "close").json["state"] == "closed"
    drain()


def test_a_closed_order_is_answered_once_with_what_was_done_and_whether_in_time(build: Build) -> None:
    office = build.office()
    cases = imported(office, orders(GARBAGE, OTHER))
    case = cases[NUMBER]
    assert (waiting(office), answered(office).json["code"]) == ([], "nothing_to_answer")
    close(build, case["id"])
    assert waiting(office) == [NUMBER]
    [order] = office.get("/orders").json["items"]
    assert (order["held_by_number"], order["result"], order["told"]) == (case["number"], "已办结", None)
    made = answered(office).json
    assert (made["rows"], made["corrections"]) == (1, 0)
    [row] = rows_of(office, made)
    assert row == {
        "工单编号": NUMBER, "受理时间": "2026-05-31 21:15", "工单类型": "投诉举报", "承办编号": case["number"],
        "承办单位": "石门镇", "办理结果": "已办结", "办结时间": "2026-06-01 09:00",
        "答复时限": "2026-06-05 17:30", "是否按时办结": "是",
        "答复内容": "现场已清理干净。2026年6月1日经县级核查通过，已办结。", "备注": "",
    }  # fmt: skip
    assert waiting(office) == []
    assert answered(office).json["code"] == "nothing_to_answer"
    build.clock.move(days=3)
    assert rows_of(office, made) == [row], "the file stays as it was made"
    assert [file["id"] for file in office.get("/answer-files").json["items"]] == [made["id"]]
    [line] = office.get("/orders?show=answered").json["items"]
    assert (line["told"], line["told_times"], line["waiting"]) == (row["答复内容"], 1, False)
    assert [one["number"] for one in office.get("/orders?show=open").json["items"]] == [OTHER["工单编号"]]
    with unit_of_work() as work:
        uses = work.session.scalars(select(LedgerUse.kind).order_by(LedgerUse.id)).all()
    assert list(uses) == ["import_hotline", "answer_hotline", "fetch_answers", "fetch_answers"]


def test_the_spreadsheet_for_the_centre_begins_with_its_header(build: Build) -> None:
    office = build.office()
    close(build, imported(office, orders(GARBAGE))[NUMBER]["id"])
    answer = office.get(f"/answer-files/{answered(office).json['id']}/file")
    header, row = openpyxl.load_workbook(io.BytesIO(answer.data)).active.iter_rows(values_only=True)
    assert (header[0], row[0]) == ("工单编号", NUMBER)
    for secret in SECRETS:
        assert secret not in str(row)


def test_a_case_past_the_centres_hour_is_told_as_late(build: Build) -> None:
    office = build.office()
    case = imported(office, orders({**GARBAGE, "办结时限": "2026-06-01 12:00"}))[NUMBER]
    build.clock.move(hours=4)
    close(build, case["id"])
    [row] = told(office)
    assert row["是否按时办结"] == "否"


def test_a_merged_order_is_answered_when_the_case_it_was_merged_into_is_over(build: Build) -> None:
    office = build.office()
    cases = imported(office, orders(GARBAGE, OTHER))
    target, merged = cases[NUMBER], cases[OTHER["工单编号"]]
    assert office.act(merged["id"], "merge", target=target["id"], reason="同一处").status_code == 200
    assert waiting(office) == []
    close(build, target["id"])
    assert waiting(office) == [NUMBER, OTHER["工单编号"]]
    first, second = told(office)
    assert (first["承办编号"], second["承办编号"]) == (target["number"], target["number"])
    assert second["答复内容"].startswith(f"该问题与{target['number']}号合并办理。")
    assert not first["答复内容"].startswith("该问题")


def test_what_came_up_again_is_answered_again_as_a_correction(build: Build) -> None:
    office = build.office()
    case = imported(office, orders(GARBAGE))[NUMBER]
    close(build, case["id"])
    [first] = told(office)
    build.clock.move(days=2)
    failed = office.act(
        case["id"], "fail_follow_up", reason="垃圾还在", photos=[build.photo(office)],
        place={"lon": case["lon"], "lat": case["lat"], "coord_type": "wgs84"},
    )  # fmt: skip
    assert failed.json["state"] == "rectifying", failed.json
    drain()
    assert waiting(office) == [], "the centre is told of ends, not of what goes on"
    close(build, case["id"], done="第二次清运")
    made = answered(office).json
    assert (made["rows"], made["corrections"]) == (1, 1)
    [second] = rows_of(office, made)
    assert second["答复内容"].startswith("第二次清运")
    assert second["备注"] == "第 2 次答复，更正此前的答复"
    with unit_of_work() as work:
        kept = work.session.scalars(select(OrderAnswer).order_by(OrderAnswer.seq)).all()
    assert [one.content["answer"] for one in kept] == [first["答复内容"], second["答复内容"]]


@pytest.mark.parametrize(
    ("action", "form", "result", "words"),
    [
        ("reject", {"reason": "不属于河湖问题，联系人张三13811112222"}, "不予受理", "不予受理：不属于河湖问题"),
        ("transfer", {"body": "下游县河长办", "reason": "在下游县"}, "已移送", "已移送下游县河长办：在下游县"),
    ],
)
def test_an_order_that_is_not_the_countys_is_answered_with_the_reason(
    build: Build, action: str, form: Row, result: str, words: str
) -> None:
    office = build.office()
    case = imported(office, orders(OTHER))[OTHER["工单编号"]]
    assert office.act(case["id"], action, **form).status_code == 200
    [row] = told(office)
    assert (row["办理结果"], row["承办单位"], row["是否按时办结"]) == (result, "清源县河长制办公室", "")
    assert row["答复内容"].startswith(words)
    assert "13811112222" not in row["答复内容"]


def test_the_office_writes_an_answer_of_its_own_to_some_and_leaves_the_others(build: Build) -> None:
    office = build.office()
    cases = imported(office, orders(GARBAGE, OTHER))
    office.act(cases[OTHER["工单编号"]]["id"], "reject", reason="无法查找")
    close(build, cases[NUMBER]["id"])
    [row] = told(office, {"case_id": cases[NUMBER]["id"], "words": "=您反映的垃圾已清运。"})
    assert row["答复内容"] == "'=您反映的垃圾已清运。", "no formula for the centre's spreadsheet"
    assert waiting(office) == [OTHER["工单编号"]]


def test_what_cannot_be_answered_is_refused_with_its_number(build: Build) -> None:
    office = build.office()
    cases = imported(office, orders(GARBAGE, OTHER))
    case_id = cases[NUMBER]["id"]
    still_open = answered(office, {"case_id": case_id})
    assert (still_open.status_code, still_open.json["code"]) == (409, "not_to_answer")
    assert f"工单 {NUMBER} 还没有办结" in still_open.json["title"]
    close(build, case_id)
    told(office)
    again = answered(office, {"case_id": case_id})
    assert (again.status_code, again.json["number"]) == (409, NUMBER)
    assert "已经答复过" in again.json["title"]
    other_case, _ = build.case("assigned")
    assert answered(office, {"case_id": other_case}).status_code == 404
    twice = answered(office, {"case_id": case_id}, {"case_id": case_id})
    assert (twice.status_code, twice.json["code"]) == (422, "order_twice")
    assert answered(office, {"case_id": case_id, "words": "  "}).status_code == 422


def test_only_the_office_answers(build: Build) -> None:
    handler = build.official(phone_of(SHIMEN))
    assert handler.get("/orders").status_code == 403
    assert answered(handler).status_code == 403
    assert handler.get("/answer-files").status_code == 403


def test_a_request_repeated_after_a_lost_answer_makes_one_file(build: Build) -> None:
    office = build.office()
    close(build, imported(office, orders(GARBAGE))[NUMBER]["id"])
    first, second = (office.post("/answer-files", {}, Idempotency_Key="the-same-key-again") for _ in range(2))
    assert (first.status_code, first.json["id"]) == (201, second.json["id"])
    assert len(office.get("/answer-files").json["items"]) == 1


def test_the_county_gives_the_centres_own_headings_in_its_order(county: County) -> None:
    rules = county.rules.imports
    own = rules.model_validate({"answer_columns": [{"field": "answer", "heading": "办理情况"}]})
    assert [column.heading for column in own.answer_columns] == ["办理情况"]
    assert [place for place, _ in own.faults(county)] == ["answer_columns"]
    with pytest.raises(ValueError, match="没有 phone 这样的字段"):
        rules.model_validate({"answer_columns": [{"field": "phone", "heading": "电话"}]})
