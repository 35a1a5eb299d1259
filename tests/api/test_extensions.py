"""Extensions over HTTP: the office's list, both dates, what the unit and the reporter are told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from backend.clock import SHANGHAI
from backend.jobs import drain
from tests.build import Build, Phone, phone_of

OTHER = "530199004"


def ask(township: Phone, case_id: str, wished: str = "2026-06-12") -> Any:
    return township.act(case_id, "ask_extension", reason="连日下雨，机械进不去。", rectify_by=wished)


def listed(phone: Phone, query: str = "") -> list[dict[str, Any]]:
    answer = phone.get(f"/extensions{query}")
    assert answer.status_code == 200, answer.json
    found: list[dict[str, Any]] = answer.json["items"]
    return found


def day(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(SHANGHAI):%m-%d}"


def notices(phone: Phone) -> list[tuple[str, str]]:
    drain()
    return [(notice["title"], notice["body"]) for notice in phone.get("/notices").json["items"]]


def test_an_extension_is_asked_for_decided_and_told_to_everybody(build: Build) -> None:
    resident = build.resident()
    report = build.report(resident)
    office = build.office()
    case = office.get("/cases?limit=1").json["items"][0]
    case_id, township = case["id"], build.official(phone_of(case["lead_unit"]))
    township.act(case_id, "accept")
    early = ask(township, case_id)
    assert (early.status_code, early.json["code"]) == (409, "wrong_state")
    township.act(case_id, "start", measure="清运", person="李四", date="2026-06-05")
    assert ask(township, case_id).status_code == 200

    assert notices(office)[0] == (
        "申请延期",
        f"翠屏乡申请将{case['number']} 垃圾倾倒延期到2026年6月12日 23:59，请决定。",
    )
    (waiting,) = listed(office, "?state=open")
    assert (waiting["unit_name"], waiting["reason"]) == ("翠屏乡", "连日下雨，机械进不去。")
    assert (day(waiting["due_before"]), day(waiting["wished_by"]), waiting["granted_until"]) == ("06-08", "06-12", None)
    assert [row["action"] for row in waiting["allowed_actions"]] == ["grant_extension", "refuse_extension"]
    assert [row["action"] for row in listed(township)[0]["allowed_actions"]] == ["withdraw_extension"]
    assert [one["number"] for one in office.get("/cases?awaiting=extension").json["items"]] == [case["number"]]

    granted = office.act(case_id, "grant_extension", reason="天气原因属实。", rectify_by="2026-06-11")
    assert granted.status_code == 200, granted.json
    (clock,) = [clock for clock in granted.json["clocks"] if clock["kind"] == "rectify"]
    assert (day(clock["due_at"]), clock["set_by"]) == ("06-11", "extension")
    assert day(granted.json["first_rectify_by"]) == "06-08"
    (done,) = listed(office, f"?case_id={case_id}")
    assert (done["state"], done["decision"], done["allowed_actions"]) == ("granted", "天气原因属实。", [])
    assert [day(done[name]) for name in ("due_before", "wished_by", "granted_until")] == ["06-08", "06-12", "06-11"]
    assert office.get("/cases?awaiting=extension").json["items"] == []

    assert notices(township)[0] == ("同意延期", f"{case['number']} 垃圾倾倒的整改期限延长到2026年6月11日 23:59。")
    title, body = notices(resident)[0]
    assert title == "整改时间延长"
    assert "延长到2026年6月11日 23:59" in body
    words = [step["words"] for step in resident.get(f"/reports/{report['id']}").json["steps"]]
    assert words[-2:] == [
        "翠屏乡申请延长整改时间，等县河长办决定。",
        "县河长办同意整改时间延长到2026年6月11日 23:59：天气原因属实。",
    ]


def test_after_the_deadline_it_is_too_late_to_ask(build: Build) -> None:
    case_id, township = build.case("rectifying")
    build.clock.move(days=8)
    late = ask(township, case_id)
    assert (late.status_code, late.json["code"]) == (409, "too_late_to_extend")
    assert late.json["title"].startswith("整改期限已过")
    assert "ask_extension" not in {row["action"] for row in township.get(f"/cases/{case_id}").json["allowed_actions"]}


def test_a_request_waits_beyond_the_deadline_and_is_shown_as_overdue(build: Build) -> None:
    case_id, township = build.case("rectifying")
    office = build.office()
    ask(township, case_id, "2026-06-16")
    build.clock.move(days=9)
    assert listed(office)[0]["overdue"]
    assert office.get(f"/cases/{case_id}").json["clocks"][0]["overdue"]
    shown = office.act(case_id, "grant_extension", reason="同意").json
    assert not shown["clocks"][0]["overdue"]
    assert {held["overdue"] for held in shown["holders"]} == {False}


def test_the_case_says_no_and_the_unit_takes_its_request_back(build: Build) -> None:
    case_id, township = build.case("rectifying")
    office = build.office()
    ask(township, case_id)
    again = ask(township, case_id)
    assert (again.status_code, again.json["code"]) == (409, "extension_waiting")
    assert office.act(case_id, "refuse_extension", reason="时间足够").status_code == 200
    assert notices(township)[0][1].endswith("的整改期限仍是2026年6月8日 23:59，请查看县河长办的理由。")
    ask(township, case_id)
    assert township.act(case_id, "withdraw_extension").status_code == 200
    assert [one["state_title"] for one in listed(office)] == ["已撤回", "未同意"]


def test_a_request_for_closure_ends_the_question(build: Build) -> None:
    case_id, township = build.case("rectifying")
    office = build.office()
    ask(township, case_id)
    township.act(case_id, "request_closure", done="已清理", photos=[build.photo(township)])
    assert [one["state"] for one in listed(office)] == ["lapsed"]
    late = office.act(case_id, "grant_extension", reason="同意")
    assert (late.status_code, late.json["code"]) == (409, "wrong_state")


def test_the_list_is_paged_filtered_and_shows_a_unit_its_own_cases_alone(build: Build) -> None:
    office = build.office()
    cases = [build.case("rectifying", at=at, category=category) for at, category in (
        ("inside_township", "garbage"), ("exclave", "floating"))]  # fmt: skip
    for case_id, township in cases:
        assert ask(township, case_id).status_code == 200
    first = office.get("/extensions?limit=1").json
    second = office.get(f"/extensions?limit=1&before={first['next']}").json
    assert [page["items"][0]["case_id"] for page in (first, second)] == [cases[1][0], cases[0][0]]
    assert office.get(f"/extensions?limit=1&before={second['next']}").json == {"items": [], "next": None}
    for case_id, township in cases:
        assert [one["case_id"] for one in listed(township)] == [case_id]
    unit = first["items"][0]["unit"]
    assert {one["unit"] for one in listed(office, f"?unit={unit}")} == {unit}
    assert listed(build.official(phone_of(OTHER))) == []
    assert build.resident().get("/extensions").status_code == 403
    assert office.get("/extensions?state=nonsense").status_code == 422
